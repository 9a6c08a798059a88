import { text } from 'node:stream/consumers'
import { formatPasswordHash } from '../../internal/password-hash.ts'
import { hashPassword } from '../../middleware/auth/password.ts'
import type { HashPasswordCommand } from '../cli/command.ts'
import { UsageError } from '../cli/format-error.ts'

/** The name of a user at the beginning of a line of `basic.usersFile`: a colon would end it, and `#` begins a comment. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is excluded
const USER = /^[^\x00-\x1f\x7f:#\s][^\x00-\x1f\x7f:]{0,254}$/

/** Runs `waygate hash-password`: prints the hash of the password on standard input. Resolves with the exit code. */
export async function runHashPassword({ user }: HashPasswordCommand): Promise<number> {
  if (user !== undefined && !USER.test(user)) {
    throw new UsageError(
      '--user must be 1 to 255 characters without colon and must not begin with # or a space',
      'hash-password',
    )
  }
  if (process.stdin.isTTY) console.error('Type the password, then press Enter and Ctrl-D:')
  // Not as an argument: every process on the machine can read those.
  const password = (await text(process.stdin)).replace(/\r?\n$/, '')
  if (password === '') throw new UsageError('no password on standard input', 'hash-password')
  const hash = formatPasswordHash(await hashPassword(password))
  console.log(user === undefined ? hash : `${user}:${hash}`)
  return 0
}
