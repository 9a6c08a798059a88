import type { Config } from '../../../config/schema.ts'
import type { Identity } from '../../../internal/call.ts'
import type { Claims } from '../../../internal/claim-path.ts'
import { createClaimReader } from '../../../middleware/auth/claims.ts'

/** What a name is granted that no token speaks of. */
export interface Grants {
  readonly scopes?: readonly string[] | undefined
  readonly roles?: readonly string[] | undefined
  readonly claims?: Claims | undefined
}

/**
 * Makes of a name and its grants what a token with that `sub` and those claims would be, so that nodes and rules need
 * not know by which way a request was let in.
 */
export function createGrantReader({
  claimHeaders,
}: Pick<Config['jwt'], 'claimHeaders'>): (name: string, grants: Grants) => Identity {
  const read = createClaimReader({ claimHeaders, rolesClaim: 'roles', scopeClaim: 'scope' })
  return (sub, { claims, scopes = [], roles = [] }) => read({ ...claims, sub, scope: scopes, roles })
}
