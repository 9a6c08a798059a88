import type { ServiceDefinition } from '@grpc/grpc-js'
import type { Durable } from './durable.ts'
import { EtcdError, etcdError } from './errors.ts'
import { unary } from './grpc.ts'
import type { CallTurns } from './journal.ts'
import type { Store } from './store.ts'
import { type HeaderFactory, RAFT_TERM, toLong } from './wire.ts'

/** The version of the protocol, which clients compare, and a suffix that identifies this server. */
export const VERSION = '3.4.0+waygate'
/** The version of one that keeps its data. */
const DURABLE_VERSION = `${VERSION}.durable`
/** etcd's number of the alarm that a database has no space. */
const NOSPACE = 1

export interface MemberOptions {
  readonly store: Store
  readonly memberId: bigint
  readonly header: HeaderFactory
  readonly turns: CallTurns
  /** The URL at which clients reach the server. */
  readonly url: string
  /** What keeps the store; undefined when it is in memory alone. */
  readonly durable: Durable | undefined
}

/** Creates the supported part of etcd's Cluster service: the list of its one member. */
export function createClusterService({ store, memberId, header, turns, url }: MemberOptions) {
  return {
    MemberList: unary(
      () => ({
        header: header(store.revision),
        members: [
          { ID: toLong(memberId), name: 'embedded', peerURLs: [], clientURLs: [url], isLearner: false },
        ],
      }),
      turns,
    ),
  }
}

/** Creates the supported part of etcd's Maintenance service: the status, and the alarm that there is no space for changes. */
export function createMaintenanceService({ store, memberId, header, turns, durable }: MemberOptions) {
  return {
    Status: unary(() => {
      const { revision, bytes } = store
      return {
        header: header(revision),
        version: durable ? DURABLE_VERSION : VERSION,
        dbSize: durable?.bytes() ?? bytes,
        dbSizeInUse: bytes,
        leader: toLong(memberId),
        raftIndex: toLong(revision),
        raftAppliedIndex: toLong(revision),
        raftTerm: toLong(RAFT_TERM),
        errors: [],
        isLearner: false,
      }
    }, turns),
    Alarm: unary(() => {
      const alarms =
        store.isFull || durable?.isFailing() ? [{ memberID: toLong(memberId), alarm: NOSPACE }] : []
      return { header: header(store.revision), alarms }
    }, turns),
  }
}

/**
 * Creates etcd's Auth service, which has no users, because a server that only listens on loopback needs none. A login is refused
 * as by an etcd without authentication, since clients that are configured with a user then go on without a token. All other
 * calls are refused as well, with the cure.
 */
export function createAuthService(definition: ServiceDefinition) {
  const refuse = unary(() => {
    throw new EtcdError('UNIMPLEMENTED', 'the embedded etcd has no authentication; use a real etcd for that')
  })
  const refuseLogin = unary(() => {
    throw etcdError('authNotEnabled')
  })
  return {
    ...Object.fromEntries(Object.keys(definition).map(method => [method, refuse])),
    Authenticate: refuseLogin,
  }
}
