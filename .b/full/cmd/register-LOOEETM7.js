import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  startChild,
  untilAccepting,
  untilFree
} from "./chunk-BNH24QT7.js";
import {
  Registrar,
  startRegistrar
} from "./chunk-HIQX2NWU.js";
import {
  DEFAULT_SERVICES_PREFIX,
  checkPrefix
} from "./chunk-3YBDGG4D.js";
import {
  createEtcdClient,
  readTlsFiles
} from "./chunk-5CQDBMXF.js";
import "./chunk-NHEHIQHC.js";
import "./chunk-LK776ZVL.js";
import "./chunk-ZI3ZXLWK.js";
import {
  onHangup,
  untilSignal
} from "./chunk-X3Q2FBLJ.js";
import {
  require_pino
} from "./chunk-OTMXRMHD.js";
import {
  etcdClientOptions
} from "./chunk-GIEW764W.js";
import "./chunk-S6UF4NQF.js";
import {
  protocolOf
} from "./chunk-VT47CYYF.js";
import "./chunk-H6WZLUKC.js";
import {
  loadConfig
} from "./chunk-CM57QZRA.js";
import "./chunk-G4RAHNLO.js";
import "./chunk-TVBUVZWG.js";
import "./chunk-ZFOIPJL2.js";
import "./chunk-G6XK4LIS.js";
import "./chunk-SJNWVKJY.js";
import {
  addressOf,
  createNode,
  laneOf,
  parseAddress
} from "./chunk-WSUTVFRI.js";
import "./chunk-UF6LBCNO.js";
import "./chunk-ERV772JK.js";
import "./chunk-N56F7YL5.js";
import "./chunk-X7I5JA7V.js";
import "./chunk-4QJQ3U3V.js";
import {
  __toESM
} from "./chunk-TUAEWWSE.js";

// cmd/commands/register.ts
var import_pino = __toESM(require_pino(), 1);
import { flushCompileCache } from "node:module";
import { setTimeout as delay } from "node:timers/promises";

// discovery/etcd/environment.ts
import { resolve } from "node:path";
function etcdFromEnvironment(env) {
  const urls = env.WAYGATE_ETCD?.split(",").map((url) => url.trim()).filter((url) => url !== "");
  const files = {
    ...env.WAYGATE_ETCD_CA && { ca: resolve(env.WAYGATE_ETCD_CA) },
    ...env.WAYGATE_ETCD_CERT && { cert: resolve(env.WAYGATE_ETCD_CERT) },
    ...env.WAYGATE_ETCD_KEY && { key: resolve(env.WAYGATE_ETCD_KEY) }
  };
  return {
    ...urls && urls.length > 0 && { etcd: urls },
    ...env.WAYGATE_ETCD_USER && { user: env.WAYGATE_ETCD_USER },
    ...env.WAYGATE_ETCD_PASSWORD && { password: env.WAYGATE_ETCD_PASSWORD },
    ...Object.keys(files).length > 0 && { tls: readTlsFiles(files) },
    ...env.WAYGATE_SERVICES_PREFIX && { servicesPrefix: env.WAYGATE_SERVICES_PREFIX }
  };
}

// discovery/etcd/connect-options.ts
function withEnvironment(options) {
  const given = Object.entries(options).filter(([, value]) => value !== void 0);
  return { ...etcdFromEnvironment(process.env), ...Object.fromEntries(given) };
}
function clientOptions(access) {
  const { etcd = "http://127.0.0.1:2379", user, password, tls, logger } = access;
  return { endpoints: [etcd].flat(), user, password, tls, logger };
}
function openEtcd(access) {
  return createEtcdClient(clientOptions(access));
}

// discovery/register.ts
async function register(options) {
  const { signal, ttlSeconds, logger } = options;
  signal?.throwIfAborted();
  const access = withEnvironment(options);
  const node = createNode(nodeOf(options));
  if (laneOf(node) === void 0) {
    logger?.warn(
      { protocol: node.protocol },
      "gateways do not speak the protocol of this node, so it gets no requests"
    );
  }
  const prefix = checkPrefix(access.servicesPrefix ?? DEFAULT_SERVICES_PREFIX);
  const client = openEtcd(access);
  let registrar;
  try {
    const key = `${prefix}${node.service}/${node.id}`;
    registrar = new Registrar({ client, key, node, ttlSeconds, logger, onLeave: () => client.close() });
  } catch (error) {
    client.close();
    throw error;
  }
  await startRegistrar(registrar, signal);
  return registrar;
}
function nodeOf(options) {
  const { name, weight, metadata, protocol = metadata?.protocol } = options;
  const { host, port } = "address" in options ? parseAddress(options.address) : options;
  const id = options.id ?? `${name}-${addressOf({ host, port }).replace(/[[\]]/g, "").replace(/:(\d+)$/, "-$1")}`;
  return { service: name, id, host, port, weight, metadata, protocol: protocolOf(protocol, "http") };
}

// cmd/commands/register.ts
var DRAIN_MS = 500;
var FREE_WITHIN_MS = 3e3;
var STOP_GRACE_MS = 1e4;
async function runRegister(options) {
  const { config, keys } = loadConfig({ file: options.config, env: process.env, flags: options.settings });
  const stderr = import_pino.default.destination({ dest: 2, sync: true });
  stderr.on("error", () => {
  });
  const logger = (0, import_pino.default)({ level: config.logLevel }, stderr);
  const leaving = new AbortController();
  onHangup();
  const signalled = untilSignal().then(() => leaving.abort());
  if (options.child) {
    await untilFree(options, FREE_WITHIN_MS, leaving.signal);
    if (leaving.signal.aborted) return 0;
  }
  const child = options.child && await startChild(options.child.file, options.child.args, { stdio: "inherit" });
  const ended = child ? Promise.race([signalled, child.exited.then(() => leaving.abort())]) : signalled;
  const registration = keepRegistered();
  await ended;
  await (await registration)?.unregister();
  if (!child) return 0;
  if (child.process.exitCode === null && child.process.signalCode === null) await delay(DRAIN_MS);
  return child.stop(STOP_GRACE_MS);
  async function keepRegistered() {
    const { name, id, host, port, weight, protocol, metadata, ttlSeconds } = options;
    try {
      if (child) await untilAccepting(host, port, leaving.signal);
      const { endpoints, ...access } = etcdClientOptions(config, keys);
      const registration2 = await register({
        name,
        id,
        host,
        port,
        weight,
        protocol,
        metadata,
        ttlSeconds,
        etcd: endpoints,
        ...access,
        servicesPrefix: config.discovery.servicesPrefix,
        signal: leaving.signal,
        logger
      });
      flushCompileCache();
      return registration2;
    } catch (error) {
      if (leaving.signal.aborted) return void 0;
      await child?.stop(STOP_GRACE_MS);
      throw error;
    }
  }
}
export {
  runRegister
};
