import cluster from 'node:cluster'

/** Marks the processes that a primary of ours started: others may start a gateway in a cluster of their own. */
export const WORKER_MARK = { WAYGATE_WORKER: '1' } as const

/** Whether this process serves what a primary of ours hands to it. */
export const isWorker = cluster.isWorker && process.env.WAYGATE_WORKER === WORKER_MARK.WAYGATE_WORKER
