import type { Etcd3 } from 'etcd3'
import { hex } from './cluster.ts'
import type { MemberStatus } from './endpoint.ts'
import { type DoctorFinding, size } from './finding.ts'
import { refusalOf } from './refusal.ts'

/** A member whose database is known, and how large it may become. */
export interface MemberSpace extends MemberStatus {
  /** Undefined when it could not be found out. */
  readonly quotaBytes: number | undefined
}

export interface Alarm {
  readonly memberId: string
  /** `NOSPACE`, `CORRUPT`. */
  readonly kind: string
}

/** etcd's default for `--quota-backend-bytes`. */
const DEFAULT_QUOTA_BYTES = 2 * 2 ** 30
/** Share of the quota from which on it is time to act. */
const NEARLY_FULL = 0.8

/** Whether etcd says that it is out of space or corrupt, and how near it is to being out of space. */
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
    const told = statusAlarms(spaces)
    if (told.length > 0 || kind === 'denied' || kind === 'user' || kind === 'unknown') {
      const skipped: DoctorFinding = {
        check: 'space',
        level: 'skipped',
        message: `the alarms of the cluster are not ours to see: ${reason}`,
      }
      return [...judgeSpace(spaces, told), skipped]
    }
    return [
      ...judgeSpace(spaces, []),
      { check: 'space', level: 'problem', message: `the alarms of the cluster cannot be read: ${reason}` },
    ]
  }
}

/** Alarms as far as members tell them with their status. */
function statusAlarms(statuses: readonly MemberStatus[]): Alarm[] {
  return statuses.flatMap(({ memberId, errors }) =>
    errors.flatMap(error => {
      const [, kind] = /\balarm:\s*(\w+)/.exec(error) ?? []
      return kind === undefined ? [] : { memberId, kind }
    }),
  )
}

export function judgeSpace(spaces: readonly MemberSpace[], alarms: readonly Alarm[]): DoctorFinding[] {
  const nameOf = (memberId: string) =>
    spaces.find(member => member.memberId === memberId)?.url ?? `member ${hex(memberId)}`
  const findings = alarms.map(({ memberId, kind }) => alarmFinding(nameOf(memberId), kind))
  for (const member of spaces) {
    const { url, dbSizeBytes, dbSizeInUseBytes, quotaBytes } = member
    const limit = quotaBytes ?? DEFAULT_QUOTA_BYTES
    if (dbSizeBytes < NEARLY_FULL * limit) continue
    const known = quotaBytes === undefined ? `${size(limit)}, if its quota is the default` : size(limit)
    const reusable = dbSizeBytes - dbSizeInUseBytes
    findings.push({
      check: 'space',
      level: 'warning',
      message: `${url} has a database of ${size(dbSizeBytes)} of at most ${known}; at that size it takes no more writes`,
      hint:
        dbSizeInUseBytes > 0 && reusable > dbSizeBytes / 2
          ? `${size(reusable)} of it is free: etcdctl defrag, one member after the other`
          : 'etcdctl compact, then etcdctl defrag, one member after the other; set --auto-compaction-retention, or a larger --quota-backend-bytes',
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

function alarmFinding(who: string, kind: string): DoctorFinding {
  const details = { member: who, alarm: kind }
  if (kind === 'NOSPACE') {
    return {
      check: 'space',
      level: 'problem',
      message: `${who} is out of space (alarm NOSPACE): etcd takes no writes, so no node can register`,
      hint: 'etcdctl compact, etcdctl defrag on every member, then etcdctl alarm disarm; set --auto-compaction-retention, or a larger --quota-backend-bytes',
      details,
    }
  }
  if (kind === 'CORRUPT') {
    return {
      check: 'space',
      level: 'problem',
      message: `${who} differs from the other members (alarm CORRUPT)`,
      hint: 'replace that member by an empty one, or restore the cluster from a backup',
      details,
    }
  }
  return { check: 'space', level: 'problem', message: `${who} has raised the alarm ${kind}`, details }
}
