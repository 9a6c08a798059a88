import { text } from 'node:stream/consumers'
import { formatPasswordHash } from '../internal/password-hash.ts'
import { hashPassword } from '../middleware/password.ts'
import type { HashPasswordOptions } from './command.ts'
import { UsageError } from './usage-error.ts'

/** `waygate hash-password`: prints what is kept of the password on standard input. Resolves with the exit code. */
export async function runHashPassword({ user }: HashPasswordOptions): Promise<number> {
  if (process.stdin.isTTY) console.error('Type the password, a new line, and Ctrl-D:')
  // Never as an argument: those are for every process of the machine to see.
  const password = (await text(process.stdin)).replace(/\r?\n$/, '')
  if (password === '') throw new UsageError('the password is expected on standard input', 'hash-password')
  const hash = formatPasswordHash(await hashPassword(password))
  console.log(user === undefined ? hash : `${user}:${hash}`)
  return 0
}
