import {
  MAX_SERVICES_FILE,
  readServices
} from "./chunk-GDXCPJMI.js";
import {
  NEVER_WATCHED,
  ReadOnlyRegistryError
} from "./chunk-MF2KRIMM.js";
import {
  EventQueue
} from "./chunk-4ZGQVGGX.js";
import {
  serviceOf
} from "./chunk-4JDL6KNU.js";
import "./chunk-U4QRFBCZ.js";
import "./chunk-5QZTELKW.js";
import "./chunk-ORGHNJCV.js";
import {
  decodeText
} from "./chunk-MD4L36BR.js";
import "./chunk-ZOIAUEOT.js";
import "./chunk-IOHFKSVH.js";

// discovery/file-registry-content.ts
import { readFile, stat as stat2 } from "node:fs/promises";
import { dirname } from "node:path";

// discovery/file-registry-folder.ts
import { watch } from "node:fs";
import { stat } from "node:fs/promises";
var FolderWatch = class {
  #folder;
  #onChange;
  #watcher;
  /** Device and inode of the folder being watched. */
  #watched;
  constructor(folder, onChange) {
    this.#folder = folder;
    this.#onChange = onChange;
  }
  /** Starts watching the folder, or watches the new one if it was replaced. */
  async check() {
    const present = await stat(this.#folder).then(
      ({ dev, ino }) => `${dev}:${ino}`,
      () => void 0
    );
    if (this.#watcher && present === this.#watched) return;
    this.close();
    if (present === void 0) return;
    try {
      const watcher = watch(this.#folder, { persistent: false }, this.#onChange);
      watcher.on("error", () => watcher.close());
      watcher.on("close", () => {
        if (this.#watcher === watcher) this.#watcher = void 0;
      });
      this.#watcher = watcher;
      this.#watched = present;
    } catch {
    }
  }
  close() {
    this.#watcher?.close();
    this.#watcher = void 0;
  }
};

// discovery/file-registry-content.ts
async function followContent(path, options) {
  const { signal, pollMs = 2e3, settleMs = 100, onContent, onSame } = options;
  const wait = createWait(signal);
  const folder = new FolderWatch(dirname(path), wait.wake);
  let reported;
  let seen;
  try {
    while (!signal.aborted) {
      await folder.check();
      const content = await readContent(path);
      if (signal.aborted) return;
      if (isSame(content, reported)) {
        onSame();
        await wait.untilWoken(pollMs);
        await wait.throughout(settleMs);
      } else if (isSame(content, seen)) {
        reported = content;
        onContent(content);
      } else await wait.throughout(settleMs);
      seen = content;
    }
  } finally {
    folder.close();
  }
}
async function readContent(path) {
  try {
    const about = await stat2(path);
    if (about.isDirectory()) return { reason: "it is a folder" };
    if (!about.isFile()) return { reason: "it is not a regular file" };
    if (about.size > MAX_SERVICES_FILE) return { reason: `it is larger than ${MAX_SERVICES_FILE} bytes` };
    const bytes = await readFile(path);
    try {
      return { text: decodeText(bytes) };
    } catch (error) {
      return { reason: `it ${error.message}` };
    }
  } catch (error) {
    return { reason: reasonOf(error) };
  }
}
function reasonOf({ code, message }) {
  if (code === "ENOENT" || code === "ENOTDIR") return "no such file";
  if (code === "EACCES") return "permission denied";
  return code ?? message;
}
function isSame(a, b) {
  return a.text === b?.text && a.reason === b?.reason;
}
function createWait(signal) {
  let isWoken = false;
  let end = () => {
  };
  let onWake = () => {
  };
  signal.addEventListener("abort", () => end(), { once: true });
  const throughout = (delayMs) => {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => end(), delayMs).unref();
      end = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  };
  return {
    throughout,
    /**
     * Waits up to `delayMs`, or until `wake()` is called. Returns at once when that happened since the last
     * wait.
     */
    async untilWoken(delayMs) {
      onWake = () => end();
      if (!isWoken) await throughout(delayMs);
      onWake = () => {
      };
      isWoken = false;
    },
    wake: () => {
      isWoken = true;
      onWake();
    }
  };
}

// discovery/file-registry-follower.ts
var FILE_SOURCES = [
  { name: "services", scope: "nodes" },
  { name: "routes", scope: "routes" }
];
var FileFollower = class {
  #options;
  #revision = 0n;
  /** The text of the current revision. */
  #text;
  #nodes;
  /** Whether the table is the current content of the file. */
  #isCurrent = false;
  #confirmedAt;
  #loads = 0;
  #connected = false;
  #reason;
  constructor(options) {
    this.#options = options;
  }
  /** Follows the file until `signal` aborts. */
  follow(signal) {
    const { file, pollMs, settleMs } = this.#options;
    return followContent(file, {
      signal,
      pollMs,
      settleMs,
      onContent: (content) => this.#apply(content),
      onSame: () => this.#confirm()
    });
  }
  status() {
    return {
      connected: this.#connected,
      revision: this.#nodes && String(this.#revision),
      ageMs: this.#confirmedAt === void 0 ? void 0 : performance.now() - this.#confirmedAt,
      relists: /* @__PURE__ */ new Map([["read", this.#loads]]),
      drift: 0
    };
  }
  #apply(content) {
    const { file } = this.#options;
    this.#isCurrent = false;
    if (content.text === void 0) {
      this.#setConnected(false, `${file}: ${content.reason}`);
      return;
    }
    const { text } = content;
    const parsed = readServices(text, this.#nodes);
    if ("reason" in parsed && !this.#nodes) {
      this.#setConnected(false, `${file}: ${parsed.reason}`);
      return;
    }
    if (text !== this.#text) this.#revision += 1n;
    this.#text = text;
    const revision = String(this.#revision);
    if ("reason" in parsed) {
      const problem = { kind: "problem", key: file, reason: parsed.reason };
      for (const { name: source, scope } of FILE_SOURCES) {
        const puts = scope === "nodes" ? [problem] : [];
        this.#options.push({ type: "change", source, scope, revision, puts, deletes: [] });
      }
    } else {
      this.#isCurrent = true;
      this.#loads += 1;
      this.#nodes = parsed.nodes;
      for (const { name: source, scope } of FILE_SOURCES) {
        const entries = parsed[scope];
        const event = { type: "snapshot", source, scope, revision, entries };
        this.#options.push({ ...event, from: "store", afterLoss: false });
      }
      this.#confirm();
    }
    this.#setConnected(true);
  }
  #confirm() {
    if (this.#isCurrent) this.#confirmedAt = performance.now();
  }
  #setConnected(connected, reason) {
    if (connected === this.#connected && reason === this.#reason) return;
    this.#connected = connected;
    this.#reason = reason;
    for (const { name: source, scope } of FILE_SOURCES) {
      this.#options.push({ type: "status", source, scope, connected, reason });
    }
  }
};

// discovery/file-registry.ts
var FileRegistry = class {
  name = "file";
  keptBy = "operator";
  sources = FILE_SOURCES;
  #file;
  #options;
  #closing = new AbortController();
  #following = /* @__PURE__ */ new Set();
  #latest;
  /** @throws TypeError when no file is given */
  constructor(options) {
    if (options.file === void 0) throw new TypeError("the file registry needs a file; set discovery.file");
    this.#file = options.file;
    this.#options = options;
  }
  async init() {
  }
  async register() {
    throw this.#readOnly();
  }
  async unregister() {
    throw this.#readOnly();
  }
  /** @throws Error that names the file, when it cannot be read or does not parse */
  async getService(name) {
    const file = this.#file;
    const content = await readContent(file);
    if (content.text === void 0) throw new Error(`${file}: ${content.reason}`);
    const parsed = readServices(content.text);
    if ("reason" in parsed) throw new Error(`${file}: ${parsed.reason}`);
    return serviceOf(name, parsed.nodes);
  }
  watch(signal) {
    const stop = new AbortController();
    const ending = AbortSignal.any([signal, this.#closing.signal]);
    const queue = new EventQueue(ending, () => stop.abort());
    if (ending.aborted) return queue;
    const follower = new FileFollower({
      ...this.#options,
      file: this.#file,
      push: (event) => queue.push(event)
    });
    this.#latest = follower;
    const following = follower.follow(stop.signal);
    this.#following.add(following);
    void following.finally(() => this.#following.delete(following));
    return queue;
  }
  status(_source) {
    return this.#latest?.status() ?? NEVER_WATCHED;
  }
  async close() {
    this.#closing.abort();
    await Promise.all(this.#following);
  }
  #readOnly() {
    return new ReadOnlyRegistryError(
      `services cannot register in ${this.#file}; edit the file to change its nodes`
    );
  }
};
export {
  FileRegistry
};
