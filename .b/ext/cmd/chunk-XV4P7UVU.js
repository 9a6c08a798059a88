import {
  bindingsOfRule,
  parseTemplate
} from "./chunk-3HIV7SU5.js";
import {
  FieldFault,
  JsonDecoder,
  JsonEncoder,
  MAX_MESSAGE_DEPTH,
  faultWithin,
  isJsonObject,
  isWrapper,
  setOwn
} from "./chunk-QZVKOWRW.js";
import {
  standardTypes
} from "./chunk-UIQRRJEW.js";

// wrappers/transcode/bindings.ts
function createBindings(schema, options) {
  const problems = [];
  const given = rulesBySelector(schema, options.rules, problems);
  const counts = /* @__PURE__ */ new Map();
  for (const method of schema.methods) counts.set(shortName(method), (counts.get(shortName(method)) ?? 0) + 1);
  const entries = schema.methods.flatMap((method) => {
    const rules = given.get(method.name) ?? (method.rule ? [method.rule] : []);
    const annotated = rules.flatMap((rule) => tryBindings(method, rule, problems));
    const { choice = annotated.length > 0 ? "annotated" : "default" } = options;
    const isUnique = counts.get(shortName(method)) === 1;
    return [
      // What a document states holds whatever the choice is.
      ...choice !== "default" || given.has(method.name) ? annotated : [],
      ...choice === "annotated" ? [] : defaultBindings(method, isUnique)
    ].map((binding) => ({ binding, value: method }));
  });
  return { entries, problems };
}
function rulesBySelector(schema, rules, problems) {
  const names = new Map(schema.methods.map(({ name }) => [name.replace("/", "."), name]));
  const given = /* @__PURE__ */ new Map();
  for (const rule of rules) {
    const name = names.get(rule.selector?.replace("/", ".") ?? "");
    if (name === void 0)
      problems.push(`a rule selects ${JSON.stringify(rule.selector)}, which is no method`);
    else if (given.has(name)) given.get(name).push(rule);
    else given.set(name, [rule]);
  }
  return given;
}
function tryBindings(method, rule, problems) {
  try {
    return bindingsOfRule(rule);
  } catch (error) {
    problems.push(`the rule of ${method.name} is not valid: ${error.message}`);
    return [];
  }
}
function defaultBindings(method, isUnique) {
  const paths = [`/${method.name}`, ...isUnique ? [`/${shortName(method)}`] : []];
  return paths.flatMap((path) => {
    const template = parseTemplate(path);
    const post = { httpMethod: "POST", template, body: "*", responseBody: void 0 };
    return method.isSafe ? [post, { ...post, httpMethod: "GET", body: void 0 }] : [post];
  });
}
function shortName({ name }) {
  return name.slice(name.lastIndexOf("/") + 1);
}

// internal/grpc/rule-table.ts
var RuleTable = class {
  #root = createBranch();
  /** Bindings that were not taken, because an earlier one has the same method and path. */
  duplicates;
  constructor(entries) {
    const order = entries.map((entry, index) => ({ entry, index }));
    order.sort((a, b) => compare(a.entry.binding.template, b.entry.binding.template) || a.index - b.index);
    const duplicates = [];
    for (const [rank, { entry }] of order.entries()) {
      if (!this.#add({ ...entry, rank })) duplicates.push(entry);
    }
    this.duplicates = duplicates;
  }
  /** @param path in canonical form, without the query */
  find(httpMethod, path) {
    const split = splitPath(path);
    const entry = best(this.#root, split, 0, httpMethod);
    return entry && { entry, captures: capturesOf(entry.binding.template, split) };
  }
  /** Returns the HTTP methods for which `find` would find something, sorted; for the Allow header. */
  allowedMethods(path) {
    const found = /* @__PURE__ */ new Set();
    collectMethods(this.#root, splitPath(path), 0, found);
    return [...found].sort();
  }
  /** @returns false when there is one like it */
  #add(entry) {
    const { httpMethod, template } = entry.binding;
    let branch = this.#root;
    for (const segment of template.segments) {
      if (segment === "**") return put(branch.rests, template.verb, httpMethod, entry);
      if (segment === "*") {
        branch.any ??= createBranch();
        branch = branch.any;
        continue;
      }
      let next = branch.literals.get(segment.literal);
      if (!next) {
        next = createBranch();
        branch.literals.set(segment.literal, next);
      }
      branch = next;
    }
    return put(branch.ends, template.verb, httpMethod, entry);
  }
};
function createBranch() {
  return { literals: /* @__PURE__ */ new Map(), any: void 0, ends: /* @__PURE__ */ new Map(), rests: /* @__PURE__ */ new Map() };
}
function put(byVerb, verb, httpMethod, entry) {
  let byMethod = byVerb.get(verb ?? "");
  if (!byMethod) {
    byMethod = /* @__PURE__ */ new Map();
    byVerb.set(verb ?? "", byMethod);
  }
  if (byMethod.has(httpMethod)) return false;
  byMethod.set(httpMethod, entry);
  return true;
}
function compare(a, b) {
  return literalsOf(b) - literalsOf(a) || restsOf(a) - restsOf(b);
}
function literalsOf({ segments, verb }) {
  return segments.filter((segment) => typeof segment === "object").length + (verb === void 0 ? 0 : 1);
}
function restsOf({ segments }) {
  return segments.at(-1) === "**" ? 1 : 0;
}
function splitPath(path) {
  const segments = path.slice(1).split("/");
  const last = segments.at(-1);
  const colon = last.lastIndexOf(":");
  if (colon === -1) return { segments, lastWithoutVerb: last, verb: "" };
  return { segments, lastWithoutVerb: last.slice(0, colon), verb: last.slice(colon + 1) };
}
function best(branch, path, at, httpMethod) {
  let found = at === path.segments.length ? branch.ends.get("")?.get(httpMethod) : void 0;
  found = better(found, branch.rests.get("")?.get(httpMethod));
  if (at < path.segments.length) {
    found = better(found, descend(branch, path, at, httpMethod, path.segments[at]));
  }
  if (path.verb === "") return found;
  if (at <= path.segments.length) found = better(found, branch.rests.get(path.verb)?.get(httpMethod));
  if (at === path.segments.length - 1) found = better(found, endWithVerb(branch, path, httpMethod));
  return found;
}
function descend(branch, path, at, httpMethod, segment) {
  const literal = branch.literals.get(segment);
  const found = literal && best(literal, path, at + 1, httpMethod);
  if (branch.any === void 0 || segment === "") return found;
  return better(found, best(branch.any, path, at + 1, httpMethod));
}
function endWithVerb(branch, path, httpMethod) {
  const found = branch.literals.get(path.lastWithoutVerb)?.ends.get(path.verb)?.get(httpMethod);
  if (path.lastWithoutVerb === "") return found;
  return better(found, branch.any?.ends.get(path.verb)?.get(httpMethod));
}
function better(a, b) {
  if (a === void 0 || b === void 0) return a ?? b;
  return a.rank < b.rank ? a : b;
}
function collectMethods(branch, path, at, found) {
  const add2 = (byMethod) => {
    for (const method of byMethod?.keys() ?? []) found.add(method);
  };
  add2(branch.rests.get(""));
  if (path.verb !== "") add2(branch.rests.get(path.verb));
  if (at === path.segments.length) {
    add2(branch.ends.get(""));
    return;
  }
  const segment = path.segments[at];
  const literal = branch.literals.get(segment);
  if (literal) collectMethods(literal, path, at + 1, found);
  if (branch.any && segment !== "") collectMethods(branch.any, path, at + 1, found);
  if (path.verb === "" || at !== path.segments.length - 1) return;
  add2(branch.literals.get(path.lastWithoutVerb)?.ends.get(path.verb));
  if (path.lastWithoutVerb !== "") add2(branch.any?.ends.get(path.verb));
}
function capturesOf(template, path) {
  if (template.variables.length === 0) return [];
  const segments = template.verb === void 0 ? path.segments : [...path.segments.slice(0, -1), path.lastWithoutVerb];
  return template.variables.map(({ from, to }) => {
    const text = segments.slice(from, to).join("/");
    return to === from + 1 ? decodeSegment(text) : decodeSegments(text);
  });
}
function decodeSegment(text) {
  return text.includes("%") ? decode(text) : text;
}
function decodeSegments(text) {
  if (!text.includes("%")) return text;
  return text.split(/(%2f)/i).map((part) => /^%2f$/i.test(part) ? part : decode(part)).join("");
}
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// wrappers/transcode/field-path.ts
import { ScalarType } from "@bufbuild/protobuf";
var TEXT_TYPES = new Set(["Timestamp", "Duration", "FieldMask"].map((name) => `google.protobuf.${name}`));
function fieldNamed({ fields }, name) {
  return fields.find(({ jsonName }) => jsonName === name) ?? fields.find((field) => field.name === name);
}
function fieldPathTo(desc, names) {
  const path = [];
  let message = desc;
  for (const name of names) {
    const field = message && fieldNamed(message, name);
    if (field === void 0) return void 0;
    path.push(field);
    message = field.fieldKind === "message" ? field.message : void 0;
  }
  return path;
}
function textReaderOf(field) {
  const { enum: enumeration, message } = field;
  if (enumeration) return (text) => /^-?\d{1,10}$/.test(text) ? Number(text) : text;
  if (!message) return field.scalar === ScalarType.BOOL ? toBoolean : asIs;
  if (TEXT_TYPES.has(message.typeName)) return asIs;
  if (!isWrapper(message)) return void 0;
  return message.fields[0].scalar === ScalarType.BOOL ? toBoolean : asIs;
}
function asIs(text) {
  return text;
}
function toBoolean(text) {
  if (text !== "true" && text !== "false") throw new FieldFault("not true or false");
  return text === "true";
}
function assignAt(root, path, value) {
  let json = root;
  for (const [i, field] of path.entries()) {
    const key = Object.hasOwn(json, field.name) ? field.name : field.jsonName;
    const known = Object.hasOwn(json, key) ? json[key] : void 0;
    if (i === path.length - 1) {
      if (known !== void 0 && known !== null) throw faultAt(path, "given twice");
      setOwn(json, key, value);
      return;
    }
    if (known !== void 0 && known !== null) {
      if (!isJsonObject(known)) throw faultAt(path.slice(0, i + 1), "not an object");
      json = known;
    } else {
      const nested = {};
      setOwn(json, key, nested);
      json = nested;
    }
  }
}
function faultAt(path, message) {
  const fault = new FieldFault(message);
  fault.path = path.map(({ jsonName }) => `.${jsonName}`).join("");
  return fault;
}

// wrappers/protobuf/json-text.ts
import { isUtf8 } from "node:buffer";
import { randomBytes } from "node:crypto";
var MIN_DIGITS = 16;
var MAX_DIGITS = 20;
var MAX_DEPTH = MAX_MESSAGE_DEPTH;
var QUOTE = 34;
var BACKSLASH = 92;
var MINUS = 45;
var ZERO = 48;
var NINE = 57;
var BEFORE = /* @__PURE__ */ new Set([void 0, ...Buffer.from("[:, 	\n\r")]);
var BEHIND = /* @__PURE__ */ new Set([void 0, ...Buffer.from("]}, 	\n\r")]);
var MARK = randomBytes(9).toString("base64url");
function parseJsonText(bytes) {
  if (!isUtf8(bytes)) throw new FieldFault("the body is not UTF-8");
  const longNumbers = scan(bytes);
  try {
    if (longNumbers.length === 0) return JSON.parse(bytes.toString("utf8"));
    return restored(JSON.parse(withMarks(bytes, longNumbers)));
  } catch {
    throw new FieldFault("the body is not JSON");
  }
}
function scan(bytes) {
  const longNumbers = [];
  let depth = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte >= ZERO && byte <= NINE) {
      const end = endOfDigits(bytes, i);
      if (end - i >= MIN_DIGITS && end - i <= MAX_DIGITS && byte !== ZERO) {
        const from = bytes[i - 1] === MINUS ? i - 1 : i;
        if (BEFORE.has(bytes[from - 1]) && BEHIND.has(bytes[end])) longNumbers.push(from, end);
      }
      i = end - 1;
    } else if (byte === QUOTE) i = endOfText(bytes, i + 1);
    else if (byte === 91 || byte === 123) {
      if (++depth > MAX_DEPTH) throw new FieldFault(`the body is nested more than ${MAX_DEPTH} deep`);
    } else if (byte === 93 || byte === 125) depth--;
  }
  return longNumbers;
}
function endOfDigits(bytes, from) {
  let end = from + 1;
  while (bytes[end] >= ZERO && bytes[end] <= NINE) end++;
  return end;
}
function endOfText(bytes, from) {
  let end = bytes.indexOf(QUOTE, from);
  while (end !== -1) {
    let backslashes = 0;
    while (bytes[end - 1 - backslashes] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
    end = bytes.indexOf(QUOTE, end + 1);
  }
  return bytes.length;
}
function withMarks(bytes, longNumbers) {
  let text = "";
  let at = 0;
  for (let i = 0; i < longNumbers.length; i += 2) {
    const from = longNumbers[i];
    const end = longNumbers[i + 1];
    text += `${bytes.toString("utf8", at, from)}"${MARK}${bytes.toString("latin1", from, end)}"`;
    at = end;
  }
  return text + bytes.toString("utf8", at);
}
function restored(json) {
  if (typeof json === "string") return json.startsWith(MARK) ? exact(json.slice(MARK.length)) : json;
  if (Array.isArray(json)) {
    for (let i = 0; i < json.length; i++) json[i] = restored(json[i]);
  } else if (isJsonObject(json)) {
    for (const key of Object.keys(json)) {
      if (key.startsWith(MARK)) throw new Error("a number is no name");
      const value = json[key];
      const exactValue = restored(value);
      if (exactValue !== value) setOwn(json, key, exactValue);
    }
  }
  return json;
}
function exact(digits) {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : BigInt(digits);
}

// wrappers/transcode/query-fields.ts
function assignQuery(root, desc, query, options) {
  const fields = /* @__PURE__ */ new Map();
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decode2(equals === -1 ? pair : pair.slice(0, equals));
    const value = equals === -1 ? "" : decode2(pair.slice(equals + 1));
    const [, names = "", key] = /^([^[]*)(?:\[(.*)\])?$/s.exec(name) ?? [];
    const path = options.takesFields ? fieldPathTo(desc, names.split(".")) : void 0;
    if (path === void 0) {
      if (options.ignoresUnknown) continue;
      throw unknownParameter(name, options);
    }
    add(fields, path, key, value);
  }
  for (const { path, values, entries } of fields.values()) {
    if (entries) assignAt(root, path, entries);
    else if (path.at(-1).fieldKind === "list") assignAt(root, path, values);
    else if (values.length > 1) throw faultAt(path, "given twice");
    else assignAt(root, path, values[0]);
  }
}
function add(fields, path, key, text) {
  const field = path.at(-1);
  const isMap = field.fieldKind === "map";
  if (isMap !== (key !== void 0)) {
    throw faultAt(path, isMap ? "give an entry of this map as name[key]=value" : "not a map");
  }
  const read = textReaderOf(field);
  if (read === void 0) throw faultAt(path, "a message cannot be given in the query; use the body");
  const id = path.map(({ number }) => number).join(".");
  let known = fields.get(id);
  if (!known) {
    known = { path, values: [], entries: isMap ? {} : void 0 };
    fields.set(id, known);
  }
  let value;
  try {
    value = read(text);
  } catch (error) {
    throw error instanceof FieldFault ? faultAt(path, error.message) : error;
  }
  if (!known.entries) known.values.push(value);
  else if (Object.hasOwn(known.entries, key)) throw faultAt(path, "an entry is given twice");
  else setOwn(known.entries, key, value);
}
function unknownParameter(name, { takesFields }) {
  const shown = JSON.stringify(name.slice(0, 100));
  return new FieldFault(
    takesFields ? `the query parameter ${shown} is not a field of the request` : `the query parameter ${shown} is not used, because the body is the whole request`
  );
}
function decode2(text) {
  if (!text.includes("%") && !text.includes("+")) return text;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw new FieldFault("the query is not valid UTF-8 in percent-encoding");
  }
}

// wrappers/transcode/request-message.ts
function createRequestEncoder(options) {
  const { binding, input, encoder } = options;
  const pathFields = binding.template.variables.map(({ fieldPath }) => pathFieldOf(input, fieldPath));
  const readBody = bodyReaderOf(binding, input);
  const query = { ignoresUnknown: options.ignoresUnknownQuery, takesFields: binding.body !== "*" };
  return (parts) => {
    const json = readBody(parts);
    if (pathFields.length > 0 || parts.query !== "") {
      if (!isJsonObject(json)) throw new FieldFault("not an object");
      for (const [i, { path, read }] of pathFields.entries()) {
        try {
          assignAt(json, path, read(parts.captures[i]));
        } catch (error) {
          throw error instanceof FieldFault && error.path === "" ? faultWithin(textOf(path), error) : error;
        }
      }
      if (parts.query !== "") assignQuery(json, input, parts.query, query);
    }
    return encoder.encode(input, json);
  };
}
function textOf(path) {
  return path.map(({ jsonName }) => `.${jsonName}`).join("");
}
function pathFieldOf(input, names) {
  const path = fieldPathTo(input, names);
  const field = path?.at(-1);
  const read = field && field.fieldKind !== "list" && field.fieldKind !== "map" ? textReaderOf(field) : void 0;
  if (!path || !read)
    throw new TypeError(`${names.join(".")} in the path is not a field of ${input.typeName}`);
  return { path, read };
}
function bodyReaderOf({ body }, input) {
  if (body === void 0) return readNothing;
  if (body === "*") return isHttpBody(input) ? readRaw : readJson;
  const field = fieldNamed(input, body);
  if (field === void 0) throw new TypeError(`the body ${body} is not a field of ${input.typeName}`);
  const read = field.fieldKind === "message" && isHttpBody(field.message) ? readRaw : readValue;
  return (parts) => {
    const json = parts.body === void 0 || parts.body.length === 0 ? void 0 : read(parts);
    return json === void 0 ? {} : { [field.jsonName]: json };
  };
}
function readJson({ body }) {
  return body === void 0 || body.length === 0 ? {} : parseJsonText(body);
}
function readValue({ body }) {
  return parseJsonText(body);
}
function readNothing({ body }) {
  if (body === void 0 || body.length === 0) return {};
  const json = parseJsonText(body);
  if (!isJsonObject(json) || Object.keys(json).length > 0) throw new FieldFault("this request has no body");
  return {};
}
function readRaw({ body, contentType }) {
  return { contentType: contentType ?? "", data: (body ?? NOTHING).toString("base64") };
}
var NOTHING = Buffer.alloc(0);
function isHttpBody({ typeName }) {
  return typeName === "google.api.HttpBody";
}
function takesAnyBody({ body }, input) {
  if (body === void 0) return false;
  const message = body === "*" ? input : fieldNamed(input, body)?.message;
  return message !== void 0 && isHttpBody(message);
}

// wrappers/transcode/transcode-plan.ts
var JSON_PER_BYTE = 16;
var TranscodePlan = class {
  json;
  #table;
  /** What has no effect, as texts for people. */
  problems;
  constructor(schema, { json, maxMessageBytes, ...options }) {
    this.json = json;
    const typeNamed = (name) => schema.types.getMessage(name) ?? standardTypes.getMessage(name);
    const encoder = new JsonEncoder({ typeNamed, ignoresUnknown: json.unknownFields === "ignore" });
    const decoder = new JsonDecoder({
      typeNamed,
      emitsDefaults: json.emitDefaults,
      enums: json.enums,
      names: json.names,
      maxJsonBytes: maxMessageBytes * JSON_PER_BYTE
    });
    const { entries, problems } = createBindings(schema, options);
    const found = [...problems];
    const plans = entries.flatMap(({ binding, value: method }) => {
      try {
        return [{ binding, value: createCallPlan(binding, method, { encoder, decoder, json }) }];
      } catch (error) {
        found.push(
          `${binding.httpMethod} ${binding.template.text} of ${method.name}: ${error.message}`
        );
        return [];
      }
    });
    this.#table = new RuleTable(plans);
    for (const { binding, value } of this.#table.duplicates) {
      const path = `${binding.httpMethod} ${binding.template.text}`;
      found.push(`${path} of ${value.method.name} has no effect, because another method has it`);
    }
    this.problems = found;
  }
  /**
   * Finds the call of a request.
   *
   * @param path as the route leaves it, without the query
   */
  find(httpMethod, path) {
    return this.#table.find(httpMethod === "HEAD" ? "GET" : httpMethod, path);
  }
  /** Returns the HTTP methods that a path has. */
  allowedMethods(path) {
    const methods = this.#table.allowedMethods(path);
    return methods.includes("GET") && !methods.includes("HEAD") ? [...methods, "HEAD"].sort() : methods;
  }
};
function createCallPlan(binding, method, { encoder, decoder, json }) {
  const { input, output } = method;
  const { responseBody } = binding;
  const bodyField = responseBody === void 0 ? void 0 : fieldNamed(output, responseBody);
  if (responseBody !== void 0 && bodyField === void 0) {
    throw new TypeError(`the body of the answer, ${responseBody}, is not a field of ${output.typeName}`);
  }
  return {
    method,
    encode: createRequestEncoder({
      binding,
      input,
      encoder,
      ignoresUnknownQuery: json.unknownQuery === "ignore"
    }),
    format: { output, decoder, bodyField, errors: json.errors },
    hasBody: binding.body !== void 0,
    takesAnyBody: takesAnyBody(binding, input)
  };
}

export {
  createBindings,
  isHttpBody,
  TranscodePlan
};
