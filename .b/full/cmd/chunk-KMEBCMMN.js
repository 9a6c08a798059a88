import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  BinaryReader,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  WireType,
  create,
  fromBinary,
  standardFileOf,
  standardTypes,
  toBinary
} from "./chunk-NQN3HE4H.js";
import {
  QuietError
} from "./chunk-W6G3N2K2.js";

// wrappers/protobuf/wire-reader.ts
var WireFault = class extends QuietError {
  name = "WireFault";
};
var WireReader = class extends BinaryReader {
  /** Where the message that is being read ends. */
  end;
  #budget;
  constructor(bytes, budget) {
    super(bytes, toText);
    this.end = bytes.length;
    this.#budget = budget;
  }
  /** Counts what is made of the bytes, before it is made. */
  spend(cost) {
    this.#budget -= cost;
    if (this.#budget < 0) throw new WireFault("the message is too large as JSON");
  }
  /** Skips the value of a field that is not known. */
  skipField(tag) {
    if (tag >>> 3 === 0) throw new WireFault("a field has the number 0");
    this.skip(tag & 7, tag >>> 3);
  }
  /** Reads a message, or anything else that consists of fields or values, with its length in front. */
  message(read2, depth, former) {
    const length = this.uint32();
    const from = this.pos;
    this.pos += length;
    return this.part(from, this.pos, read2, depth, former);
  }
  /** Reads a message that ends with a tag (`DELIMITED` in editions, a group in proto2). */
  group(read2, depth, former) {
    const from = this.pos;
    let to = from;
    for (let tag = this.uint32(); (tag & 7) !== WireType.EndGroup; tag = this.uint32()) {
      this.skipField(tag);
      to = this.pos;
    }
    this.spend(to - from);
    return this.part(from, to, read2, depth, former);
  }
  /** Reads a part of the bytes as one message, and goes on where the reader was. */
  part(from, to, read2, depth, former) {
    const { pos, end } = this;
    if (to > end) throw new WireFault("a field reaches beyond its message");
    this.pos = from;
    this.end = to;
    const value = read2(this, depth, former);
    if (this.pos !== to) throw new WireFault("a field reaches beyond its message");
    this.pos = pos;
    this.end = end;
    return value;
  }
};
function readWire(bytes, read2, budget) {
  try {
    return new WireReader(bytes, budget).part(0, bytes.length, read2, 1);
  } catch (error) {
    if (error instanceof WireFault || error instanceof TypeError) throw error;
    throw new WireFault("a value is cut off or not valid", { cause: error });
  }
}
function toText(bytes) {
  return bytes.toString();
}

// wrappers/descriptors/descriptor-size.ts
var MAX = { types: 2e4, fields: 2e5, tags: 5e5, nesting: 64 };
var OPTIONS = { counts: "tags", inner: {} };
var FIELD = { counts: "fields", inner: { 8: OPTIONS } };
var VALUE = { counts: "fields", inner: { 3: OPTIONS } };
var METHOD = { counts: "fields", inner: { 4: OPTIONS } };
var ENUM = { counts: "types", inner: { 2: VALUE, 3: OPTIONS } };
var SERVICE = { counts: "types", inner: { 2: METHOD, 3: OPTIONS } };
var MESSAGE_PARTS = { 2: FIELD, 4: ENUM, 6: FIELD, 7: OPTIONS };
var MESSAGE = { counts: "types", inner: MESSAGE_PARTS };
MESSAGE_PARTS[3] = MESSAGE;
var SOURCE = { counts: "tags", inner: { 1: OPTIONS } };
var FILE = {
  counts: "types",
  inner: { 4: MESSAGE, 5: ENUM, 6: SERVICE, 7: FIELD, 8: OPTIONS, 9: SOURCE }
};
var SET = { counts: "tags", inner: { 1: FILE } };
function tooMuchInSet(bytes) {
  return tooMuch(bytes, SET);
}
function tooMuchInFile(bytes) {
  return tooMuch(bytes, FILE);
}
function tooMuch(bytes, kind) {
  const counts = { types: 0, fields: 0, tags: 0 };
  return readWire(bytes, (reader) => scan(reader, kind, 0, counts), Number.POSITIVE_INFINITY);
}
function scan(reader, kind, depth, counts) {
  counts[kind.counts]++;
  let reason = depth > MAX.nesting + 2 ? `types are nested more than ${MAX.nesting} deep` : void 0;
  while (reason === void 0 && reader.pos < reader.end) {
    const tag = reader.uint32();
    const inner = kind.inner[tag >>> 3];
    if (++counts.tags > MAX.tags || counts.fields > MAX.fields) reason = "there is too much in it";
    else if (counts.types > MAX.types) reason = `there are more than ${MAX.types} types`;
    else if (inner === void 0 || (tag & 7) !== WireType.LengthDelimited) reader.skipField(tag);
    else reason = reader.message(() => scan(reader, inner, depth + 1, counts), depth);
  }
  if (reason !== void 0) reader.pos = reader.end;
  return reason;
}

// wrappers/descriptors/repair.ts
var DescriptorError = class extends QuietError {
  name = "DescriptorError";
  constructor(message, cause) {
    super(message, { cause });
  }
};
var MAX_TYPES = 2e4;
var MAX_NESTING = 64;
function readDescriptorSet(bytes) {
  return read("it is not a FileDescriptorSet", () => {
    refuse(tooMuchInSet(bytes));
    return fromBinary(FileDescriptorSetSchema, bytes).file;
  });
}
function writeDescriptorSet(files) {
  return Buffer.from(toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: files })));
}
function readDescriptorFile(bytes) {
  return read("a file is not a FileDescriptorProto", () => {
    refuse(tooMuchInFile(bytes));
    return fromBinary(FileDescriptorProtoSchema, bytes);
  });
}
function read(reason, parse) {
  try {
    return parse();
  } catch (cause) {
    throw cause instanceof DescriptorError ? cause : new DescriptorError(reason, cause);
  }
}
function refuse(reason) {
  if (reason !== void 0) throw new DescriptorError(reason);
}
function repairFiles(given) {
  const files = withoutDuplicates(given).filter(removeStandardTypes);
  const fileOf = indexTypes(files);
  for (const file of files) {
    const used = /* @__PURE__ */ new Set();
    const resolve = (name, scope2) => {
      const found = find(name, scope2, fileOf);
      if (found === void 0)
        throw new DescriptorError(`the type ${name}, used in ${scope2 || file.name}, is missing`);
      if (found.file !== file.name) used.add(found.file);
      return found;
    };
    const scope = file.package;
    for (const message of file.messageType) repairMessage(message, join(scope, message.name), resolve);
    for (const extension of file.extension) repairField(extension, scope, resolve);
    for (const service of file.service) {
      for (const method of service.method) {
        method.inputType = resolve(method.inputType, join(scope, service.name)).name;
        method.outputType = resolve(method.outputType, join(scope, service.name)).name;
      }
    }
    file.dependency = [...used];
    file.publicDependency = [];
    file.weakDependency = [];
    delete file.sourceCodeInfo;
  }
  return inOrder(files);
}
function withoutDuplicates(files) {
  const byName = /* @__PURE__ */ new Map();
  for (const file of files) {
    if (byName.has(file.name)) throw new DescriptorError(`two files are named ${file.name}`);
    byName.set(file.name, file);
  }
  return [...byName.values()];
}
function removeStandardTypes(file) {
  const isOwn = ({ name }) => standardFileOf(join(file.package, name)) === void 0;
  file.messageType = file.messageType.filter(isOwn);
  file.enumType = file.enumType.filter(isOwn);
  file.extension = withoutOptions(file.extension);
  if ([file.messageType, file.enumType, file.extension, file.service].every((list) => list.length === 0))
    return false;
  if (standardTypes.getFile(file.name))
    throw new DescriptorError(`the file ${file.name} defines types of its own`);
  return true;
}
var OPTIONS2 = /^\.?google\.protobuf\.\w+Options$/;
function withoutOptions(extensions) {
  return extensions.filter(({ extendee }) => !OPTIONS2.test(extendee));
}
function indexTypes(files) {
  const places = /* @__PURE__ */ new Map();
  const add = (name, place) => {
    if (places.has(name)) throw new DescriptorError(`the type ${name} is defined twice`);
    if (places.size >= MAX_TYPES) throw new DescriptorError(`there are more than ${MAX_TYPES} types`);
    places.set(name, place);
  };
  const addMessage = (message, scope, file, depth) => {
    if (depth > MAX_NESTING) throw new DescriptorError(`types are nested more than ${MAX_NESTING} deep`);
    const name = join(scope, message.name);
    add(name, { file, isEnum: false });
    for (const each of message.enumType) add(join(name, each.name), { file, isEnum: true });
    for (const each of message.nestedType) addMessage(each, name, file, depth + 1);
  };
  for (const { name: file, package: scope, messageType, enumType, service } of files) {
    for (const each of service) add(join(scope, each.name), { file, isEnum: false });
    for (const each of enumType) add(join(scope, each.name), { file, isEnum: true });
    for (const each of messageType) addMessage(each, scope, file, 1);
  }
  return places;
}
function find(name, scope, places) {
  if (name.startsWith(".")) return placeOf(name.slice(1), places);
  for (let outer = scope; ; outer = outer.slice(0, Math.max(0, outer.lastIndexOf(".")))) {
    const found = placeOf(join(outer, name), places);
    if (found !== void 0 || outer === "") return found;
  }
}
function placeOf(name, places) {
  const place = places.get(name);
  if (place !== void 0) return { name: `.${name}`, ...place };
  const standard = standardFileOf(name);
  return standard && { name: `.${name}`, file: standard.proto.name, isEnum: isStandardEnum(name, standard.enums) };
}
function isStandardEnum(name, enums) {
  return enums.some(({ typeName }) => typeName === name);
}
function repairMessage(message, scope, resolve) {
  message.extension = withoutOptions(message.extension);
  for (const field of [...message.field, ...message.extension]) repairField(field, scope, resolve);
  for (const nested of message.nestedType) repairMessage(nested, join(scope, nested.name), resolve);
}
function repairField(field, scope, resolve) {
  if (field.jsonName === "") field.jsonName = jsonNameOf(field.name);
  if (field.extendee !== "") field.extendee = resolve(field.extendee, scope).name;
  if (field.typeName === "") return;
  const { name, isEnum } = resolve(field.typeName, scope);
  field.typeName = name;
  if (isEnum) field.type = FieldDescriptorProto_Type.ENUM;
  else if (field.type !== FieldDescriptorProto_Type.GROUP) field.type = FieldDescriptorProto_Type.MESSAGE;
}
function jsonNameOf(name) {
  return name.replace(/_+(.?)/g, (_, letter) => letter.toUpperCase());
}
function inOrder(files) {
  const byName = new Map(files.map((file) => [file.name, file]));
  const waiting = new Map(
    files.map((file) => [file.name, file.dependency.filter((name) => byName.has(name)).length])
  );
  const importers = /* @__PURE__ */ new Map();
  for (const file of files) {
    for (const name of file.dependency) {
      const known = importers.get(name);
      if (known) known.push(file.name);
      else importers.set(name, [file.name]);
    }
  }
  const ordered = [];
  const ready = files.filter((file) => waiting.get(file.name) === 0).map((file) => file.name);
  for (let name = ready.shift(); name !== void 0; name = ready.shift()) {
    ordered.push(byName.get(name));
    for (const importer of importers.get(name) ?? []) {
      const left = waiting.get(importer) - 1;
      waiting.set(importer, left);
      if (left === 0) ready.push(importer);
    }
  }
  if (ordered.length < files.length) {
    const circle = files.find((file) => !ordered.includes(file));
    throw new DescriptorError(`files use each other's types in a circle, ${circle.name} among them`);
  }
  return ordered;
}
function join(scope, name) {
  return scope === "" ? name : `${scope}.${name}`;
}

export {
  WireFault,
  readWire,
  DescriptorError,
  readDescriptorSet,
  writeDescriptorSet,
  readDescriptorFile,
  repairFiles
};
