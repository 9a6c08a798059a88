import { unary } from './grpc.ts'
import type { Store } from './store.ts'
import { type HeaderFactory, toLong } from './wire.ts'

export interface ClusterServiceOptions {
  readonly store: Store
  readonly memberId: bigint
  readonly header: HeaderFactory
  /** The URL at which clients reach the server. */
  readonly url: string
}

/** Creates the supported part of etcd's Cluster service: the list of its one member. */
export function createClusterService({ store, memberId, header, url }: ClusterServiceOptions) {
  return {
    MemberList: unary(() => ({
      header: header(store.revision),
      members: [
        { ID: toLong(memberId), name: 'embedded', peerURLs: [], clientURLs: [url], isLearner: false },
      ],
    })),
  }
}
