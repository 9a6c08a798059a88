import type { EtcdServiceName } from './grpc.ts'
import { type ReadJson, SHAPES } from './json-shapes.ts'

/** A call of etcd's services that can be made in JSON. */
export interface JsonCall {
  readonly service: EtcdServiceName
  readonly method: string
  readonly read: ReadJson
  /** Whether requests and answers are streams. */
  readonly isStream?: true
}

const REVOKE: JsonCall = { service: 'Lease', method: 'LeaseRevoke', read: SHAPES.LeaseRevokeRequest }
const TIME_TO_LIVE: JsonCall = {
  service: 'Lease',
  method: 'LeaseTimeToLive',
  read: SHAPES.LeaseTimeToLiveRequest,
}
const LEASES: JsonCall = { service: 'Lease', method: 'LeaseLeases', read: SHAPES.Empty }

/** The paths of etcd's gateway for JSON, below `/v3/`. Some leases are below `kv` as well, where etcd 3.2 had them. */
export const JSON_CALLS: ReadonlyMap<string, JsonCall> = new Map<string, JsonCall>([
  ['kv/range', { service: 'KV', method: 'Range', read: SHAPES.RangeRequest }],
  ['kv/put', { service: 'KV', method: 'Put', read: SHAPES.PutRequest }],
  ['kv/deleterange', { service: 'KV', method: 'DeleteRange', read: SHAPES.DeleteRangeRequest }],
  ['kv/txn', { service: 'KV', method: 'Txn', read: SHAPES.TxnRequest }],
  ['kv/compaction', { service: 'KV', method: 'Compact', read: SHAPES.CompactionRequest }],
  ['watch', { service: 'Watch', method: 'Watch', read: SHAPES.WatchRequest, isStream: true }],
  ['lease/grant', { service: 'Lease', method: 'LeaseGrant', read: SHAPES.LeaseGrantRequest }],
  [
    'lease/keepalive',
    { service: 'Lease', method: 'LeaseKeepAlive', read: SHAPES.LeaseKeepAliveRequest, isStream: true },
  ],
  ['lease/revoke', REVOKE],
  ['lease/timetolive', TIME_TO_LIVE],
  ['lease/leases', LEASES],
  ['kv/lease/revoke', REVOKE],
  ['kv/lease/timetolive', TIME_TO_LIVE],
  ['kv/lease/leases', LEASES],
  ['cluster/member/list', { service: 'Cluster', method: 'MemberList', read: SHAPES.Empty }],
  ['maintenance/status', { service: 'Maintenance', method: 'Status', read: SHAPES.Empty }],
  ['maintenance/alarm', { service: 'Maintenance', method: 'Alarm', read: SHAPES.Empty }],
  ['auth/authenticate', { service: 'Auth', method: 'Authenticate', read: SHAPES.AuthenticateRequest }],
])
