import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  reflect
} from "./chunk-UVH6BEWI.js";

// wrappers/descriptors/reflections.ts
var TIMINGS = { settleMs: 1e3, pauseMs: 1e4, maxPauseMs: 3e5 };
var MAX_OTHERS = 2;
var Reflections = class {
  #options;
  #timings;
  #services = /* @__PURE__ */ new Map();
  #isClosed = false;
  constructor(options) {
    this.#options = options;
    this.#timings = { ...TIMINGS, ...options.timings };
  }
  /** Takes the nodes of a service that is to be asked; none = it is not. */
  update(service, peers) {
    if (peers.length === 0) {
      clearTimeout(this.#services.get(service)?.timer);
      this.#services.delete(service);
      return;
    }
    let asked = this.#services.get(service);
    const isFirst = asked === void 0;
    if (!asked) {
      asked = {
        seen: /* @__PURE__ */ new Map(),
        timer: void 0,
        isAsking: false,
        askedAt: Number.NEGATIVE_INFINITY,
        isAnswered: false,
        failures: 0
      };
      this.#services.set(service, asked);
    }
    const now = new Map(peers.map((peer) => [keyOf(peer), peer]));
    const isNew = [...now.keys()].some((key) => !asked.seen.has(key));
    asked.seen = new Map(
      [...[...asked.seen.keys()].filter((key) => now.has(key)), ...now.keys()].map((key) => [key, now.get(key)])
    );
    if (isNew) this.#schedule(service, asked, isFirst ? 0 : this.#timings.settleMs);
  }
  /** Asks a service again, because a request needed what it did not say. Does nothing when it was asked lately. */
  urge(service) {
    const asked = this.#services.get(service);
    if (asked && !asked.isAsking && !asked.isAnswered) this.#schedule(service, asked, 0);
  }
  close() {
    this.#isClosed = true;
    for (const { timer } of this.#services.values()) clearTimeout(timer);
    this.#services.clear();
  }
  #schedule(service, asked, afterMs) {
    const earliest = asked.askedAt + this.#timings.pauseMs - performance.now();
    clearTimeout(asked.timer);
    asked.timer = setTimeout(() => void this.#ask(service, asked), Math.max(afterMs, earliest, 0)).unref();
  }
  async #ask(service, asked) {
    if (asked.isAsking) {
      this.#schedule(service, asked, this.#timings.pauseMs);
      return;
    }
    asked.isAsking = true;
    asked.askedAt = performance.now();
    const error = await this.#askNodes(service, asked);
    asked.isAsking = false;
    if (this.#isClosed || this.#services.get(service) !== asked) return;
    asked.isAnswered = error === void 0;
    if (error === void 0) {
      asked.failures = 0;
      return;
    }
    this.#options.onFailure(service, error);
    const pauseMs = Math.min(this.#timings.pauseMs * 2 ** asked.failures++, this.#timings.maxPauseMs);
    this.#schedule(service, asked, pauseMs);
  }
  /** Asks the newest node and, when that brings nothing, others. Returns why none of them brought anything. */
  async #askNodes(service, asked) {
    let first;
    for (const peer of [...asked.seen.values()].reverse().slice(0, 1 + MAX_OTHERS)) {
      try {
        const reflected = await reflect(peer, this.#options.callNode);
        if (!this.#isClosed && this.#services.get(service) === asked)
          this.#options.onReflected(service, reflected, peer.address);
        return void 0;
      } catch (error) {
        first ??= error;
      }
    }
    return first;
  }
};
function keyOf({ address, node }) {
  return `${address} ${node.metadata.version ?? ""}`;
}

export {
  Reflections
};
