import {
  RegisteredNode
} from "./chunk-FDXBBFWS.js";
import {
  EventQueue
} from "./chunk-4ZGQVGGX.js";
import {
  serviceOf
} from "./chunk-4JDL6KNU.js";
import "./chunk-U4QRFBCZ.js";
import "./chunk-5QZTELKW.js";
import "./chunk-MD4L36BR.js";
import "./chunk-ZOIAUEOT.js";
import "./chunk-IOHFKSVH.js";

// discovery/memory-registry.ts
var NODES_PREFIX = "/services/";
var ROUTES_PREFIX = "/waygate/routes/";
var MemoryRegistry = class {
  name = "memory";
  keptBy = "services";
  sources;
  #tables = {
    nodes: /* @__PURE__ */ new Map(),
    routes: /* @__PURE__ */ new Map(),
    "api-keys": /* @__PURE__ */ new Map(),
    revocations: /* @__PURE__ */ new Map(),
    descriptors: /* @__PURE__ */ new Map()
  };
  /** The registration that owns each key. Unregistering a replaced one must not remove its successor. */
  #owners = /* @__PURE__ */ new Map();
  #watches = /* @__PURE__ */ new Set();
  #revision = 1n;
  #connected = true;
  #changedAt = Date.now();
  constructor({ apiKeysPrefix, revocationsPrefix, descriptorsPrefix } = {}) {
    this.sources = [
      { name: NODES_PREFIX, scope: "nodes" },
      { name: ROUTES_PREFIX, scope: "routes" },
      ...apiKeysPrefix === void 0 ? [] : [{ name: apiKeysPrefix, scope: "api-keys" }],
      ...revocationsPrefix === void 0 ? [] : [{ name: revocationsPrefix, scope: "revocations" }],
      ...descriptorsPrefix === void 0 ? [] : [{ name: descriptorsPrefix, scope: "descriptors" }]
    ];
  }
  async init() {
  }
  async register(input, options = {}) {
    options.signal?.throwIfAborted();
    const registered = new RegisteredNode(input);
    const key = keyOf(input.service, input.id);
    const owner = {};
    const owns = () => this.#owners.get(key) === owner;
    const put = () => {
      this.#owners.set(key, owner);
      this.#write("nodes", { kind: "nodes", key, nodes: [registered.node] });
    };
    put();
    return {
      get node() {
        return registered.node;
      },
      async update(changes) {
        registered.update(changes);
        if (owns()) put();
      },
      unregister: async () => {
        if (owns()) this.#remove("nodes", key);
      }
    };
  }
  async unregister(service, id) {
    this.#remove("nodes", keyOf(service, id));
  }
  async getService(name) {
    return serviceOf(name, [...this.#tables.nodes.values()]);
  }
  watch(signal) {
    const queue = new EventQueue(signal, () => this.#watches.delete(queue));
    if (signal.aborted) return queue;
    this.#watches.add(queue);
    for (const source of this.sources) {
      if (this.#connected) queue.push(this.#snapshot(source));
      queue.push(this.#statusEvent(source));
    }
    return queue;
  }
  status(_source) {
    return {
      connected: this.#connected,
      revision: String(this.#revision),
      ageMs: this.#connected ? 0 : Date.now() - this.#changedAt,
      relists: /* @__PURE__ */ new Map(),
      drift: 0
    };
  }
  async close() {
    for (const watch of [...this.#watches]) watch.end();
    for (const key of [...this.#owners.keys()]) this.#remove("nodes", key);
  }
  /** Puts a route document, as an operator does with etcdctl. */
  putRoute(id, document) {
    this.#write("routes", { kind: "route", key: ROUTES_PREFIX + id, id, document });
  }
  deleteRoute(id) {
    this.#remove("routes", ROUTES_PREFIX + id);
  }
  /** Puts an entry under any key, as a service with its own format does. */
  putEntry(scope, entry) {
    this.#write(scope, entry);
  }
  deleteEntry(scope, key) {
    this.#remove(scope, key);
  }
  /**
   * Simulates an outage and its end. Watches get no events during the outage and a full snapshot after it.
   */
  setConnected(connected) {
    if (connected === this.#connected) return;
    this.#connected = connected;
    this.#changedAt = Date.now();
    for (const source of this.sources) {
      if (connected) this.#publish(this.#snapshot(source));
      this.#publish(this.#statusEvent(source));
    }
  }
  #write(scope, entry) {
    this.#tables[scope].set(entry.key, entry);
    this.#change(scope, [entry], []);
  }
  #remove(scope, key) {
    this.#owners.delete(key);
    if (this.#tables[scope].delete(key)) this.#change(scope, [], [key]);
  }
  #change(scope, puts, deletes) {
    this.#revision += 1n;
    const source = this.sources.find((each) => each.scope === scope)?.name;
    if (!this.#connected || source === void 0) return;
    this.#publish({ type: "change", source, scope, revision: String(this.#revision), puts, deletes });
  }
  #snapshot({ name: source, scope }) {
    const entries = [...this.#tables[scope].values()];
    const revision = String(this.#revision);
    return { type: "snapshot", source, scope, revision, entries, from: "store", afterLoss: false };
  }
  #statusEvent({ name: source, scope }) {
    const reason = this.#connected ? void 0 : "set by setConnected(false)";
    return { type: "status", source, scope, connected: this.#connected, reason };
  }
  #publish(event) {
    for (const watch of this.#watches) watch.push(event);
  }
};
function keyOf(service, id) {
  return `${NODES_PREFIX}${service}/${id}`;
}
export {
  MemoryRegistry
};
