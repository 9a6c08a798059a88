import { hash, randomBytes } from 'node:crypto'
import type { AdminTokenCommand } from '../cli/command.ts'

/** 256 bits: a token of that length needs no slow hash, since it cannot be guessed. */
const TOKEN_BYTES = 32

/** Makes a new token of the admin listener, and its entry in `admin.tokens`. */
export function makeAdminToken<Role extends AdminTokenCommand['role']>(
  role: Role,
): { readonly token: string; readonly entry: { readonly sha256: string; readonly role: Role } } {
  // The prefix lets people and secret scanners recognize the token.
  const token = `wga_${randomBytes(TOKEN_BYTES).toString('base64url')}`
  return { token, entry: { sha256: hash('sha256', token), role } }
}

/** Runs `waygate admin-token`: prints a new token, and the lines of the configuration that let it in. Resolves with the exit code. */
export async function runAdminToken({ name, role, services }: AdminTokenCommand): Promise<number> {
  const { token, entry } = makeAdminToken(role)
  const bound = services.length === 0 ? '' : `, services: ${JSON.stringify(services)}`
  console.log(`token: ${token}`)
  console.log('\nLines of the configuration, which hold its hash alone:\n')
  console.log('admin:')
  console.log('  tokens:')
  console.log(`    ${JSON.stringify(name)}: { sha256: ${entry.sha256}, role: ${entry.role}${bound} }`)
  console.log('\nIt is sent as "Authorization: Bearer TOKEN". Commands read it from WAYGATE_ADMIN_TOKEN.')
  console.log('The token itself is stored nowhere and cannot be shown again.')
  return 0
}
