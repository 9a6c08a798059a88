import {
  FRAMING_FIELDS,
  TOKEN,
  TRUSTED_FIELDS
} from "./chunk-BN4MFTCA.js";

// internal/http/memoize-names.ts
var MAX_NAMES = 2e3;
var MAX_LENGTH = 100;
function memoizeNames(classify) {
  const bySpelling = /* @__PURE__ */ new Map();
  return (spelling) => {
    const known = bySpelling.get(spelling);
    if (known !== void 0) return known;
    const found = classify(spelling);
    if (bySpelling.size < MAX_NAMES && spelling.length <= MAX_LENGTH) bySpelling.set(spelling, found);
    return found;
  };
}

// internal/http/trailers.ts
var MAX_FIELDS = 64;
var FORBIDDEN = /* @__PURE__ */ new Set([
  ...FRAMING_FIELDS,
  ...TRUSTED_FIELDS,
  ...["client-cert", "client-cert-chain", "host", "http2-settings"],
  ...["authorization", "cookie", "set-cookie", "www-authenticate"],
  ...["age", "cache-control", "date", "expires", "location", "max-forwards", "pragma", "range"],
  ...["retry-after", "vary", "warning"]
]);
var FORBIDDEN_BEGINNING = /^(?:access-control-|content-(?!digest$)|if-|proxy-|sec-|x-forwarded-|x-waygate-)/;
var TrailerFilter = class {
  #mayPass;
  /** @param ownNames further names, in lower case, that only the gateway may set */
  constructor(ownNames = []) {
    const own = new Set(ownNames);
    this.#mayPass = memoizeNames((spelling) => {
      const name = spelling.toLowerCase().replaceAll("_", "-");
      return !FORBIDDEN.has(name) && !own.has(name) && !FORBIDDEN_BEGINNING.test(name);
    });
  }
  /**
   * Returns a copy of the trailers with the fields that may be passed on; undefined when there are none.
   *
   * @param lines flat
   * @param connectionOptions names in lower case that Connection lists: they are removed from trailers as well
   *   (RFC 9110 section 7.6.1)
   */
  fields(lines, connectionOptions) {
    if (lines.length === 0 || lines.length > MAX_FIELDS * 2) return void 0;
    const passed = [];
    for (let i = 0; i < lines.length; i += 2) {
      if (this.#passes(lines[i], connectionOptions)) passed.push(lines[i], lines[i + 1]);
    }
    return passed.length === 0 ? void 0 : passed;
  }
  /** Returns the names of a Trailer field that may be passed on; undefined when there are none. */
  names(value, connectionOptions) {
    const names = value.split(",").map((name) => name.trim());
    if (names.length > MAX_FIELDS) return void 0;
    const passed = names.filter((name) => TOKEN.test(name) && this.#passes(name, connectionOptions));
    return passed.length === 0 ? void 0 : passed;
  }
  #passes(spelling, connectionOptions) {
    return this.#mayPass(spelling) && connectionOptions?.has(spelling.toLowerCase()) !== true;
  }
};

export {
  memoizeNames,
  TrailerFilter
};
