import type { ServiceDefinition } from '@grpc/grpc-js'
import { EtcdError } from './errors.ts'
import { unary } from './grpc.ts'
import type { Store } from './store.ts'
import { type HeaderFactory, RAFT_TERM, toLong } from './wire.ts'

/** The version of the protocol, which clients compare, and a suffix that identifies this server. */
export const VERSION = '3.4.0+waygate'

export interface MemberOptions {
  readonly store: Store
  readonly memberId: bigint
  readonly header: HeaderFactory
  /** The URL at which clients reach the server. */
  readonly url: string
}

/** Creates the supported part of etcd's Cluster service: the list of its one member. */
export function createClusterService({ store, memberId, header, url }: MemberOptions) {
  return {
    MemberList: unary(() => ({
      header: header(store.revision),
      members: [
        { ID: toLong(memberId), name: 'embedded', peerURLs: [], clientURLs: [url], isLearner: false },
      ],
    })),
  }
}

/** Creates the supported part of etcd's Maintenance service: the status, and an empty list of alarms. */
export function createMaintenanceService({ store, memberId, header }: MemberOptions) {
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

/**
 * Creates etcd's Auth service. It refuses all calls, because a server that only listens on loopback needs no
 * users.
 */
export function createAuthService(definition: ServiceDefinition) {
  const refuse = unary(() => {
    throw new EtcdError('UNIMPLEMENTED', 'the embedded etcd has no authentication; use a real etcd for that')
  })
  return Object.fromEntries(Object.keys(definition).map(method => [method, refuse]))
}
