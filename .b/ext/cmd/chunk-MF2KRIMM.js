// discovery/registry.ts
var ReadOnlyRegistryError = class extends Error {
  name = "ReadOnlyRegistryError";
};
var NEVER_WATCHED = {
  connected: false,
  revision: void 0,
  ageMs: void 0,
  relists: /* @__PURE__ */ new Map(),
  drift: 0
};

export {
  ReadOnlyRegistryError,
  NEVER_WATCHED
};
