import {
  DescriptorError,
  readDescriptorSet,
  repairFiles
} from "./chunk-JTGO5HWO.js";
import {
  isAboutTheNode
} from "./chunk-QZYF4XD2.js";
import {
  standardTypes
} from "./chunk-UIQRRJEW.js";

// wrappers/descriptors/schema.ts
import {
  create,
  createFileRegistry,
  fromBinary,
  ScalarType,
  toJson
} from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import {
  FileDescriptorProtoSchema,
  MethodOptions_IdempotencyLevel as Idempotency
} from "@bufbuild/protobuf/wkt";
function createSchema(files) {
  const types = createTypes(repairFiles(files));
  const services = [];
  for (const type of types) {
    if (type.kind === "message") checkMessage(type);
    if (type.kind === "service" && !isAboutTheNode(type.typeName)) services.push(type);
  }
  services.sort((a, b) => a.typeName < b.typeName ? -1 : 1);
  return {
    types,
    services: services.map(({ typeName }) => typeName),
    methods: services.flatMap(({ methods }) => methods.map(toMethod))
  };
}
function readSchema(bytes) {
  const schema = createSchema(readDescriptorSet(bytes));
  if (schema.services.length === 0) throw new DescriptorError("it has no gRPC service");
  return schema;
}
function createTypes(files) {
  const byName = new Map(files.map((file) => [file.name, file]));
  const root = create(FileDescriptorProtoSchema, {
    name: "waygate/root.proto",
    syntax: "proto3",
    dependency: files.map(({ name }) => name).reverse()
  });
  try {
    return createFileRegistry(root, (name) => byName.get(name) ?? standardTypes.getFile(name));
  } catch (cause) {
    throw new DescriptorError(`it is not consistent (${cause.message})`, cause);
  }
}
var MAX_FIELD_NUMBER = 536870911;
function checkMessage({ fields, typeName }) {
  const numbers = /* @__PURE__ */ new Set();
  for (const { number, name, scalar } of fields) {
    if (!(number >= 1 && number <= MAX_FIELD_NUMBER) || numbers.has(number)) {
      throw new DescriptorError(`the field ${typeName}.${name} has the number ${number}`);
    }
    numbers.add(number);
    if (scalar !== void 0 && ScalarType[scalar] === void 0) {
      throw new DescriptorError(`the field ${typeName}.${name} has an unknown type`);
    }
  }
}
function toMethod(method) {
  return {
    name: `${method.parent.typeName}/${method.name}`,
    input: method.input,
    output: method.output,
    streamsRequest: method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
    streamsAnswer: method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
    isIdempotent: method.idempotency !== Idempotency.IDEMPOTENCY_UNKNOWN,
    isSafe: method.idempotency === Idempotency.NO_SIDE_EFFECTS,
    rule: ruleOf(method)
  };
}
var HTTP_OPTION = 72295728;
function ruleOf({ proto }) {
  const option = proto.options?.$unknown?.findLast(({ no }) => no === HTTP_OPTION);
  if (option === void 0) return void 0;
  try {
    const type = standardTypes.getMessage("google.api.HttpRule");
    return toJson(type, fromBinary(type, new BinaryReader(option.data).bytes()));
  } catch (cause) {
    throw new DescriptorError(`the option google.api.http of ${proto.name} cannot be read`, cause);
  }
}

export {
  createSchema,
  readSchema
};
