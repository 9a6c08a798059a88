import {
  startStack
} from "./chunk-4357KEB5.js";
import "./chunk-SB3F7PFE.js";
import "./chunk-VHOP7P4V.js";
import "./chunk-TWCFXAEE.js";
import "./chunk-NAP6CZOG.js";
import "./chunk-TMRZJTRM.js";
import "./chunk-2SPISB4N.js";
import "./chunk-4JDL6KNU.js";
import "./chunk-F4EGAA4B.js";
import "./chunk-4U4UOJRI.js";
import {
  collectStartupLater,
  createLogger,
  logStartWarnings
} from "./chunk-JJB6XPTR.js";
import {
  onHangup,
  untilSignal
} from "./chunk-XYKXSNIV.js";
import "./chunk-OQRN3LTU.js";
import "./chunk-7RWYR7F7.js";
import "./chunk-I4CCY5YR.js";
import "./chunk-U4QRFBCZ.js";
import "./chunk-5QZTELKW.js";
import {
  urlOf
} from "./chunk-XZRWGJW7.js";
import {
  createFileRecord,
  loadConfig
} from "./chunk-W3OD6L7X.js";
import "./chunk-BMJZOWOK.js";
import "./chunk-RHCDAQUY.js";
import "./chunk-ORGHNJCV.js";
import "./chunk-MD4L36BR.js";
import "./chunk-ZOIAUEOT.js";
import "./chunk-NLRYT2ZA.js";
import "./chunk-KXELJCG2.js";
import "./chunk-IOHFKSVH.js";
import "./chunk-2DEKI57A.js";
import "./chunk-USB23XUR.js";
import "./chunk-WTLFIUVA.js";
import "./chunk-3HIV7SU5.js";
import "./chunk-DATUFAEC.js";
import "./chunk-BOMLGWJN.js";
import "./chunk-QZYF4XD2.js";
import "./chunk-BN4MFTCA.js";
import "./chunk-GKCQH2HY.js";

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
      const { servePrimary } = await import("./primary-ZMMIPYVQ.js");
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
