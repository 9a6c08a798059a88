import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;

// internal/text/json.ts
var QUOTE = 34;
var BACKSLASH = 92;
var COLON = 58;
var OPEN_BRACE = 123;
var CLOSE_BRACE = 125;
var MAX_DEPTH = 100;
var DuplicateMemberError = class extends TypeError {
  member;
  /** The document with the last member of that name, as most readers understand it. */
  value;
  constructor(member, value) {
    super(
      `has two members named ${JSON.stringify(member.length > 60 ? `${member.slice(0, 57)}...` : member)}`
    );
    this.member = member;
    this.value = value;
  }
};
function parseJson(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TypeError("is not valid JSON", { cause: error });
  }
  if (isTooDeep(value)) throw new TypeError(TOO_DEEP);
  const name = findDuplicateMember(text);
  if (name !== void 0) throw new DuplicateMemberError(name, value);
  return value;
}
var TOO_DEEP = `is nested more than ${MAX_DEPTH} levels deep`;
function isTooDeep(value, levels = MAX_DEPTH) {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isTooDeep(inner, levels - 1));
}
function findDuplicateMember(json) {
  const open = [];
  for (let i = 0; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (code === OPEN_BRACE) open.push(/* @__PURE__ */ new Set());
    else if (code === CLOSE_BRACE) open.pop();
    else if (code === QUOTE) {
      const end = endOfString(json, i);
      let next = end;
      while (json.charCodeAt(next) <= 32) next++;
      if (json.charCodeAt(next) === COLON) {
        const written = json.slice(i + 1, end - 1);
        const name = written.includes("\\") ? JSON.parse(json.slice(i, end)) : written;
        const names = open.at(-1);
        if (names.has(name)) return name;
        names.add(name);
      }
      i = end - 1;
    }
  }
  return void 0;
}
function endOfString(json, start) {
  let i = start + 1;
  while (json.charCodeAt(i) !== QUOTE) i += json.charCodeAt(i) === BACKSLASH ? 2 : 1;
  return i + 1;
}

export {
  DuplicateMemberError,
  parseJson,
  TOO_DEEP,
  isTooDeep,
  findDuplicateMember
};
