import { unary } from './grpc.ts'
import type { Store } from './store.ts'
import { type HeaderFactory, RAFT_TERM, toLong } from './wire.ts'

/** The version of the protocol, which clients compare, and a suffix that identifies this server. */
const VERSION = '3.4.0+waygate'

export interface MaintenanceServiceOptions {
  readonly store: Store
  readonly memberId: bigint
  readonly header: HeaderFactory
}

/** Creates the supported part of etcd's Maintenance service: the status, and an empty list of alarms. */
export function createMaintenanceService({ store, memberId, header }: MaintenanceServiceOptions) {
  return {
    Status: unary(() => {
      const { revision, bytes } = store
      return {
        header: header(revision),
        version: VERSION,
        dbSize: bytes,
        dbSizeInUse: bytes,
        leader: toLong(memberId),
        raftIndex: toLong(revision),
        raftAppliedIndex: toLong(revision),
        raftTerm: toLong(RAFT_TERM),
        errors: [],
        isLearner: false,
      }
    }),
    Alarm: unary(() => ({ header: header(store.revision), alarms: [] })),
  }
}
