import type { Etcd3 } from 'etcd3'
import { parseEndpoint } from '../endpoint-url.ts'
import { hex } from './cluster.ts'
import type { MemberStatus } from './endpoint.ts'
import { type DoctorFinding, quantity } from './finding.ts'
import { refusalOf } from './refusal.ts'

/** A member in the list of the cluster. */
export interface ListedMember {
  readonly id: string
  /** Empty until the member has been started for the first time. */
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
        {
          check: 'members',
          level: 'problem',
          message,
          hint: 'see the other findings, and run the doctor again',
        },
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
        hint: 'list every member, so that any of them may fail; ignore this if an endpoint stands for several members',
        details: { member: hex(id), name, clientUrls },
      }),
    )
  for (const { id } of members.filter(({ name }) => name === '')) {
    findings.push({
      check: 'members',
      level: 'warning',
      message: `member ${hex(id)} was added to the cluster, but has never been started`,
      hint: 'start it, or remove it with etcdctl member remove, because it counts for the majority',
      details: { member: hex(id) },
    })
  }
  if (findings.length > 0) return findings
  const message = `${quantity(members.length, 'member')} in the cluster, all of them configured`
  return [{ check: 'members', level: 'ok', message, details: { members: members.map(({ name }) => name) } }]
}

/** Returns the host and port of a URL, for comparison. Text that is not a URL is returned as it is. */
function placeOf(url: string): string {
  try {
    const { host, port } = parseEndpoint(url)
    return `${host.toLowerCase().replace(/^localhost$/, '127.0.0.1')} ${port}`
  } catch {
    return url
  }
}
