import type { Etcd3 } from 'etcd3'
import { hex } from './cluster.ts'
import type { MemberStatus } from './endpoint.ts'
import { parseEndpoint } from './endpoint-url.ts'
import { type DoctorFinding, quantity } from './finding.ts'
import { refusalOf } from './refusal.ts'

/** A member as its cluster lists it. */
export interface ListedMember {
  readonly id: string
  /** Empty while it has never been started. */
  readonly name: string
  readonly clientUrls: readonly string[]
}

/** Compares the members that the cluster lists with those that are configured. */
export async function checkMembers(
  client: Etcd3,
  endpoints: readonly string[],
  statuses: readonly MemberStatus[],
): Promise<DoctorFinding[]> {
  try {
    const { members } = await client.cluster.memberList({})
    const listed = members.map(({ ID, name, clientURLs }) => ({ id: ID, name, clientUrls: clientURLs }))
    return judgeMembers(listed, endpoints, statuses)
  } catch (error) {
    const { kind, reason } = refusalOf(error)
    const message = `the members of the cluster cannot be listed: ${reason}`
    if (kind === 'silent' || kind === 'failed') {
      return [
        { check: 'members', level: 'problem', message, hint: 'run the doctor again; see the other findings' },
      ]
    }
    return [{ check: 'members', level: 'skipped', message }]
  }
}

export function judgeMembers(
  members: readonly ListedMember[],
  endpoints: readonly string[],
  statuses: readonly MemberStatus[],
): DoctorFinding[] {
  const seen = new Set(statuses.map(({ memberId }) => memberId))
  const configured = new Set(endpoints.map(placeOf))
  const isConfigured = ({ id, clientUrls }: ListedMember) =>
    seen.has(id) || clientUrls.some(url => configured.has(placeOf(url)))
  const findings = members
    .filter(member => member.name !== '' && !isConfigured(member))
    .map(
      ({ id, name, clientUrls }): DoctorFinding => ({
        check: 'members',
        level: 'warning',
        message: `member ${name} (${clientUrls.join(', ') || 'no client URL'}) is not among the configured endpoints`,
        hint: 'name every member, so that any of them may go away; unless an endpoint stands for several',
        details: { member: hex(id), name, clientUrls },
      }),
    )
  for (const { id } of members.filter(({ name }) => name === '')) {
    findings.push({
      check: 'members',
      level: 'warning',
      message: `member ${hex(id)} was added to the cluster and has never been started`,
      hint: 'start it, or take it out with etcdctl member remove: it counts when the majority is counted',
      details: { member: hex(id) },
    })
  }
  if (findings.length > 0) return findings
  const message = `${quantity(members.length, 'member')} in the cluster, all of them configured`
  return [{ check: 'members', level: 'ok', message, details: { members: members.map(({ name }) => name) } }]
}

/** Host and port; what is not a URL stands for itself. */
function placeOf(url: string): string {
  try {
    const { host, port } = parseEndpoint(url)
    return `${host.toLowerCase().replace(/^localhost$/, '127.0.0.1')} ${port}`
  } catch {
    return url
  }
}
