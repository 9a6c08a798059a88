import {
  parseAddress
} from "./chunk-ZOIAUEOT.js";

// discovery/registries.ts
var registries = /* @__PURE__ */ new Map([
  ["etcd", async (options) => new (await import("./etcd-registry-7V5OX3ZF.js")).EtcdRegistry(options)],
  ["file", async ({ file }) => new (await import("./file-registry-PYNZOLGI.js")).FileRegistry({ file })],
  ["memory", async (options) => new (await import("./memory-registry-QIXQOD22.js")).MemoryRegistry(options)]
]);

// cmd/gateway/registry.ts
async function openRegistry(config, { keys, embeddedUrl, logger }) {
  const registry = await registries.get(config.discovery.registry)({
    ...etcdClientOptions(config, keys, embeddedUrl),
    file: config.discovery.file,
    servicesPrefix: config.discovery.servicesPrefix,
    routesPrefix: config.discovery.routesPrefix,
    apiKeysPrefix: config.apiKeys.enabled ? config.apiKeys.prefix : void 0,
    revocationsPrefix: config.jwt.revocations.enabled ? config.jwt.revocations.prefix : void 0,
    descriptorsPrefix: config.discovery.descriptorsPrefix ?? void 0,
    format: config.discovery.format,
    sources: config.discovery.sources,
    // The embedded etcd starts empty each time, so a table from an earlier run would be wrong.
    dataDir: embeddedUrl === void 0 ? config.dataDir : void 0,
    logger
  });
  await registry.init();
  return registry;
}
function etcdClientOptions(config, keys, embeddedUrl) {
  const { endpoints = [embeddedUrl ?? `http://${config.etcd.embedded}`], user, password } = config.etcd;
  const { ca, cert, key } = config.etcd;
  return { endpoints, user, password, tls: keys.etcdTls && { ...keys.etcdTls, files: { ca, cert, key } } };
}
function wantsEmbeddedEtcd({ etcd, discovery }) {
  return etcd.endpoints === void 0 && discovery.registry === "etcd";
}
async function startOwnEtcd(config, logger) {
  if (!wantsEmbeddedEtcd(config)) return void 0;
  const { startEmbeddedEtcd } = await import("./server-FZSCCUQS.js");
  const etcd = await startEmbeddedEtcd(parseAddress(config.etcd.embedded));
  logger.info({ etcd: etcd.url }, "embedded etcd is listening; its data is lost when this process ends");
  return etcd;
}

export {
  openRegistry,
  etcdClientOptions,
  wantsEmbeddedEtcd,
  startOwnEtcd
};
