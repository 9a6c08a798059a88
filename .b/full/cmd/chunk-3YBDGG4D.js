import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  connectionReason,
  plainReason,
  require_lib
} from "./chunk-5CQDBMXF.js";
import {
  __toESM
} from "./chunk-TUAEWWSE.js";

// discovery/etcd/pages.ts
async function readPage(client, range, { from = range.key, revision, limit }) {
  const { header, kvs, more } = await client.kv.range({
    ...range,
    key: from,
    limit,
    ...revision !== void 0 && { revision: String(revision) }
  });
  const last = kvs.at(-1);
  return {
    revision: BigInt(header.revision),
    clusterId: header.cluster_id,
    items: kvs,
    next: more && last ? Buffer.concat([last.key, Buffer.of(0)]) : void 0
  };
}
async function readAllPages({
  read,
  limit,
  revision,
  take
}) {
  let page = await read({ revision, limit });
  const { clusterId } = page;
  const at = revision ?? page.revision;
  for (; ; ) {
    for (const item of page.items) take(item);
    if (!page.next) return { revision: at, clusterId };
    page = await read({ from: page.next, revision: at, limit });
    if (page.clusterId !== clusterId)
      throw new Error("the endpoint changed to another cluster during the read");
  }
}

// discovery/etcd/transport.ts
var import_etcd3 = __toESM(require_lib(), 1);

// discovery/etcd/key-bytes.ts
import { isUtf8 } from "node:buffer";
function prefixRange(prefix) {
  const end = Buffer.from(prefix);
  end[end.length - 1] = end[end.length - 1] + 1;
  return { key: Buffer.from(prefix), range_end: end };
}
function textOf(bytes) {
  return isUtf8(bytes) ? bytes.toString() : `\\x${bytes.toString("hex")}`;
}

// discovery/etcd/transport.ts
var RevisionError = class extends Error {
  kind;
  constructor(kind, cause) {
    super(`etcd: required revision ${kind === "compacted" ? "has been compacted" : "is in the future"}`, {
      cause
    });
    this.kind = kind;
  }
};
var UnreachableError = class extends Error {
  constructor(reason, cause) {
    super(reason, { cause });
  }
};
function createSyncTransport(client, prefix) {
  const range = prefixRange(prefix);
  return {
    async readPage(request) {
      const page = await readPage(client, range, request).catch(translate);
      return { ...page, items: page.items.map(storedKey) };
    },
    readProgress: (since) => readProgress(client, range, since).catch(translate),
    watch: (startRevision, listener) => openWatch(client, range, startRevision, listener)
  };
}
async function readProgress(client, range, since) {
  const { header } = await client.kv.range({ key: range.key, count_only: true });
  const { cluster_id: clusterId } = header;
  if (BigInt(header.revision) === since) return { revision: since, clusterId };
  const last = await client.kv.range({
    ...range,
    limit: 1,
    keys_only: true,
    sort_order: "Descend",
    sort_target: "Mod"
  });
  return {
    revision: BigInt(last.header.revision),
    clusterId: last.header.cluster_id,
    newest: { modRevision: BigInt(last.kvs[0]?.mod_revision ?? 0), count: Number(last.count) }
  };
}
function openWatch(client, range, startRevision, listener) {
  let closed = false;
  let stream;
  const fail = (error) => {
    if (closed) return;
    closed = true;
    listener.onEnd(unreachable(error) ?? error);
  };
  client.watchClient.watch().then((opened) => {
    opened.on("error", fail);
    opened.on("end", () => fail(new Error("the watch stream ended")));
    if (closed) {
      opened.end();
      opened.cancel();
      return;
    }
    stream = opened;
    opened.on("data", (response) => {
      const message = watchMessage(response);
      const deliver = () => {
        if (!closed) listener.onMessage(message);
      };
      if (message.canceled && message.compactRevision === 0n) void tryToRead(client, range).finally(deliver);
      else deliver();
    });
    opened.write({
      create_request: {
        ...range,
        start_revision: String(startRevision),
        progress_notify: true,
        fragment: true
      }
    });
  }, fail);
  return {
    requestProgress: () => stream?.write({ progress_request: {} }),
    close(broken) {
      closed = true;
      if (!broken) stream?.end();
      stream?.cancel();
    }
  };
}
async function tryToRead(client, range) {
  await client.kv.range({ ...range, limit: 1, keys_only: true }).catch(() => {
  });
}
function watchMessage(response) {
  return {
    revision: BigInt(response.header.revision),
    clusterId: response.header.cluster_id,
    created: response.created,
    canceled: response.canceled,
    compactRevision: BigInt(response.compact_revision),
    cancelReason: plainReason(response.cancel_reason),
    fragment: response.fragment,
    // The type is 'Put' in etcd3's types and 'PUT' on the wire.
    events: response.events.map(({ type, kv }) => ({
      type: String(type).toUpperCase() === "DELETE" ? "delete" : "put",
      ...storedKey(kv)
    }))
  };
}
function storedKey({ key, value, mod_revision, lease }) {
  return {
    key: textOf(key),
    value: textOf(value),
    modRevision: BigInt(mod_revision),
    // A deleted key is sent without one.
    lease: lease === void 0 || lease === "0" ? void 0 : lease
  };
}
function translate(error) {
  if (error instanceof import_etcd3.GRPCOutOfRangeError) {
    throw new RevisionError(error.message.includes("future") ? "future" : "compacted", error);
  }
  throw unreachable(error) ?? error;
}
function unreachable(error) {
  if (!(error instanceof Error)) return void 0;
  const cast = (0, import_etcd3.castGrpcError)(error);
  const isOne = cast instanceof import_etcd3.GRPCUnavailableError || cast instanceof import_etcd3.GRPCDeadlineExceededError || cast instanceof import_etcd3.GRPCCancelledError;
  return isOne ? new UnreachableError(connectionReason(error.message), error) : void 0;
}

// discovery/etcd/prefixes.ts
var DEFAULT_SERVICES_PREFIX = "/services/";
var DEFAULT_ROUTES_PREFIX = "/waygate/routes/";
function checkPrefix(prefix) {
  const whole = prefix.endsWith("/") ? prefix : `${prefix}/`;
  if (/^\/*$/.test(whole)) throw new TypeError(`a key prefix must have at least one segment, not "${prefix}"`);
  return whole;
}
function servicesPrefixes(own, listed, routesPrefix) {
  const all = [];
  for (const each of listed) {
    const prefix = checkPrefix(each.prefix);
    const other = all.find((known) => overlap(known.prefix, prefix));
    if (other) throw new TypeError(`the prefixes of two sources overlap: ${other.prefix} and ${prefix}`);
    all.push({ ...each, prefix });
  }
  const ownPrefix = checkPrefix(own.prefix);
  if (!all.some(({ prefix }) => overlap(prefix, ownPrefix))) all.unshift({ ...own, prefix: ownPrefix });
  const bad = all.find(({ prefix }) => overlap(prefix, routesPrefix));
  if (bad)
    throw new TypeError(`the prefixes of services and routes overlap: ${bad.prefix} and ${routesPrefix}`);
  return all;
}
function overlap(a, b) {
  return a.startsWith(b) || b.startsWith(a);
}

export {
  readPage,
  readAllPages,
  prefixRange,
  RevisionError,
  UnreachableError,
  createSyncTransport,
  storedKey,
  DEFAULT_SERVICES_PREFIX,
  DEFAULT_ROUTES_PREFIX,
  checkPrefix,
  servicesPrefixes
};
