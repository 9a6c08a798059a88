// wrappers/protobuf/standard-types.ts
import { create, createFileRegistry } from "@bufbuild/protobuf";
import {
  DescriptorProtoSchema,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_any,
  file_google_protobuf_api,
  file_google_protobuf_descriptor,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_source_context,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_type,
  file_google_protobuf_wrappers,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type
} from "@bufbuild/protobuf/wkt";
var OWN_FILES = {
  "google.api": {
    Http: ["repeated HttpRule rules = 1", "bool fully_decode_reserved_expansion = 2"],
    HttpRule: [
      "string selector = 1",
      "oneof string get = 2",
      "oneof string put = 3",
      "oneof string post = 4",
      "oneof string delete = 5",
      "oneof string patch = 6",
      "oneof CustomHttpPattern custom = 8",
      "string body = 7",
      "string response_body = 12",
      "repeated HttpRule additional_bindings = 11"
    ],
    CustomHttpPattern: ["string kind = 1", "string path = 2"],
    HttpBody: ["string content_type = 1", "bytes data = 2", "repeated google.protobuf.Any extensions = 3"]
  },
  "google.rpc": {
    Status: ["int32 code = 1", "string message = 2", "repeated google.protobuf.Any details = 3"],
    ErrorInfo: ["string reason = 1", "string domain = 2", "map metadata = 3"],
    RetryInfo: ["google.protobuf.Duration retry_delay = 1"],
    DebugInfo: ["repeated string stack_entries = 1", "string detail = 2"],
    QuotaFailure: ["repeated QuotaFailure.Violation violations = 1"],
    "QuotaFailure.Violation": ["string subject = 1", "string description = 2"],
    PreconditionFailure: ["repeated PreconditionFailure.Violation violations = 1"],
    "PreconditionFailure.Violation": ["string type = 1", "string subject = 2", "string description = 3"],
    BadRequest: ["repeated BadRequest.FieldViolation field_violations = 1"],
    "BadRequest.FieldViolation": ["string field = 1", "string description = 2", "string reason = 3"],
    RequestInfo: ["string request_id = 1", "string serving_data = 2"],
    ResourceInfo: [
      "string resource_type = 1",
      "string resource_name = 2",
      "string owner = 3",
      "string description = 4"
    ],
    Help: ["repeated Help.Link links = 1"],
    "Help.Link": ["string description = 1", "string url = 2"],
    LocalizedMessage: ["string locale = 1", "string message = 2"]
  },
  // The two versions of the service differ in their package alone, which is not part of a message.
  "grpc.reflection.v1": {
    ServerReflectionRequest: [
      "oneof string file_by_filename = 3",
      "oneof string file_containing_symbol = 4",
      "oneof string list_services = 7"
    ],
    ServerReflectionResponse: [
      "oneof FileDescriptorResponse file_descriptor_response = 4",
      "oneof ListServiceResponse list_services_response = 6",
      "oneof ErrorResponse error_response = 7"
    ],
    FileDescriptorResponse: ["repeated bytes file_descriptor_proto = 1"],
    ListServiceResponse: ["repeated ServiceResponse service = 1"],
    ServiceResponse: ["string name = 1"],
    ErrorResponse: ["int32 error_code = 1", "string error_message = 2"]
  }
};
var FIELD = /^(oneof |repeated )?([\w.]+) (\w+) = (\d+)$/;
var SCALARS = {
  bool: Type.BOOL,
  bytes: Type.BYTES,
  int32: Type.INT32,
  string: Type.STRING
};
var STANDARD_FILES = [
  file_google_protobuf_any,
  file_google_protobuf_source_context,
  file_google_protobuf_type,
  file_google_protobuf_api,
  file_google_protobuf_descriptor,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers
];
var standardTypes = createStandardTypes();
function standardFileOf(typeName) {
  const type = standardTypes.get(typeName);
  return type === void 0 ? void 0 : type.file;
}
function createStandardTypes() {
  const own = Object.entries(OWN_FILES).map(([name, messages]) => createFile(name, messages));
  const known = STANDARD_FILES.map(({ proto }) => proto);
  return createFileRegistry(create(FileDescriptorSetSchema, { file: [...known, ...own] }));
}
function createFile(packageName, messages) {
  return create(FileDescriptorProtoSchema, {
    name: `${packageName.replaceAll(".", "/")}.proto`,
    package: packageName,
    syntax: "proto3",
    dependency: ["google/protobuf/any.proto", "google/protobuf/duration.proto"],
    messageType: Object.keys(messages).filter((name) => !name.includes(".")).map((name) => createMessage(packageName, name, messages))
  });
}
function createMessage(packageName, path, messages) {
  const lines = messages[path];
  const nested = Object.keys(messages).filter((name) => name.startsWith(`${path}.`));
  return create(DescriptorProtoSchema, {
    name: path.slice(path.lastIndexOf(".") + 1),
    field: lines.map((line) => createField(packageName, path, line)),
    oneofDecl: lines.some((line) => line.startsWith("oneof ")) ? [{ name: "kind" }] : [],
    nestedType: [
      ...nested.map((name) => createMessage(packageName, name, messages)),
      ...lines.some((line) => line.startsWith("map ")) ? [createMapEntry(packageName)] : []
    ]
  });
}
function createMapEntry(packageName) {
  return create(DescriptorProtoSchema, {
    name: "MapEntry",
    options: { mapEntry: true },
    field: ["string key = 1", "string value = 2"].map((line) => createField(packageName, "", line))
  });
}
function createField(packageName, message, line) {
  const [, kind, type, name, number] = FIELD.exec(line);
  const scalar = SCALARS[type];
  const isMap = type === "map";
  const typeName = isMap ? `${message}.MapEntry` : type;
  return create(FieldDescriptorProtoSchema, {
    name,
    jsonName: name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase()),
    number: Number(number),
    label: isMap || kind === "repeated " ? Label.REPEATED : Label.OPTIONAL,
    type: scalar ?? Type.MESSAGE,
    ...scalar === void 0 && {
      typeName: typeName.startsWith("google.") ? `.${typeName}` : `.${packageName}.${typeName}`
    },
    ...kind === "oneof " && { oneofIndex: 0 }
  });
}

export {
  standardTypes,
  standardFileOf
};
