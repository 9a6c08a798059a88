import {
  readAdminPage
} from "./chunk-E7MGUUXT.js";
import {
  readServices
} from "./chunk-GDXCPJMI.js";
import {
  findApiKeyProblems
} from "./chunk-VHOP7P4V.js";
import {
  checkLoaded
} from "./chunk-4U4UOJRI.js";
import "./chunk-7RWYR7F7.js";
import "./chunk-I4CCY5YR.js";
import "./chunk-U4QRFBCZ.js";
import {
  parseObject
} from "./chunk-5QZTELKW.js";
import "./chunk-XZRWGJW7.js";
import {
  findRouteIdProblems,
  loadConfig,
  readDocumentFile,
  readRouteDocument
} from "./chunk-W3OD6L7X.js";
import {
  didYouMean
} from "./chunk-BMJZOWOK.js";
import {
  ConfigError,
  jsonPath,
  toProblem,
  under
} from "./chunk-RHCDAQUY.js";
import "./chunk-ORGHNJCV.js";
import "./chunk-MD4L36BR.js";
import "./chunk-ZOIAUEOT.js";
import "./chunk-KXELJCG2.js";
import "./chunk-IOHFKSVH.js";
import "./chunk-2DEKI57A.js";
import "./chunk-3HIV7SU5.js";
import "./chunk-BOMLGWJN.js";
import "./chunk-BN4MFTCA.js";

// cmd/commands/check.ts
async function runCheck({ file, kind, admin }) {
  const context = { env: process.env, print: console.log };
  if (admin === void 0) return checkFile({ file, kind }, context);
  const { services } = await readAdminPage("/services", {
    admin,
    config: void 0,
    settings: []
  });
  const served = services.filter(({ nodes }) => nodes.length > 0).map(({ name }) => name);
  return checkFile({ file, kind }, { ...context, services: new Set(served) });
}
async function checkFile({ file, kind }, context) {
  const warn = (warnings) => {
    for (const warning of warnings) context.print(`${file}: warning: ${warning}`);
  };
  try {
    const document = readDocumentFile(file, { cwd: context.cwd });
    const found = kind ?? kindOf(document.value);
    const { problems, warnings } = await CHECKS[found](file, document, context);
    if (problems.length > 0) throw new ConfigError(problems, warnings);
    warn(warnings);
    context.print(`${file}: ok (${KINDS[found]})`);
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    warn(error.warnings);
    for (const line of error.message.split("\n")) context.print(line);
    return 1;
  }
}
var KINDS = {
  config: "config",
  route: "route document",
  services: "services file",
  "api-key": "API key"
};
function kindOf(document) {
  const has = (field) => typeof document === "object" && document !== null && Object.hasOwn(document, field);
  if (has("path") || has("service")) return "route";
  if (has("services")) return "services";
  return has("owner") ? "api-key" : "config";
}
var CHECKS = {
  /** @throws ConfigError when the configuration cannot be used */
  async config(file, document, { env, cwd, services }) {
    const loaded = loadConfig({ file, env, ...cwd !== void 0 && { cwd } });
    await checkLoaded(loaded);
    const unserved = Object.entries(loaded.config.routes.documents).flatMap(
      ([id, route]) => place({ problems: [], warnings: findUnserved(route, services) }, document, [
        "routes",
        "documents",
        id
      ]).warnings
    );
    return { problems: [], warnings: [...loaded.warnings, ...unserved] };
  },
  route: (file, document, { services }) => inEtcd(file, document, (value) => {
    const { problems, warnings } = readRouteDocument(value);
    return { problems, warnings: [...warnings, ...findUnserved(value, services)] };
  }),
  services: checkServices,
  "api-key": (file, document) => inEtcd(file, document, (value) => ({ problems: findApiKeyProblems(value), warnings: [] }))
};
var MAX_SHOWN = 2e3;
function inEtcd(file, document, find) {
  const { problems, warnings } = place(find(document.value), document);
  try {
    parseObject(document.text);
    return { problems, warnings };
  } catch (error) {
    const reason = error.message;
    const json = JSON.stringify(document.value);
    const hint = problems.length === 0 && json.length <= MAX_SHOWN ? `; put ${json}` : "";
    const message = reason.endsWith("JSON") ? `${reason}, the only form that is read from etcd${hint}` : reason;
    return { problems: [...problems, { source: file, path: "", message }], warnings };
  }
}
function findUnserved(route, services) {
  if (services === void 0 || typeof route !== "object" || route === null) return [];
  const { service, fallback } = route;
  return [
    { path: ["service"], name: service },
    { path: ["fallback", "service"], name: fallback?.service }
  ].flatMap(({ path, name }) => {
    if (typeof name !== "string" || services.has(name)) return [];
    return { path, message: `names ${JSON.stringify(name)}, which has no node${didYouMean(name, services)}` };
  });
}
function place({ problems, warnings }, { locate }, at = []) {
  return {
    problems: [...under(at, problems)].map((finding) => ({
      ...toProblem(finding),
      source: locate(finding.path)
    })),
    warnings: [...under(at, warnings)].map(
      ({ path, message }) => `${jsonPath(path)} (${locate(path)}) ${message}`
    )
  };
}
function checkServices(file, document) {
  const read = readServices(document.text);
  if ("reason" in read) return { problems: [{ source: file, path: "", message: read.reason }], warnings: [] };
  const services = new Set(
    read.nodes.flatMap((entry) => entry.kind === "nodes" ? entry.nodes.map((node) => node.service) : [])
  );
  const checked = [...read.nodes, ...read.routes].map((entry) => {
    if (entry.kind === "problem") {
      return { problems: [{ source: file, path: entry.key, message: entry.reason }], warnings: [] };
    }
    if (entry.kind !== "route") return { problems: [], warnings: [] };
    const { problems, warnings } = readRouteDocument(entry.document);
    const all = [...findRouteIdProblems(entry.id), ...problems];
    const unserved = findUnserved(entry.document, services);
    return place({ problems: all, warnings: [...warnings, ...unserved] }, document, ["routes", entry.id]);
  });
  return {
    problems: checked.flatMap(({ problems }) => problems),
    warnings: checked.flatMap(({ warnings }) => warnings)
  };
}
export {
  checkFile,
  runCheck
};
