// internal/http/authority.ts
var NAME = /^[A-Za-z0-9_~-]{1,63}(?:\.[A-Za-z0-9_~-]{1,63})*\.?(?::(?:\d{0,4}|[0-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5]))?$/;
var BRACKETED = /^(\[[0-9A-Fa-f:.]{2,45}\])(?::(?:\d{0,4}|[0-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5]))?$/;
var MAX_NAME = 253;
function isAuthority(text) {
  if (text.charCodeAt(0) === OPENING_BRACKET) {
    const address = BRACKETED.exec(text)?.[1];
    return address !== void 0 && URL.canParse(`http://${address}/`);
  }
  return NAME.test(text) && (text.length <= MAX_NAME || normaliseHost(text).length <= MAX_NAME);
}
var OPENING_BRACKET = 91;
function normaliseHost(authority) {
  const colon = colonOf(authority);
  const name = colon === -1 ? authority : authority.slice(0, colon);
  return (name.endsWith(".") ? name.slice(0, -1) : name).toLowerCase();
}
function portOf(authority, scheme) {
  const colon = colonOf(authority);
  const digits = colon === -1 ? "" : authority.slice(colon + 1);
  if (digits !== "") return digits;
  return scheme.length === "https".length ? "443" : "80";
}
function isSameAuthority(a, b, scheme) {
  if (a === b) return true;
  return normaliseHost(a) === normaliseHost(b) && Number(portOf(a, scheme)) === Number(portOf(b, scheme));
}
function colonOf(authority) {
  const colon = authority.lastIndexOf(":");
  return colon > authority.lastIndexOf("]") ? colon : -1;
}

// internal/http/target.ts
function pathOf(target) {
  const query = target.indexOf("?");
  return query === -1 ? target : target.slice(0, query);
}
function isPlainTarget(target) {
  return PLAIN.test(target);
}
function canonicalTarget(target) {
  if (!ORIGIN_FORM.test(target)) return void 0;
  const spelled = pathOf(target);
  const isEscaped = spelled.includes("%");
  if (isEscaped && REFUSED_ESCAPE.test(spelled)) return void 0;
  const path = isEscaped ? decodeUnreserved(spelled) : spelled;
  if (DOT_SEGMENT.test(path)) return void 0;
  const merged = mergeSlashes(path);
  return {
    target: merged === spelled ? target : merged + target.slice(spelled.length),
    unmergedPath: merged === path ? void 0 : path,
    hasEncodedSlash: isEscaped && ENCODED_SLASH.test(path)
  };
}
function decodeUnreserved(path) {
  return path.replace(UNRESERVED_ESCAPE, (found) => String.fromCharCode(Number.parseInt(found.slice(1), 16)));
}
function mergeSlashes(path) {
  return path.includes("//") ? path.replace(/\/{2,}/g, "/") : path;
}
function originForm(target, host) {
  const [start, scheme, authority] = ABSOLUTE_FORM.exec(target) ?? [];
  if (start === void 0 || host === void 0) return void 0;
  if (!isAuthority(authority) || !isAuthority(host) || !isSameAuthority(authority, host, scheme)) {
    return void 0;
  }
  const rest = target.slice(start.length);
  switch (rest.charCodeAt(0)) {
    case SLASH:
      return rest;
    case QUESTION_MARK:
      return `/${rest}`;
    default:
      return rest === "" ? "/" : void 0;
  }
}
var PLAIN = /^\/(?:\.*[a-z0-9_~!$&'()+,=:@-]+(?:\.+[a-z0-9_~!$&'()+,=:@-]+)*(?:\/\.*[a-z0-9_~!$&'()+,=:@-]+(?:\.+[a-z0-9_~!$&'()+,=:@-]+)*)*)?(?:\?[\x21\x22\x24-\x7e]*)?$/;
var ORIGIN_FORM = /^\/(?!\/)[\x21\x22\x24-\x3e\x40-\x5b\x5d-\x7e]*(?:\?[\x21\x22\x24-\x7e]*)?$/;
var REFUSED_ESCAPE = /%(?:5c|00|(?![0-9a-f]{2}))/i;
var UNRESERVED_ESCAPE = /%(?:2[de]|3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])/gi;
var ENCODED_SLASH = /%2f/i;
var DOT_SEGMENT = /(?:^|\/|%2f|%(?:c0|e0%80)%af)(?:\.|%(?:c0|e0%80)%ae){1,2}(?:%0[9a-d]|%20)*(?:\/|%2f|%(?:c0|e0%80)%af|;|%3b|%3f|%23|$)/i;
var ABSOLUTE_FORM = /^(https?):\/\/([^/?#]*)/i;
function stripPrefix(target, prefix) {
  if (prefix === "") return target;
  let end = prefix.length;
  if (!target.startsWith(prefix) || !isBoundary(target.charCodeAt(end))) {
    end = 0;
    for (let i = 0; i < prefix.length; i++) {
      if (prefix.charCodeAt(i) !== SLASH) continue;
      while (target.charCodeAt(end) === SLASH) end++;
      while (!isBoundary(target.charCodeAt(end))) end++;
    }
  }
  const rest = target.slice(end);
  return rest.charCodeAt(0) === SLASH ? rest : `/${rest}`;
}
var SLASH = 47;
var QUESTION_MARK = 63;
function isBoundary(code) {
  return code === SLASH || code === QUESTION_MARK || Number.isNaN(code);
}

// internal/grpc/http-rule.ts
var PATTERNS = ["get", "put", "post", "delete", "patch"];
var MAX_SEGMENTS = 64;
var NAME2 = /^[A-Za-z_][A-Za-z0-9_]*$/;
var LITERAL = /^(?:[A-Za-z0-9._~!$&'()+,;=@-]|%[0-9A-Fa-f]{2})+$/;
var TOKEN = /^[A-Z][A-Z0-9_-]*$/;
function bindingsOfRule(rule) {
  const additional = rule.additionalBindings ?? [];
  if (additional.some((each) => (each.additionalBindings ?? []).length > 0)) {
    throw new TypeError("an additional binding must not have additional bindings");
  }
  return [rule, ...additional].map(bindingOf);
}
function bindingOf(rule) {
  const given = PATTERNS.filter((name) => rule[name] !== void 0 && rule[name] !== "");
  const custom = rule.custom?.kind === void 0 || rule.custom.kind === "" ? void 0 : rule.custom;
  if (given.length + (custom ? 1 : 0) !== 1) {
    throw new TypeError("a rule must have exactly one of get, put, post, delete, patch and custom");
  }
  const httpMethod = custom ? custom.kind : given[0].toUpperCase();
  if (!TOKEN.test(httpMethod)) throw new TypeError(`custom.kind must be an HTTP method, not ${httpMethod}`);
  const { body = "", responseBody = "" } = rule;
  if (body !== "" && body !== "*" && !NAME2.test(body)) {
    throw new TypeError(`body must be * or the name of a field, not ${body}`);
  }
  if (body !== "" && (httpMethod === "GET" || httpMethod === "HEAD")) {
    throw new TypeError(`a ${httpMethod} has no body, so body must be absent`);
  }
  if (responseBody !== "" && !NAME2.test(responseBody)) {
    throw new TypeError(`responseBody must be the name of a field, not ${responseBody}`);
  }
  return {
    httpMethod,
    template: parseTemplate(custom ? custom.path ?? "" : rule[given[0]]),
    body: body === "" ? void 0 : body,
    responseBody: responseBody === "" ? void 0 : responseBody
  };
}
function parseTemplate(text) {
  const fail = (reason) => {
    throw new TypeError(`the path template ${JSON.stringify(text)} is not valid: ${reason}`);
  };
  if (!text.startsWith("/")) fail("it must begin with /");
  const segments = [];
  const variables = [];
  const [, body = "", verb] = /^\/(.*?)(?::([^/{}:]+))?$/s.exec(text) ?? [];
  if (verb !== void 0 && !LITERAL.test(verb))
    fail("the verb behind the colon has characters that a path cannot have");
  for (const part of splitOutsideBraces(body) ?? fail("braces do not match")) {
    const variable = /^\{([^{}=]*)(?:=([^{}]*))?\}$/.exec(part);
    const from = segments.length;
    if (!variable) {
      segments.push(segmentOf(part) ?? fail(`${JSON.stringify(part)} is not a segment`));
      continue;
    }
    const fieldPath = variable[1].split(".");
    if (!fieldPath.every((name) => NAME2.test(name))) fail(`${variable[1]} is not a path of fields`);
    for (const inner of (variable[2] ?? "*").split("/")) {
      segments.push(segmentOf(inner) ?? fail(`${JSON.stringify(inner)} is not a segment`));
    }
    if (variables.some((other) => other.fieldPath.join(".") === variable[1]))
      fail(`${variable[1]} is captured twice`);
    variables.push({ fieldPath, from, to: segments.at(-1) === "**" ? void 0 : segments.length });
  }
  if (segments.length > MAX_SEGMENTS) fail(`it has more than ${MAX_SEGMENTS} segments`);
  if (segments.slice(0, -1).includes("**")) fail("** must be the last segment");
  return { text, segments, verb, variables };
}
function segmentOf(text) {
  if (text === "*" || text === "**") return text;
  return LITERAL.test(text) ? { literal: text } : void 0;
}
function splitOutsideBraces(text) {
  const parts = text.match(/(?:\{[^{}]*\}|[^/{}])+|(?<=^|\/)(?=\/|$)/g) ?? [];
  return parts.join("/") === text ? parts : void 0;
}

export {
  isAuthority,
  normaliseHost,
  portOf,
  isSameAuthority,
  pathOf,
  isPlainTarget,
  canonicalTarget,
  decodeUnreserved,
  mergeSlashes,
  originForm,
  stripPrefix,
  bindingsOfRule,
  parseTemplate
};
