import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  startGateway
} from "./chunk-KIQZUBD3.js";
import "./chunk-SUMWRTXI.js";
import "./chunk-52VF32QU.js";
import "./chunk-JWSPRGC7.js";
import "./chunk-EIF6JI5R.js";
import "./chunk-C6O7RDJ5.js";
import "./chunk-VJQOOZOZ.js";
import "./chunk-ZI3ZXLWK.js";
import "./chunk-BHPH5BJZ.js";
import {
  collectStartup,
  collectStartupLater,
  createLogger
} from "./chunk-UVHUT7R4.js";
import {
  ENDING_SIGNALS
} from "./chunk-X3Q2FBLJ.js";
import "./chunk-OTMXRMHD.js";
import {
  openRegistry
} from "./chunk-GIEW764W.js";
import {
  formatError
} from "./chunk-P2GILPID.js";
import "./chunk-TFXGDFEC.js";
import {
  loadKeys,
  readFrom
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

// cmd/workers/primary-link.ts
import cluster from "node:cluster";
var PrimaryLink = class {
  start;
  /** Resolves with the first reason to end. */
  end;
  /** Aborts when ending must no longer wait for clients: the gateway shuts down, or the primary is gone. */
  hurry;
  /** Resolves when the last connection has been handed over, or the primary is gone. */
  leave;
  /** Builds a page, and calls `answer` with each part of it. Until it is set, pages have no parts. */
  onAsk = async () => {
  };
  /** Called when this worker is to run the health checks. */
  onCheck = () => {
  };
  /** Called with the verdicts of the worker that runs the health checks. */
  onHealth = () => {
  };
  /** Called with the reason why a page could not be built. */
  onError = () => {
  };
  constructor() {
    const start = Promise.withResolvers();
    const end = Promise.withResolvers();
    const hurry = new AbortController();
    const leave = Promise.withResolvers();
    this.start = start.promise;
    this.end = end.promise;
    this.hurry = hurry.signal;
    this.leave = leave.promise;
    const endBy = (reason) => {
      end.resolve(reason);
      if (reason !== "retire") hurry.abort();
    };
    process.on("message", (message) => {
      switch (message.type) {
        case "start":
          return start.resolve(message);
        case "ask":
          return void this.#answer(message.id, message.page);
        case "check":
          return this.onCheck();
        case "health":
          return this.onHealth(message.news);
        case "retire":
        case "drain":
          return endBy(message.type);
        case "leave":
          return leave.resolve();
        default:
          return message;
      }
    });
    const worker = cluster.worker;
    worker.once("disconnect", () => {
      worker.exitedAfterDisconnect = true;
      endBy("orphaned");
      leave.resolve();
    });
  }
  /** Resolves when the message has been sent, or cannot be sent because the primary is gone. */
  send(message) {
    if (!process.connected) return Promise.resolve();
    return new Promise((resolve) => process.send(message, void 0, void 0, () => resolve()));
  }
  async #answer(id, page) {
    try {
      if (page !== void 0) await this.onAsk(page, (part) => void this.send({ type: "part", id, part }));
    } catch (error) {
      this.onError(error);
      return;
    }
    await this.send({ type: "answered", id });
  }
};

// cmd/workers/worker.ts
async function runWorker() {
  for (const signal of [...ENDING_SIGNALS, "SIGHUP"]) process.on(signal, () => {
  });
  const primary = new PrimaryLink();
  const ended = primary.end.then(() => void 0);
  const start = await Promise.race([primary.start, ended]);
  if (!start) return 0;
  const { config, keyFiles, embeddedUrl } = start.settings;
  const { logger, write: writeLine, flush } = createLogger(config.logLevel);
  try {
    const keys = loadKeys(config, { problems: [], warnings: [], readFile: readFrom(keyFiles) });
    const registry = await openRegistry(config, {
      keys,
      embeddedUrl,
      logger: logger.child({ module: "discovery" })
    });
    const starting = startGateway({
      config,
      keys,
      registry,
      logger,
      writeLine,
      listen: start.listen,
      onDrained: (pages) => sendLast(pages, primary)
    });
    const gateway = await Promise.race([starting, ended]);
    if (!gateway) return 0;
    collectStartup();
    primary.onError = (error) => logger.error({ err: error }, "admin page could not be built");
    primary.onAsk = (page, answer) => answerPage(gateway.pages, page, answer);
    gateway.health.onNews = (news) => void primary.send({ type: "health", news });
    primary.onHealth = (news) => gateway.health.apply(news);
    primary.onCheck = () => gateway.health.startChecking();
    void primary.send({ type: "listening", address: gateway.address });
    void gateway.table.loaded.then(() => primary.send({ type: "loaded" }));
    collectStartupLater(() => gateway.hasServed());
    const end = await primary.end;
    gateway.health.close();
    if (end === "orphaned") logger.error("primary process is gone; draining");
    const cut = await endGateway(gateway, end, primary);
    if (cut > 0) logger.warn({ requests: cut }, "requests were cut off");
    await registry.close();
    return 0;
  } catch (error) {
    await primary.send({ type: "failed", text: formatError(error) });
    return 1;
  } finally {
    flush();
  }
}
function endGateway(gateway, end, { hurry, leave }) {
  switch (end) {
    case "drain":
      return gateway.stop(leave);
    case "retire":
    // Without a primary, no more connections arrive.
    case "orphaned":
      return gateway.retire(hurry);
    default:
      return end;
  }
}
async function answerPage(pages, page, answer) {
  if (page === "metrics") for await (const metric of pages.metricValues()) answer(asSent(metric));
  else if (typeof page === "object") answer(await pages.methods(page.methodsOf));
  else answer(await pages[page]());
}
async function sendLast(pages, primary) {
  for await (const metric of pages.metricValues()) {
    await primary.send({ type: "last", metric: asSent(metric) });
  }
}
function asSent(metric) {
  return { ...metric, values: metric.values.filter(({ value }) => Number.isFinite(value)) };
}
export {
  runWorker
};
