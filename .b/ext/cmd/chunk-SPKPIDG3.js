// cmd/workers/messages.ts
import cluster from "node:cluster";
var WORKER_MARK = { WAYGATE_WORKER: "1" };
var isWorker = cluster.isWorker && process.env.WAYGATE_WORKER === WORKER_MARK.WAYGATE_WORKER;

export {
  WORKER_MARK,
  isWorker
};
