import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
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
  collectStartupLater,
  createLogger,
  logStartWarnings
} from "./chunk-UVHUT7R4.js";
import {
  onHangup,
  untilSignal
} from "./chunk-X3Q2FBLJ.js";
import "./chunk-7SR6D3FF.js";
import "./chunk-OTMXRMHD.js";
import "./chunk-GIEW764W.js";
import "./chunk-RP6ZCZVG.js";
import "./chunk-S6UF4NQF.js";
import "./chunk-VT47CYYF.js";
import "./chunk-H6WZLUKC.js";
import {
  urlOf
} from "./chunk-TFXGDFEC.js";
import {
  createFileRecord,
  loadConfig
} from "./chunk-CM57QZRA.js";
import "./chunk-G4RAHNLO.js";
import "./chunk-TVBUVZWG.js";
import "./chunk-ZFOIPJL2.js";
import "./chunk-G6XK4LIS.js";
import "./chunk-SJNWVKJY.js";
import "./chunk-WSUTVFRI.js";
import "./chunk-NLYF5HLV.js";
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

// cmd/commands/start.ts
import { flushCompileCache } from "node:module";
import { availableParallelism } from "node:os";
async function runStart(options) {
  const load = () => {
    const files = createFileRecord();
    const { config: file, settings: flags } = options;
    const loaded = loadConfig({ file, env: process.env, flags, readKeyFile: files.readFile });
    return { loaded, keyFiles: files.contents() };
  };
  const source = load();
  const log = createLogger(source.loaded.config.logLevel);
  try {
    logStartWarnings(source.loaded, log.logger);
    if (countWorkers(source.loaded) === 1) await serveAlone(source.loaded, log);
    else {
      const { servePrimary } = await import("./primary-ZGSNUAND.js");
      await servePrimary(source, { load, countWorkers, log });
    }
    log.logger.info("stopped");
    return 0;
  } finally {
    log.flush();
  }
}
function countWorkers({ config: { workers } }) {
  return workers === 0 ? availableParallelism() : workers;
}
async function serveAlone(loaded, log) {
  const { logger, flush } = log;
  onHangup(() => logger.warn("SIGHUP ignored: with one worker, restart to load a new configuration"));
  const stack = await startStack(loaded, log);
  const { gateway, adminAddress } = stack;
  logger.info({ public: urlOf(gateway.address), admin: urlOf(adminAddress) }, "waygate is listening");
  flush();
  flushCompileCache();
  collectStartupLater(() => gateway.hasServed());
  const signal = await untilSignal();
  logger.info({ signal }, "shutting down; a second signal exits at once");
  const cut = await stack.stop();
  if (cut > 0) logger.warn({ requests: cut }, "requests were cut off");
}
export {
  runStart
};
