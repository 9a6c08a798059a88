import { leaderless, type MemberStatus } from './endpoint.ts'
import { type DoctorFinding, quantity } from './finding.ts'

type Version = readonly [major: number, minor: number]

/** The versions for which Waygate is tested. */
const OLDEST: Version = [3, 4]
const NEWEST: Version = [3, 7]
/** A healthy follower is a few entries behind. etcd itself refuses requests at 5,000. */
const MAX_LAG = 1_000
const EMBEDDED = '+waygate'
const DURABLE = '+waygate.durable'

/** Whether a version is that of the embedded etcd of a Waygate process. */
export function isEmbedded(version: string): boolean {
  return version.includes(EMBEDDED)
}

/** Judges the versions of the members that answered. */
export function judgeVersions(statuses: readonly MemberStatus[]): DoctorFinding[] {
  const versions = new Map<string, string[]>()
  for (const { version, url } of statuses) versions.set(version, [...(versions.get(version) ?? []), url])
  const findings = [...versions].flatMap(([version, urls]) => judgeVersion(version, urls))
  if (versions.size > 1) {
    findings.push({
      check: 'version',
      level: 'warning',
      message: `the members run different versions: ${[...versions.keys()].sort().join(', ')}`,
      hint: 'finish the upgrade; until then the cluster behaves like the oldest version',
      details: { versions: Object.fromEntries(versions) },
    })
  }
  return findings
}

function judgeVersion(version: string, urls: readonly string[]): DoctorFinding[] {
  const details = { version, endpoints: urls }
  if (isEmbedded(version)) {
    return [
      {
        check: 'version',
        level: 'ok',
        message: `this is the embedded etcd of a Waygate process, which serves one machine and ${
          version.endsWith(DURABLE) ? 'keeps its data on disk' : 'loses its data on exit'
        }`,
        details,
      },
    ]
  }
  const [, major, minor] = /^(\d+)\.(\d+)\./.exec(version) ?? []
  const found: Version = [Number(major), Number(minor)]
  if (major === undefined || compare(found, OLDEST) < 0) {
    return [
      {
        check: 'version',
        level: 'warning',
        message: `etcd ${version} is older than ${OLDEST.join('.')}, the oldest version that Waygate supports`,
        hint: 'upgrade etcd, one minor version at a time',
        details,
      },
    ]
  }
  if (compare(found, NEWEST) > 0) {
    return [
      {
        check: 'version',
        level: 'warning',
        message: `etcd ${version} is newer than ${NEWEST.join('.')}, the newest version that this Waygate knows`,
        hint: 'it will probably work; check for a newer Waygate',
        details,
      },
    ]
  }
  return [{ check: 'version', level: 'ok', message: `etcd ${version}`, details }]
}

/** Judges whether the members that answered form one cluster that has a leader and no slow member. */
export function judgeCluster(statuses: readonly MemberStatus[]): DoctorFinding[] {
  const [first] = statuses
  if (!first) return []
  const findings: DoctorFinding[] = []
  const clusters = new Map<string, string[]>()
  for (const { clusterId, url } of statuses)
    clusters.set(clusterId, [...(clusters.get(clusterId) ?? []), url])
  if (clusters.size > 1) {
    const items = [...clusters].map(([id, urls]) => `cluster ${hex(id)}: ${urls.join(', ')}`)
    findings.push({
      check: 'cluster',
      level: 'problem',
      message: `the endpoints belong to ${clusters.size} different clusters`,
      hint: 'configure the members of one cluster only; otherwise the data depends on which member answers',
      details: { items },
    })
  }
  findings.push(...statuses.filter(({ leaderId }) => leaderId === '0').map(({ url }) => leaderless(url)))
  for (const { url, isLearner } of statuses) {
    if (!isLearner) continue
    findings.push({
      check: 'cluster',
      level: 'warning',
      message: `${url} is a learner, so it refuses most requests`,
      hint: 'leave it out of --etcd until it is a voting member (etcdctl member promote)',
      details: { endpoint: url },
    })
  }
  if (clusters.size === 1) findings.push(...judgeLag(statuses))
  if (findings.length > 0) return findings
  const leader = statuses.find(({ leaderId, memberId }) => leaderId === memberId)
  const who = leader ? `${leader.url} leads` : `member ${hex(first.leaderId)} leads`
  return [
    {
      check: 'cluster',
      level: 'ok',
      message: `${quantity(statuses.length, 'member')} of cluster ${hex(first.clusterId)}; ${who}`,
      details: { clusterId: hex(first.clusterId), leaderId: hex(first.leaderId) },
    },
  ]
}

function judgeLag(statuses: readonly MemberStatus[]): DoctorFinding[] {
  const newest = Math.max(...statuses.map(({ raftIndex }) => raftIndex))
  return statuses.flatMap(({ url, raftIndex, raftAppliedIndex }): DoctorFinding[] => {
    const behind = newest - raftIndex
    const unapplied = raftIndex - raftAppliedIndex
    if (behind <= MAX_LAG && unapplied <= MAX_LAG) return []
    return [
      {
        check: 'cluster',
        level: 'warning',
        message:
          behind > MAX_LAG
            ? `${url} is ${behind} raft entries behind the others`
            : `${url} has not applied ${unapplied} of its raft entries yet`,
        hint: 'check the disk, the load and the network of that member',
        details: { endpoint: url, behind, unapplied },
      },
    ]
  })
}

/** Returns an id as etcdctl shows it. */
export function hex(id: string): string {
  return BigInt(id).toString(16)
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1]
}
