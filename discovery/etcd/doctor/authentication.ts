import type { Etcd3 } from 'etcd3'
import { prefixRange } from '../key-bytes.ts'
import type { DoctorFinding } from './finding.ts'
import { type Refusal, refusalOf } from './refusal.ts'

export interface AuthenticationOptions {
  /** Without a user. */
  readonly anonymous: Etcd3
  /** As the gateway has it, user included. */
  readonly client: Etcd3
  readonly user: string | undefined
  readonly password: string | undefined
  /** Any prefix that is to be read. */
  readonly prefix: string
  /** Whether the password would be read by whoever listens in between. */
  readonly isOpenNetwork: boolean
}

export interface Authentication {
  readonly findings: readonly DoctorFinding[]
  /** Whether calls can be made; otherwise there is nothing more to see. */
  readonly isAccepted: boolean
}

/** Whether etcd asks who we are, and whether it accepts what we say. */
export async function checkAuthentication(options: AuthenticationOptions): Promise<Authentication> {
  const { anonymous, client, user, password, prefix, isOpenNetwork } = options
  const asked = await tryRead(anonymous, prefix)
  if (asked?.kind === 'silent' || asked?.kind === 'failed')
    return refused(`etcd cannot be read: ${asked.reason}`)
  const mustSay = asked !== undefined
  if (user === undefined) {
    if (!mustSay) return accepted('etcd asks for no user: who can connect to it can change it', {})
    return refused(
      `etcd asks for a user, and none is configured (${asked.reason})`,
      'set WAYGATE_ETCD_USER and WAYGATE_ETCD_PASSWORD (etcd.user and etcd.password)',
    )
  }
  const name = JSON.stringify(user)
  const refusal = await tryToAuthenticate(anonymous, user, password ?? '')
  if (refusal) {
    if (/authentication is not enabled/.test(refusal.reason) || refusal.kind === 'unknown') {
      const finding: DoctorFinding = {
        check: 'authentication',
        level: 'warning',
        message: `user ${name} is configured, but this etcd has no authentication: who can connect to it can change it`,
        hint: 'enable it with etcdctl auth enable, or unset WAYGATE_ETCD_USER and WAYGATE_ETCD_PASSWORD',
        details: { user },
      }
      return { findings: [finding], isAccepted: true }
    }
    const isWrong = /invalid user ID or password/.test(refusal.reason)
    return refused(
      `etcd does not accept user ${name}: ${refusal.reason}`,
      isWrong
        ? 'correct WAYGATE_ETCD_USER and WAYGATE_ETCD_PASSWORD; etcdctl user list, etcdctl user passwd'
        : 'look at the other findings first; then at the log of etcd',
      { user },
    )
  }
  const read = await tryRead(client, prefix)
  if (read && read.kind !== 'denied') {
    return refused(
      `etcd accepts user ${name} but not the token it gave: ${read.reason}`,
      'with --auth-token=jwt every member needs the same keys; look at the clocks of the members too',
      { user },
    )
  }
  if (!isOpenNetwork) return accepted(`etcd accepts user ${name}`, { user })
  const finding: DoctorFinding = {
    check: 'authentication',
    level: 'warning',
    message: `etcd accepts user ${name}, but the password crosses the network as plain text`,
    hint: 'give etcd TLS, and write https://',
    details: { user },
  }
  return { findings: [finding], isAccepted: true }
}

async function tryRead(client: Etcd3, prefix: string): Promise<Refusal | undefined> {
  try {
    // Serializable: whether this is allowed must not depend on a majority of members.
    await client.kv.range({ ...prefixRange(prefix), limit: 1, keys_only: true, serializable: true })
    return undefined
  } catch (error) {
    return refusalOf(error)
  }
}

async function tryToAuthenticate(
  client: Etcd3,
  name: string,
  password: string,
): Promise<Refusal | undefined> {
  try {
    await client.auth.authenticate({ name, password })
    return undefined
  } catch (error) {
    return refusalOf(error)
  }
}

function accepted(message: string, details: { readonly user?: string }): Authentication {
  return { findings: [{ check: 'authentication', level: 'ok', message, details }], isAccepted: true }
}

function refused(message: string, hint?: string, details?: { readonly user: string }): Authentication {
  return {
    findings: [{ check: 'authentication', level: 'problem', message, hint, details }],
    isAccepted: false,
  }
}
