import type { Etcd3, IStatusResponse } from 'etcd3'
import type { EndpointUrl } from '../endpoint-url.ts'
import type { EtcdTls } from '../tls-files.ts'
import { explainConnection } from './connection-failure.ts'
import { type DoctorFinding, duration } from './finding.ts'
import { probe } from './probe.ts'
import { type Refusal, refusalOf } from './refusal.ts'
import { NotInTimeError, within } from './within.ts'

/** The status that a member reports. */
export interface MemberStatus {
  readonly url: string
  readonly clusterId: string
  readonly memberId: string
  /** `0` when the member sees no leader. */
  readonly leaderId: string
  readonly version: string
  readonly raftIndex: number
  readonly raftAppliedIndex: number
  readonly dbSizeBytes: number
  /** The part of the database that is not free for reuse; 0 when the member does not report it. */
  readonly dbSizeInUseBytes: number
  readonly isLearner: boolean
  /** Alarms, in etcd's own texts. */
  readonly errors: readonly string[]
}

/** The results for one endpoint. */
export interface EndpointReport {
  readonly url: string
  /** Whether it answers calls, so that the other checks can use it. */
  readonly usable: boolean
  /** Undefined when the member did not report it, or this user may not see it. */
  readonly status: MemberStatus | undefined
  /** Whether the status requires permissions that this user does not have. */
  readonly isReserved: boolean
  readonly findings: readonly DoctorFinding[]
}

export interface EndpointOptions {
  readonly endpoint: EndpointUrl
  readonly tls: EtcdTls | undefined
  /** A client for only this endpoint, without a user. */
  readonly client: Etcd3
  readonly connectMs: number
  /** Called before each call for the time that it may take. */
  readonly callMs: () => number
}

/** A slower round trip is noticeable in every write and every failover. */
const SLOW_MS = 250

/** Connects to an endpoint, makes the first calls to it, and measures the time of one. */
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
      hint: 'correct the address; a proxy in between must pass gRPC through unchanged',
    })
  }
  // Measure a second call, now that the connection exists.
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
          hint: 'check the network in between, and the load and the disk of that member',
          details,
        },
  ]
  if ('refusal' in result) {
    const { refusal } = result
    if (hasNoLeader(refusal)) findings.push(leaderless(url))
    else if (!isReserved(refusal)) {
      const message = `${url} does not report its version and state: ${refusal.reason}`
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

/** Reads the status of the member behind `client`, or returns why it refuses. */
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
    hint: 'more than half of the members must run and reach each other on their peer ports, usually 2380',
    details: { endpoint: url },
  }
}

/** Whether a member answered that its cluster has no leader, as opposed to not answering at all. */
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
