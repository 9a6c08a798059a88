import { hash, timingSafeEqual } from 'node:crypto'
import type { AdminRole } from './api-types.ts'

/** Who sent a request to the admin listener. */
export interface Caller extends Omit<AdminToken, 'sha256'> {
  /** The name of the token. */
  readonly name: string
  /** Whether clients and users of requests are hidden from it. */
  readonly isMasked: boolean
}

/** A token of the configuration, which has its hash alone. */
export interface AdminToken {
  /** In hexadecimal. */
  readonly sha256: string
  readonly role: AdminRole
  /** With the role `register`: the services whose nodes it registers; undefined = all. */
  readonly services?: readonly string[] | undefined
  /** How many nodes it may keep registered; undefined = any number. */
  readonly maxNodes?: number | undefined
}

/** The caller while no token is configured: somebody on this machine. It reads everything, and never writes. */
export const LOCAL_CALLER: Caller = { name: 'local', role: 'read', isMasked: false }

/**
 * Returns the function that finds who has the token of a request, from its `Authorization`; undefined when no token is
 * configured. Every token is compared, each time in full, so that the time taken reveals nothing.
 *
 * @param adminToken the token of the role `read` that stands in the configuration itself
 * @param tokens further ones, by name
 */
export function createFindCaller(
  adminToken: string | undefined,
  tokens: Readonly<Record<string, AdminToken>>,
): ((authorization: string | undefined) => Caller | undefined) | undefined {
  const known: { readonly digest: Buffer; readonly caller: Caller }[] = []
  const add = (digest: Buffer, caller: Omit<Caller, 'isMasked'>) =>
    known.push({ digest, caller: { ...caller, isMasked: caller.role !== 'operate' } })
  if (adminToken !== undefined)
    add(hash('sha256', adminToken, 'buffer'), { name: 'adminToken', role: 'read' })
  for (const [name, { sha256, role, services, maxNodes }] of Object.entries(tokens))
    add(Buffer.from(sha256, 'hex'), {
      name,
      role,
      ...(maxNodes && { maxNodes }),
      ...(services && { services }),
    })
  if (known.length === 0) return undefined
  return authorization => {
    const token = /^Bearer ([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) return undefined
    const given = hash('sha256', token, 'buffer')
    let found: Caller | undefined
    for (const { digest, caller } of known) if (timingSafeEqual(digest, given)) found = caller
    return found
  }
}
