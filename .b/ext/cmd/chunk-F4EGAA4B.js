import {
  NO_SCHEMAS
} from "./chunk-JJB6XPTR.js";
import {
  isAuthority,
  normaliseHost
} from "./chunk-3HIV7SU5.js";
import {
  PROBLEM_CONTENT_TYPE
} from "./chunk-GKCQH2HY.js";

// routes/admin/admin.ts
import { createHash, timingSafeEqual } from "node:crypto";
import { STATUS_CODES } from "node:http";
import { Readable } from "node:stream";
import Fastify from "fastify";

// routes/admin/foreign-requests.ts
import { isIP } from "node:net";
function createForeignCheck(names) {
  const own = new Set(names.map(normaliseHost));
  const isOwn = (authority) => {
    const name = normaliseHost(authority);
    return isAuthority(authority) && (isAddress(name) || isLocalhost(name) || own.has(name));
  };
  return (headers) => {
    const { host, origin } = headers;
    if (host !== void 0 && !isOwn(String(host))) {
      return {
        status: 421,
        detail: "the admin listener is not known by the name in Host: use an IP address or localhost, add the name to admin.hosts, or set adminToken"
      };
    }
    const site = headers["sec-fetch-site"];
    if (site === "cross-site" || site === "same-site") {
      return { status: 403, detail: `requests of other sites are refused (Sec-Fetch-Site: ${site})` };
    }
    if (origin !== void 0 && String(origin).toLowerCase() !== `http://${host}`.toLowerCase()) {
      return { status: 403, detail: "requests of other origins are refused (Origin)" };
    }
    return void 0;
  };
}
function isAddress(host) {
  return host.startsWith("[") || isIP(host) !== 0;
}
function isLocalhost(name) {
  return name === "localhost" || name.endsWith(".localhost");
}

// routes/admin/write-pages.ts
import { setImmediate as nextTurn } from "node:timers/promises";
var NODES_A_PART = 128;
var PIECE_CHARS = 65536;
function writeRoutes({
  routes,
  services,
  revision,
  source,
  defaultAuth,
  ...rest
}) {
  const nodesOf = new Map(services.map(({ name, nodes }) => [name, new NodesText(nodes)]));
  const states = services.map(({ nodes: _, ...state }) => state);
  function* texts() {
    yield `${JSON.stringify({ revision, source, defaultAuth }).slice(0, -1)},"routes":[`;
    for (const [i, route] of routes.entries()) yield* withNodes(i, route, nodesOf.get(route.service));
    yield '],"services":[';
    for (const [i, state] of states.entries()) yield separator(i) + JSON.stringify(state);
    yield `],${JSON.stringify(rest).slice(1)}`;
  }
  return inPieces(texts());
}
function writeServices({ services }) {
  function* texts() {
    yield '{"services":[';
    for (const [i, { nodes, ...state }] of services.entries())
      yield* withNodes(i, state, new NodesText(nodes));
    yield "]}";
  }
  return inPieces(texts());
}
function* withNodes(index, about, nodes = []) {
  yield `${separator(index)}${JSON.stringify(about).slice(0, -1)},"nodes":[`;
  yield* nodes;
  yield "]}";
}
function separator(index) {
  return index === 0 ? "" : ",";
}
var NodesText = class {
  #nodes;
  #parts = [];
  constructor(nodes) {
    this.#nodes = nodes;
  }
  *[Symbol.iterator]() {
    for (let i = 0; i * NODES_A_PART < this.#nodes.length; i++) {
      this.#parts[i] ??= this.#make(i);
      yield this.#parts[i];
    }
  }
  #make(part) {
    const nodes = this.#nodes.slice(part * NODES_A_PART, (part + 1) * NODES_A_PART);
    return separator(part) + JSON.stringify(nodes).slice(1, -1);
  }
};
async function* inPieces(texts) {
  let piece = [];
  let length = 0;
  for (const text of texts) {
    piece.push(text);
    length += text.length;
    if (length < PIECE_CHARS) continue;
    yield piece.join("");
    piece = [];
    length = 0;
    await nextTurn();
  }
  yield piece.join("");
}

// routes/admin/admin.ts
var METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";
var MAX_NAME_CHARS = 3 * 255;
function createAdmin({ pages, token, hosts = [], onInternalError }) {
  const app = Fastify({
    logger: false,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: MAX_NAME_CHARS },
    schemaController: NO_SCHEMAS
  });
  const expected = token === void 0 ? void 0 : digest(`Bearer ${token}`);
  const foreign = createForeignCheck(hosts);
  app.addHook("onRequest", (request, reply, done) => {
    if (request.url === "/healthz" || request.url === "/readyz") return done();
    if (expected === void 0) {
      const found = foreign(request.headers);
      if (found === void 0) return done();
      refuse(reply, found.status, STATUS_CODES[found.status], found.detail);
      return;
    }
    if (matches(request.headers.authorization, expected)) return done();
    reply.header("www-authenticate", 'Bearer realm="waygate-admin"');
    refuse(reply, 401, "Unauthorized");
  });
  app.setNotFoundHandler((_request, reply) => refuse(reply, 404, "Not found"));
  app.setErrorHandler((error, _request, reply) => {
    const { statusCode = 500 } = error;
    if (statusCode >= 500) onInternalError(error);
    refuse(reply, statusCode, STATUS_CODES[statusCode] ?? "Error");
  });
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async (_request, reply) => {
    if (pages.isReady()) return { status: "ready" };
    return reply.code(503).send({ status: "not ready" });
  });
  app.get("/metrics", async (_request, reply) => reply.type(METRICS_TYPE).send(await pages.metrics()));
  app.get("/services/:name/methods", async ({ params: { name } }, reply) => {
    const page = await pages.methods(name);
    return page ?? refuse(reply, 404, "Not found", "the service has no nodes that speak gRPC");
  });
  app.get("/services", async (_request, reply) => send(reply, writeServices(await pages.services())));
  app.get("/routes", async (_request, reply) => send(reply, writeRoutes(await pages.routes())));
  return app;
  function send(reply, json) {
    const body = Readable.from(json, { objectMode: false });
    body.once("error", onInternalError);
    return reply.type("application/json; charset=utf-8").send(body);
  }
}
function refuse(reply, status, title, detail) {
  return reply.code(status).type(PROBLEM_CONTENT_TYPE).send({ type: "about:blank", title, status, detail });
}
function digest(text) {
  return createHash("sha256").update(text).digest();
}
function matches(authorization, expected) {
  return authorization !== void 0 && timingSafeEqual(digest(authorization), expected);
}

// cmd/gateway/admin-listener.ts
async function openAdmin(pages, { adminHost, adminPort, adminToken, admin: { hosts } }, logger) {
  const admin = createAdmin({
    pages,
    token: adminToken,
    hosts: [adminHost, ...hosts],
    onInternalError: (error) => logger.error({ err: error }, "internal error")
  });
  try {
    await admin.listen({ host: adminHost, port: adminPort });
  } catch (error) {
    await admin.close();
    throw error;
  }
  return { address: admin.server.address(), close: async () => void await admin.close() };
}

export {
  openAdmin
};
