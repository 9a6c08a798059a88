import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  TranscodePlan,
  createBindings
} from "./chunk-OUMENTIL.js";
import {
  decodeDescriptors
} from "./chunk-HMECFNBR.js";
import {
  checkPrefix,
  createSyncTransport,
  readAllPages
} from "./chunk-3YBDGG4D.js";
import {
  createEtcdClient
} from "./chunk-5CQDBMXF.js";
import "./chunk-LK776ZVL.js";
import {
  LiveRules,
  createNodeGuard,
  createNodeTable,
  createSessionCounts
} from "./chunk-52VF32QU.js";
import "./chunk-EIF6JI5R.js";
import "./chunk-VJQOOZOZ.js";
import "./chunk-ZI3ZXLWK.js";
import {
  require_pino
} from "./chunk-OTMXRMHD.js";
import {
  etcdClientOptions
} from "./chunk-GIEW764W.js";
import "./chunk-H6WZLUKC.js";
import {
  loadConfig
} from "./chunk-CM57QZRA.js";
import "./chunk-G4RAHNLO.js";
import {
  ConfigError
} from "./chunk-TVBUVZWG.js";
import "./chunk-ZFOIPJL2.js";
import "./chunk-G6XK4LIS.js";
import "./chunk-SJNWVKJY.js";
import {
  createNode
} from "./chunk-WSUTVFRI.js";
import {
  readSchema
} from "./chunk-GHYP5I3M.js";
import "./chunk-UF6LBCNO.js";
import "./chunk-ERV772JK.js";
import "./chunk-N56F7YL5.js";
import {
  missingText,
  reflect
} from "./chunk-UVH6BEWI.js";
import "./chunk-AAIXN3RI.js";
import "./chunk-X7I5JA7V.js";
import {
  writeDescriptorSet
} from "./chunk-KMEBCMMN.js";
import "./chunk-FEFDXV62.js";
import "./chunk-NQN3HE4H.js";
import "./chunk-4QJQ3U3V.js";
import "./chunk-W6G3N2K2.js";
import {
  __toESM
} from "./chunk-TUAEWWSE.js";

// cmd/commands/descriptors.ts
var import_pino = __toESM(require_pino(), 1);
import { readFileSync, writeFileSync } from "node:fs";

// discovery/etcd/stored-descriptors.ts
var PAGE_SIZE = 100;
async function putDescriptors(options, prefix, name, bytes) {
  const client = createEtcdClient(options);
  try {
    await client.put(`${checkPrefix(prefix)}${name}`).value(bytes.toString("base64"));
  } finally {
    client.close();
  }
}
async function readDescriptors(options, prefix) {
  const client = createEtcdClient(options);
  const whole = checkPrefix(prefix);
  try {
    const items = [];
    const { readPage } = createSyncTransport(client, whole);
    await readAllPages({ read: readPage, limit: PAGE_SIZE, take: (item) => items.push(item) });
    return items.map((item) => {
      const name = item.key.slice(whole.length);
      const entry = decodeDescriptors(whole, item);
      if (entry.kind === "descriptors") return { name, bytes: entry.bytes };
      return { name, problem: entry.kind === "problem" ? entry.reason : "value is no descriptors" };
    });
  } finally {
    client.close();
  }
}

// cmd/commands/descriptors.ts
async function runDescriptors(command) {
  switch (command.action) {
    case "put":
      return put(command, load(command));
    case "get":
      return get(command, load(command));
    case "list":
      return list(command, load(command));
    case "check":
      return check(command, load(command));
    default:
      return command.action;
  }
}
function load({ config: file, settings }) {
  const loaded = loadConfig({ file, env: process.env, flags: settings });
  const prefix = loaded.config.discovery.descriptorsPrefix;
  if (prefix !== null) return { ...loaded, prefix };
  const message = "is null, so no gateway reads descriptors from etcd: give a prefix";
  const source = loaded.sourceOf("discovery.descriptorsPrefix");
  throw new ConfigError([{ path: "$.discovery.descriptorsPrefix", message, source }], loaded.warnings);
}
async function put({ name, file, from }, loaded) {
  const bytes = from === void 0 ? readFileSync(file) : writeDescriptorSet(await ask(loaded, from));
  const schema = readSchema(bytes);
  await putDescriptors(etcdClientOptions(loaded.config, loaded.keys), loaded.prefix, name, bytes);
  console.log(`${name}: ${summaryOf(schema)}`);
  return 0;
}
async function ask({ config }, { host, port }) {
  const nodes = createNodeTable({
    config,
    guard: createNodeGuard({ allowedAddresses: [], adminPort: () => 0 }),
    rules: new LiveRules(config),
    sessionCounts: createSessionCounts(),
    onPiece: () => {
    },
    logger: (0, import_pino.default)({ level: "silent" })
  });
  nodes.set("node", [createNode({ service: "node", id: "node", host, port, protocol: "grpc" })]);
  try {
    const [peer] = nodes.get("node", "grpc").peers;
    const { files, missing } = await reflect(
      peer,
      (each, request, call) => each.transport.send(request, call)
    );
    if (missing.length > 0) console.error(`${host}:${port}: ${missingText(missing)}`);
    return files;
  } finally {
    nodes.clear();
  }
}
async function get({ name, file }, { config, keys, prefix }) {
  const all = await readDescriptors(etcdClientOptions(config, keys), prefix);
  const found = all.find((each) => each.name === name);
  if (found?.bytes === void 0) {
    console.error(`${prefix}${name}: ${found?.problem ?? "there are no descriptors of this name"}`);
    return 1;
  }
  writeFileSync(file, found.bytes);
  return 0;
}
async function list({ rules }, { config, keys, prefix }) {
  let isWell = true;
  for (const { name, bytes, problem } of await readDescriptors(etcdClientOptions(config, keys), prefix)) {
    try {
      if (bytes === void 0) throw new Error(problem);
      const schema = readSchema(bytes);
      console.log(`${name}: ${summaryOf(schema)}`);
      if (rules) for (const line of rulesOf(schema)) console.log(`  ${line}`);
    } catch (error) {
      isWell = false;
      console.log(`${name}: not usable: ${error.message}`);
    }
  }
  return isWell ? 0 : 1;
}
function check({ file, rules }, { config }) {
  const schema = readSchema(readFileSync(file));
  console.log(summaryOf(schema));
  if (rules) for (const line of rulesOf(schema)) console.log(`  ${line}`);
  const { json, messageBytes } = config.grpc;
  const plan = new TranscodePlan(schema, { choice: "all", rules: [], json, maxMessageBytes: messageBytes });
  for (const problem of plan.problems) console.log(problem);
  return plan.problems.length === 0 ? 0 : 1;
}
function summaryOf({ services, methods }) {
  const count = methods.length === 1 ? "1 method" : `${methods.length} methods`;
  return `${services.join(", ")} (${count})`;
}
function rulesOf(schema) {
  const { entries } = createBindings(schema, { choice: "all", rules: [] });
  return entries.map(({ binding: { httpMethod, template, body, responseBody }, value }) => {
    const parts = [body && `body ${body}`, responseBody && `answer ${responseBody}`].filter(Boolean);
    return [
      `${httpMethod} ${template.text}`,
      "->",
      value.name,
      ...parts.length > 0 ? [`(${parts.join(", ")})`] : []
    ].join(" ");
  });
}
export {
  runDescriptors
};
