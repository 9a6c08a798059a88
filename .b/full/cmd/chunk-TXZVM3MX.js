import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;

// middleware/auth/accepted-credentials.ts
var AcceptedCredentials = class {
  #capacity;
  #accepted = /* @__PURE__ */ new Map();
  /** @param capacity how many are remembered at most; 0 = none */
  constructor(capacity) {
    this.#capacity = capacity;
  }
  get(credential) {
    return this.#accepted.get(credential);
  }
  add(credential, value) {
    if (this.#capacity === 0) return;
    if (this.#accepted.size >= this.#capacity) this.#accepted.delete(this.#accepted.keys().next().value);
    this.#accepted.set(credential, value);
  }
  delete(credential) {
    this.#accepted.delete(credential);
  }
};

export {
  AcceptedCredentials
};
