import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;

// cmd/workers/messages.ts
import cluster from "node:cluster";
var WORKER_MARK = { WAYGATE_WORKER: "1" };
var isWorker = cluster.isWorker && process.env.WAYGATE_WORKER === WORKER_MARK.WAYGATE_WORKER;

export {
  WORKER_MARK,
  isWorker
};
