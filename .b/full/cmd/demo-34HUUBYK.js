import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  startChild
} from "./chunk-BNH24QT7.js";
import {
  createEtcdClient
} from "./chunk-5CQDBMXF.js";
import "./chunk-LK776ZVL.js";
import {
  IS_SOURCE,
  PACKAGE_FOLDER
} from "./chunk-JL3NSOMA.js";
import {
  startStack
} from "./chunk-WZB4FZQJ.js";
import "./chunk-KIQZUBD3.js";
import "./chunk-SUMWRTXI.js";
import "./chunk-52VF32QU.js";
import "./chunk-JWSPRGC7.js";
import "./chunk-EIF6JI5R.js";
import "./chunk-C6O7RDJ5.js";
import "./chunk-VJQOOZOZ.js";
import "./chunk-ZI3ZXLWK.js";
import "./chunk-BHPH5BJZ.js";
import "./chunk-F3IZEVG3.js";
import {
  createLogger
} from "./chunk-UVHUT7R4.js";
import {
  onHangup,
  untilSignal
} from "./chunk-X3Q2FBLJ.js";
import "./chunk-7SR6D3FF.js";
import "./chunk-OTMXRMHD.js";
import {
  etcdClientOptions
} from "./chunk-GIEW764W.js";
import "./chunk-RP6ZCZVG.js";
import "./chunk-S6UF4NQF.js";
import "./chunk-VT47CYYF.js";
import "./chunk-H6WZLUKC.js";
import {
  signToken
} from "./chunk-KCL4JU63.js";
import {
  UsageError
} from "./chunk-P2GILPID.js";
import {
  localUrlOf
} from "./chunk-TFXGDFEC.js";
import {
  loadConfig
} from "./chunk-CM57QZRA.js";
import "./chunk-G4RAHNLO.js";
import "./chunk-TVBUVZWG.js";
import "./chunk-ZFOIPJL2.js";
import "./chunk-G6XK4LIS.js";
import "./chunk-SJNWVKJY.js";
import {
  parseAddress
} from "./chunk-WSUTVFRI.js";
import "./chunk-NLYF5HLV.js";
import "./chunk-I32FXNKD.js";
import "./chunk-AOMYOS2X.js";
import "./chunk-UF6LBCNO.js";
import "./chunk-ERV772JK.js";
import "./chunk-N56F7YL5.js";
import "./chunk-AAIXN3RI.js";
import "./chunk-X7I5JA7V.js";
import "./chunk-FEFDXV62.js";
import "./chunk-4QJQ3U3V.js";
import "./chunk-W6G3N2K2.js";
import "./chunk-TUAEWWSE.js";

// cmd/commands/demo.ts
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

// examples/shared/routes.ts
import { readdir, readFile } from "node:fs/promises";
async function readExampleRoutes(kind = "http") {
  const folder = new URL(kind === "grpc" ? "../grpc/routes/" : "../routes/", import.meta.url);
  const files = (await readdir(folder)).filter((name) => name.endsWith(".json")).sort();
  return Promise.all(
    files.map(async (name) => ({
      id: name.slice(0, -".json".length),
      document: (await readFile(new URL(name, folder), "utf8")).trim()
    }))
  );
}

// cmd/commands/demo-ports.ts
import { createServer } from "node:net";
async function avoidTakenPorts(loaded) {
  const { config, sourceOf } = loaded;
  const taken = [];
  const portFor = async (path, host, port2) => {
    if (sourceOf(path) !== "default" || port2 === 0 || !await isTaken(host, port2)) return port2;
    taken.push(port2);
    return 0;
  };
  const port = await portFor("port", config.host, config.port);
  const adminPort = await portFor("adminPort", config.adminHost, config.adminPort);
  const etcd = parseAddress(config.etcd.embedded);
  const etcdPort = await portFor("etcd.embedded", etcd.host, etcd.port);
  const embedded = etcdPort === etcd.port ? config.etcd.embedded : `${etcd.host}:${etcdPort}`;
  return {
    loaded: { ...loaded, config: { ...config, port, adminPort, etcd: { ...config.etcd, embedded } } },
    taken
  };
}
function isTaken(host, port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve(error.code === "EADDRINUSE"));
    server.listen({ host, port }, () => server.close(() => resolve(false)));
  });
}

// cmd/commands/demo-text.ts
var JSON_TYPE = `-H 'content-type: application/json'`;
var BEARER = `-H "authorization: Bearer $TOKEN"`;
var BUF = "npx --yes @bufbuild/buf@1.75.0 curl --http2-prior-knowledge --protocol grpc --schema examples/grpc/proto";
function introduction(kind, { gateway, adminAddress }, { token, etcd, taken, firstPid }) {
  const url = localUrlOf(gateway.address);
  const admin = localUrlOf(adminAddress);
  const program = IS_SOURCE ? "npm run -s waygate" : "npx waygate";
  const elsewhere = taken.length === 0 ? "" : ` These ports are in use, so free ones were chosen instead: ${taken.join(", ")}.`;
  const services = kind === "grpc" ? "user (two nodes), task; both speak gRPC" : "user (two nodes, weighted 3:1), task";
  return `
Waygate is running.${elsewhere}

  gateway  ${url}
  admin    ${admin}/routes
  etcd     ${etcd}
  services ${services}

A token that is good for an hour, of a user called "demo":

  export TOKEN=${token}

Try, in another terminal:
${kind === "grpc" ? grpcCommands(url) : httpCommands(url)}
  # the live routing table
  curl -s ${admin}/routes
  ${program} routes ${IS_SOURCE ? "-- " : ""}--admin ${admin}

  # what happens when a node dies: kill one of the two user services and repeat the request
  kill -9 ${firstPid}

Below, each request becomes a line of the log. Ctrl-C stops all of it.
`;
}
function httpCommands(url) {
  return `
  # without a token: 401
  curl -i ${url}/task/tasks

  # create and list tasks
  curl ${url}/task/tasks ${BEARER} ${JSON_TYPE} -d '{"title":"read the README"}'
  curl ${url}/task/tasks ${BEARER}

  # register, log in, and use the token that the user service issues
  curl ${url}/user/register ${JSON_TYPE} -d '{"name":"ada","password":"correct horse"}'
  TOKEN=$(curl -s ${url}/user/login ${JSON_TYPE} -d '{"name":"ada","password":"correct horse"}' | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
  curl ${url}/user/me ${BEARER}
`;
}
function grpcCommands(url) {
  return `
  # without a token: 401
  curl -i ${url}/task/v1/tasks

  # call a method by gRPC, and the same method with JSON
  ${BUF} ${BEARER} -d '{"title":"read the README"}' ${url}/task.v1.Tasks/CreateTask
  curl ${url}/task/CreateTask ${BEARER} -d '{"title":"read the README"}'

  # its path of google.api.http, a task at its own path, and one that does not exist, as a problem document
  curl ${url}/task/v1/tasks ${BEARER}
  ID=$(curl -s ${url}/task/v1/tasks ${BEARER} | sed 's/.*"id":"\\([^"]*\\)".*/\\1/')
  curl ${url}/task/v1/tasks/$ID ${BEARER}
  curl -i ${url}/task/v1/tasks/7 ${BEARER}

  # a stream, a line of JSON for each change; ends with Ctrl-C
  curl -N ${url}/task/v1/tasks:watch ${BEARER}

  # register, log in, and use the token that the user service issues
  curl ${url}/user/v1/register -d '{"name":"ada","password":"correct horse"}'
  TOKEN=$(curl -s ${url}/user/v1/login -d '{"name":"ada","password":"correct horse"}' | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
  curl ${url}/user/v1/me ${BEARER}
`;
}

// cmd/commands/demo.ts
var HTTP_SERVICES = [
  { name: "user", folder: "user", weight: 3 },
  { name: "user", folder: "user", weight: 1 },
  { name: "task", folder: "task", weight: 1 }
];
var GRPC_SERVICES = [
  { name: "user", folder: "grpc/user", weight: 1 },
  { name: "user", folder: "grpc/user", weight: 1 },
  { name: "task", folder: "grpc/task", weight: 1 }
];
var STOP_GRACE_MS = 5e3;
async function runDemo(options) {
  if (options.grpc && !IS_SOURCE) {
    throw new UsageError("the gRPC services run only in a checkout of the sources", "demo");
  }
  const services = options.grpc ? GRPC_SERVICES : HTTP_SERVICES;
  onHangup();
  const signal = untilSignal();
  const { loaded, taken } = await avoidTakenPorts(loadDemoConfig(options));
  let isIntroduced = false;
  const log = createLogger(loaded.config.logLevel, (line) => isIntroduced || !/^\{"level":[123]0,/.test(line));
  const { flush } = log;
  const folder = await mkdtemp(join(tmpdir(), "waygate-demo-"));
  const children = [];
  if (loaded.config.workers !== 1) log.logger.warn("the demo runs one process; workers is ignored");
  let stack;
  try {
    stack = await startStack(loaded, log);
    const etcd = stack.embeddedEtcd?.url ?? loaded.config.etcd.endpoints.join(",");
    const { config, keys } = loaded;
    const client = etcdClientOptions(config, keys, stack.embeddedEtcd?.url);
    await putRouteDocuments(client, config.discovery.routesPrefix, options.grpc ? "grpc" : "http");
    for (const service of services) children.push(await startService(service, { etcd, folder, loaded }));
    const failed = Promise.race(children.map((child) => child.exited)).then((code) => {
      throw new Error(`an example service ended with exit code ${code}`);
    });
    failed.catch(() => {
    });
    const token = signToken({ subject: "demo", expiresInSeconds: 3600, claims: {} }, loaded);
    await Promise.race([untilRegistered(stack, services), failed, signal]);
    if (options.grpc) await Promise.race([untilDescribed(stack, token), failed, signal]);
    const { pid: firstPid } = children[0].process;
    console.log(
      introduction(options.grpc ? "grpc" : "http", stack, { token, etcd, taken, firstPid })
    );
    isIntroduced = true;
    for (const { exited, process: process2 } of children) void exited.then(() => announceEnd(process2.pid, signal));
    await signal;
    return 0;
  } finally {
    await Promise.all(children.map((child) => child.stop(STOP_GRACE_MS)));
    await stack?.stop();
    flush();
    await rm(folder, { recursive: true, force: true });
  }
}
function loadDemoConfig({ config: file, settings }) {
  const defaults = process.env.WAYGATE_JWT_PUBLIC_KEY_FILE ? {} : { WAYGATE_JWT_SECRET: randomBytes(32).toString("base64url") };
  const loaded = loadConfig({ file, env: { ...defaults, ...process.env }, flags: settings });
  if (loaded.config.jwt.secret === void 0) {
    throw new UsageError(
      "its services sign tokens with jwt.secret, but another kind of key is configured",
      "demo"
    );
  }
  return { ...loaded, config: { ...loaded.config, drainMs: 0 } };
}
async function putRouteDocuments(options, prefix, kind) {
  const client = createEtcdClient(options);
  try {
    for (const { id, document } of await readExampleRoutes(kind)) {
      await client.put(`${prefix}${id}`).value(document);
    }
  } finally {
    client.close();
  }
}
function startService({ name, folder: program, weight }, { etcd, folder, loaded }) {
  const { config } = loaded;
  const args = IS_SOURCE ? ["--conditions=waygate-source", join(PACKAGE_FOLDER, "examples", program, "main.ts")] : [join(PACKAGE_FOLDER, "dist/examples", program, "main.js")];
  const env = {
    ...process.env,
    HOST: "127.0.0.1",
    PORT: "0",
    // The two user services share one database.
    DATABASE: join(folder, `${name}.db`),
    LOG_LEVEL: "error",
    WAYGATE_ETCD: etcd,
    WAYGATE_SERVICES_PREFIX: config.discovery.servicesPrefix,
    WAYGATE_WEIGHT: String(weight),
    ...config.jwt.secret !== void 0 && { WAYGATE_JWT_SECRET: config.jwt.secret }
  };
  return startChild(process.execPath, args, { env, stdio: ["ignore", "inherit", "inherit", "ipc"] });
}
async function untilRegistered({ gateway }, services) {
  const missing = () => services.some(({ name }) => !gateway.table.routes().some((route) => route.service === name));
  while (missing() || gateway.nodeCount() < services.length) await delay(50);
}
async function untilDescribed({ gateway }, token) {
  const headers = { authorization: `Bearer ${token}` };
  for (const path of ["/task/v1/tasks", "/user/v1/me"]) {
    const url = `${localUrlOf(gateway.address)}${path}`;
    while ((await fetch(url, { headers })).status === 503) await delay(50);
  }
}
async function announceEnd(pid, signal) {
  const isOver = await Promise.race([signal.then(() => true), delay(0, false)]);
  if (!isOver) {
    console.log(
      `Process ${pid} has ended. Its requests go to other nodes of its service, if there are any. The node leaves the table when its lease expires.`
    );
  }
}
export {
  runDemo
};
