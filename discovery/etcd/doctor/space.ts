import type { Etcd3 } from 'etcd3'
import { hex, isEmbedded } from './cluster.ts'
import type { MemberStatus } from './endpoint.ts'
import { type DoctorFinding, size } from './finding.ts'
import { refusalOf } from './refusal.ts'

/** The status of a member, with the quota of its database. */
export interface MemberSpace extends MemberStatus {
  /** Undefined when it could not be determined. */
  readonly quotaBytes: number | undefined
}

export interface Alarm {
  readonly memberId: string
  /** `NOSPACE`, `CORRUPT`. */
  readonly kind: string
}

/** etcd's default for `--quota-backend-bytes`. */
const DEFAULT_QUOTA_BYTES = 2 * 2 ** 30
/** The share of the quota above which it is time to act. */
const NEARLY_FULL = 0.8
/** The embedded etcd needs no defragmentation, has no options, and takes its alarm back by itself. */
const IN_EMBEDDED = 'delete keys and run etcdctl compact; where it keeps its data on disk, make room there'

/** Checks whether etcd has raised an alarm for space or corruption, and how close it is to its quota. */
export async function checkSpace(client: Etcd3, spaces: readonly MemberSpace[]): Promise<DoctorFinding[]> {
  try {
    const { alarms } = await client.maintenance.alarm({})
    const raised = alarms.map(({ memberID, alarm }) => ({
      memberId: memberID,
      kind: String(alarm).toUpperCase(),
    }))
    return judgeSpace(spaces, raised)
  } catch (error) {
    const { kind, reason } = refusalOf(error)
    const reported = statusAlarms(spaces)
    if (reported.length > 0 || kind === 'denied' || kind === 'user' || kind === 'unknown') {
      const skipped: DoctorFinding = {
        check: 'space',
        level: 'skipped',
        message: `this user may not see the alarms of the cluster: ${reason}`,
      }
      return [...judgeSpace(spaces, reported), skipped]
    }
    return [
      ...judgeSpace(spaces, []),
      { check: 'space', level: 'problem', message: `the alarms of the cluster cannot be read: ${reason}` },
    ]
  }
}

/** Returns the alarms that members report in their status. */
function statusAlarms(statuses: readonly MemberStatus[]): Alarm[] {
  return statuses.flatMap(({ memberId, errors }) =>
    errors.flatMap(error => {
      const [, kind] = /\balarm:\s*(\w+)/.exec(error) ?? []
      return kind === undefined ? [] : { memberId, kind }
    }),
  )
}

export function judgeSpace(spaces: readonly MemberSpace[], alarms: readonly Alarm[]): DoctorFinding[] {
  const findings = alarms.map(({ memberId, kind }) => {
    const { url, version = '' } = spaces.find(member => member.memberId === memberId) ?? {}
    return alarmFinding(url ?? `member ${hex(memberId)}`, kind, isEmbedded(version))
  })
  for (const member of spaces) {
    const { url, dbSizeBytes, dbSizeInUseBytes, quotaBytes } = member
    const limit = quotaBytes ?? DEFAULT_QUOTA_BYTES
    if (dbSizeBytes < NEARLY_FULL * limit) continue
    const known = quotaBytes === undefined ? `${size(limit)} if its quota is the default` : size(limit)
    const reusable = dbSizeBytes - dbSizeInUseBytes
    findings.push({
      check: 'space',
      level: 'warning',
      message: `the database of ${url} has ${size(dbSizeBytes)} of at most ${known}; when it is full, etcd accepts no more writes`,
      hint: isEmbedded(member.version)
        ? IN_EMBEDDED
        : dbSizeInUseBytes > 0 && reusable > dbSizeBytes / 2
          ? `${size(reusable)} of it is free; run etcdctl defrag, one member after the other`
          : 'run etcdctl compact, then etcdctl defrag, one member after the other; set --auto-compaction-retention, or a larger --quota-backend-bytes',
      details: { endpoint: url, dbSizeBytes, dbSizeInUseBytes, quotaBytes },
    })
  }
  if (findings.length > 0 || spaces.length === 0) return findings
  const largest = spaces.reduce((a, b) => (b.dbSizeBytes > a.dbSizeBytes ? b : a))
  const limit = largest.quotaBytes === undefined ? '' : ` of at most ${size(largest.quotaBytes)}`
  return [
    {
      check: 'space',
      level: 'ok',
      message: `no alarms; the database has ${size(largest.dbSizeBytes)}${limit}`,
      details: { dbSizeBytes: largest.dbSizeBytes, quotaBytes: largest.quotaBytes },
    },
  ]
}

function alarmFinding(member: string, kind: string, isOfEmbedded: boolean): DoctorFinding {
  const details = { member, alarm: kind }
  if (kind === 'NOSPACE') {
    return {
      check: 'space',
      level: 'problem',
      message: `${member} is out of space (alarm NOSPACE), so etcd accepts no writes and no node can register`,
      hint: isOfEmbedded
        ? IN_EMBEDDED
        : 'run etcdctl compact, etcdctl defrag on every member, then etcdctl alarm disarm; set --auto-compaction-retention, or a larger --quota-backend-bytes',
      details,
    }
  }
  if (kind === 'CORRUPT') {
    return {
      check: 'space',
      level: 'problem',
      message: `${member} differs from the other members (alarm CORRUPT)`,
      hint: 'replace that member with an empty one, or restore the cluster from a backup',
      details,
    }
  }
  return { check: 'space', level: 'problem', message: `${member} has raised the alarm ${kind}`, details }
}
