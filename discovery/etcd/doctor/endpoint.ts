import type { Etcd3, IStatusResponse } from 'etcd3'
import type { EtcdTls } from '../tls-credentials.ts'
import { explainConnection } from './connection-failure.ts'
import type { EndpointUrl } from './endpoint-url.ts'
import { type DoctorFinding, duration } from './finding.ts'
import { probe } from './probe.ts'
import { type Refusal, refusalOf } from './refusal.ts'
import { NotInTimeError, within } from './within.ts'

/** What a member says of itself. */
export interface MemberStatus {
  readonly url: string
  readonly clusterId: string
  readonly memberId: string
  /** `0` when it sees none. */
  readonly leaderId: string
  readonly version: string
  readonly raftIndex: number
  readonly raftAppliedIndex: number
  readonly dbSizeBytes: number
  /** What of it is not merely kept for reuse; 0 when the member does not say. */
  readonly dbSizeInUseBytes: number
  readonly isLearner: boolean
  /** Alarms, in etcd's words. */
  readonly errors: readonly string[]
}

/** What was seen of one endpoint. */
export interface EndpointReport {
  readonly url: string
  /** Whether it answered calls; then the other checks may use it. */
  readonly usable: boolean
  /** Undefined when there was none, or it is not ours to see. */
  readonly status: MemberStatus | undefined
  /** Whether it answered that its status is not for everybody. */
  readonly isReserved: boolean
  readonly findings: readonly DoctorFinding[]
}

export interface EndpointOptions {
  readonly endpoint: EndpointUrl
  readonly tls: EtcdTls | undefined
  /** A client of this endpoint alone, without a user. */
  readonly client: Etcd3
  readonly connectMs: number
  /** Asked anew for each call. */
  readonly callMs: () => number
}

/** Above this, every write and every failover is felt. */
const SLOW_MS = 250

/** Connects to an endpoint, makes the first calls to it, and times one. */
export async function checkEndpoint(options: EndpointOptions): Promise<EndpointReport> {
  const { endpoint, tls, client, connectMs } = options
  const { url } = endpoint
  const failure = await probe(endpoint, tls, connectMs)
  if (failure) return unusable(url, failure)
  const callMs = options.callMs()
  const first = await readStatus(client, url, callMs)
  if ('refusal' in first && first.refusal.kind === 'silent' && !hasNoLeader(first.refusal)) {
    const error = new NotInTimeError(callMs)
    return unusable(url, explainConnection(endpoint, 'grpc', error, tls?.cert !== undefined))
  }
  if ('refusal' in first && first.refusal.kind === 'foreign') {
    return unusable(url, {
      message: `${url} answers, but is not etcd: ${first.refusal.reason}`,
      hint: `correct the address, or what is between: a proxy must pass gRPC on as it is`,
    })
  }
  // Once more, now that the connection is there.
  const startedAt = performance.now()
  const again = await readStatus(client, url, options.callMs())
  const tripMs = performance.now() - startedAt
  const result = 'status' in again ? again : first
  const details = { endpoint: url, roundTripMs: Math.round(tripMs * 100) / 100 }
  const message = `${url} answers in ${duration(tripMs)}`
  const findings: DoctorFinding[] = [
    tripMs < SLOW_MS
      ? { check: 'connection', level: 'ok', message, details }
      : {
          check: 'connection',
          level: 'warning',
          message: `${message}, which is slow`,
          hint: 'look at the network between, and at the load and the disk of that member',
          details,
        },
  ]
  if ('refusal' in result) {
    const { refusal } = result
    if (hasNoLeader(refusal)) findings.push(leaderless(url))
    else if (!isReserved(refusal)) {
      const message = `${url} does not tell its version and state: ${refusal.reason}`
      findings.push({ check: 'version', level: 'warning', message, details: { endpoint: url } })
    }
  }
  return {
    url,
    usable: true,
    status: 'status' in result ? result.status : undefined,
    isReserved: 'refusal' in result && isReserved(result.refusal),
    findings,
  }
}

/** What the member behind `client` says of itself, or why it does not. */
export async function readStatus(
  client: Etcd3,
  url: string,
  callMs: number,
): Promise<{ readonly status: MemberStatus } | { readonly refusal: Refusal }> {
  try {
    const deadline = Date.now() + callMs
    return { status: toStatus(url, await within(callMs, client.maintenance.status({ deadline }))) }
  } catch (error) {
    return { refusal: refusalOf(error) }
  }
}

export function leaderless(url: string): DoctorFinding {
  return {
    check: 'cluster',
    level: 'problem',
    message: `${url} sees no leader, so nothing can be read or written through it`,
    hint: 'more than half of the members must run and reach each other on their peer port, usually 2380',
    details: { endpoint: url },
  }
}

/** Whether a member answers that its cluster has no leader, rather than not at all. */
function hasNoLeader({ reason }: Refusal): boolean {
  return reason.includes('no leader')
}

function isReserved({ kind }: Refusal): boolean {
  return kind === 'denied' || kind === 'user'
}

function unusable(url: string, failure: { message: string; hint: string; code?: string | undefined }) {
  const { message, hint, code } = failure
  const finding: DoctorFinding = {
    check: 'connection',
    level: 'problem',
    message,
    hint,
    details: { endpoint: url, ...(code ? { code } : {}) },
  }
  return { url, usable: false, status: undefined, isReserved: false, findings: [finding] }
}

function toStatus(url: string, response: IStatusResponse): MemberStatus {
  const { header, version, leader, raftIndex, raftAppliedIndex, dbSize, dbSizeInUse } = response
  return {
    url,
    clusterId: header.cluster_id,
    memberId: header.member_id,
    leaderId: leader,
    version,
    raftIndex: Number(raftIndex),
    raftAppliedIndex: Number(raftAppliedIndex),
    dbSizeBytes: Number(dbSize),
    dbSizeInUseBytes: Number(dbSizeInUse),
    isLearner: response.isLearner,
    errors: response.errors,
  }
}
