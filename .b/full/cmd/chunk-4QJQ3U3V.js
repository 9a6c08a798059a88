import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;

// internal/http/header-lines.ts
var MAX_HEADER_LINES = 256;
var MAX_INTERIM_ANSWERS = 32;
var TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
var TOKEN_LIST = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+)*$/;
var FORBIDDEN_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
var FRAMING_FIELDS = [
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade"
];
var TRUSTED_FIELDS = ["forwarded", "x-real-ip", "x-request-id", "x-user-id"];
function getHeader(lines, name) {
  for (let i = 0; i < lines.length; i += 2) {
    if (isNamed(lines[i], name)) return lines[i + 1];
  }
  return void 0;
}
function getAllHeaders(lines, name) {
  let value;
  for (let i = 0; i < lines.length; i += 2) {
    if (isNamed(lines[i], name)) value = value === void 0 ? lines[i + 1] : `${value}, ${lines[i + 1]}`;
  }
  return value;
}
function takeHeader(lines, name, pattern) {
  let value;
  for (let i = lines.length - 2; i >= 0; i -= 2) {
    if (!isNamed(lines[i], name)) continue;
    if (pattern !== void 0 && !pattern.test(lines[i + 1])) continue;
    value = value === void 0 ? lines[i + 1] : `${lines[i + 1]}, ${value}`;
    lines.splice(i, 2);
  }
  return value;
}
function removeHeaders(lines, isRemoved) {
  let kept = 0;
  for (let i = 0; i < lines.length; i += 2) {
    if (isRemoved(lines[i])) continue;
    if (kept !== i) {
      lines[kept] = lines[i];
      lines[kept + 1] = lines[i + 1];
    }
    kept += 2;
  }
  if (kept !== lines.length) lines.length = kept;
}
function withoutHeaders(lines, names) {
  const kept = [];
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i];
    if (!names.has(name.toLowerCase())) kept.push(name, lines[i + 1]);
  }
  return kept;
}
function addToList(lines, name, members) {
  if (getHeader(lines, name) === void 0) {
    lines.push(name, members.join(", "));
    return;
  }
  const known = /* @__PURE__ */ new Set();
  let first = -1;
  for (let i = 0; i < lines.length; i += 2) {
    if (!isNamed(lines[i], name)) continue;
    if (first === -1) first = i;
    for (const member of lines[i + 1].split(",")) known.add(member.trim().toLowerCase());
  }
  const added = members.filter((member) => !known.has(member.toLowerCase())).join(", ");
  if (added === "") return;
  lines[first + 1] = lines[first + 1] === "" ? added : `${lines[first + 1]}, ${added}`;
}
function getCookie(lines, name) {
  for (let i = 0; i < lines.length; i += 2) {
    if (!isNamed(lines[i], "cookie")) continue;
    for (const pair of lines[i + 1].split(";")) {
      const value = cookieValue(pair, name);
      if (value !== void 0) return value;
    }
  }
  return void 0;
}
function takeCookies(lines, name) {
  const values = [];
  for (let i = lines.length - 2; i >= 0; i -= 2) {
    if (!isNamed(lines[i], "cookie")) continue;
    const pairs = lines[i + 1].split(";");
    const kept = pairs.filter((pair) => {
      const value = cookieValue(pair, name);
      if (value !== void 0) values.push(value);
      return value === void 0;
    });
    if (kept.length === pairs.length) continue;
    if (kept.length === 0) lines.splice(i, 2);
    else lines[i + 1] = kept.join(";").trim();
  }
  return values;
}
function cookieValue(pair, name) {
  const equals = pair.indexOf("=");
  return equals !== -1 && pair.slice(0, equals).trim() === name ? pair.slice(equals + 1).trim() : void 0;
}
function isNamed(spelling, name) {
  return spelling.length === name.length && spelling.toLowerCase() === name;
}

export {
  MAX_HEADER_LINES,
  MAX_INTERIM_ANSWERS,
  TOKEN,
  TOKEN_LIST,
  FORBIDDEN_IN_VALUE,
  FRAMING_FIELDS,
  TRUSTED_FIELDS,
  getHeader,
  getAllHeaders,
  takeHeader,
  removeHeaders,
  withoutHeaders,
  addToList,
  getCookie,
  takeCookies
};
