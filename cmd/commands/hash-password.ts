import { text } from 'node:stream/consumers'
import { formatPasswordHash } from '../../internal/password-hash.ts'
import { hashPassword } from '../../middleware/auth/password.ts'
import type { HashPasswordCommand } from '../cli/command.ts'
import { UsageError } from '../cli/format-error.ts'

/**
 * What is the name of a user where a line of `basic.usersFile` begins with it: a colon would end it, and `#` begins a
 * comment.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const USER = /^[^\x00-\x1f\x7f:#\s][^\x00-\x1f\x7f:]{0,254}$/

/** `waygate hash-password`: prints what is kept of the password on standard input. Resolves with the exit code. */
export async function runHashPassword({ user }: HashPasswordCommand): Promise<number> {
  if (user !== undefined && !USER.test(user)) {
    throw new UsageError(
      '--user must be 1 to 255 characters without colon, the first neither # nor a blank',
      'hash-password',
    )
  }
  if (process.stdin.isTTY) console.error('Type the password, a new line, and Ctrl-D:')
  // Never as an argument: those are for every process of the machine to see.
  const password = (await text(process.stdin)).replace(/\r?\n$/, '')
  if (password === '') throw new UsageError('the password is expected on standard input', 'hash-password')
  const hash = formatPasswordHash(await hashPassword(password))
  console.log(user === undefined ? hash : `${user}:${hash}`)
  return 0
}
