import { type PasswordHash, parsePasswordHash } from '../../internal/password-hash.ts'
import type { Finding, Path } from '../kit/problem.ts'
import type { Config } from '../schema.ts'
import { type Findings, readKeyText } from './key-files.ts'

/** A user with the hash of a password. */
export interface User {
  readonly password: PasswordHash
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
}

export type Users = ReadonlyMap<string, User>

/** Reads the users in the configuration and in its file; undefined when neither is set. */
export function loadUsers({ users, usersFile }: Config['basic'], findings: Findings): Users | undefined {
  const found = new Map<string, User>()
  for (const [name, { password, scopes = [], roles = [] }] of Object.entries(users)) {
    const at = ['basic', 'users', name]
    const problem = nameProblem(name)
    if (problem !== undefined) findings.problems.push({ path: at, message: problem })
    const hash = readHash(password, [...at, 'password'], '', findings.problems)
    if (hash) found.set(name, { password: hash, scopes, roles })
  }
  if (usersFile !== undefined) readUsersFile(usersFile, found, findings)
  return usersFile === undefined && Object.keys(users).length === 0 ? undefined : found
}

function readUsersFile(file: string, found: Map<string, User>, findings: Findings): void {
  const path = ['basic', 'usersFile']
  const content = readKeyText(file, path, findings) ?? ''
  for (const [index, line] of content.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const at = `${file}:${index + 1}: `
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    const problem =
      colon === -1 ? 'must be name:hash' : found.has(name) ? `${name} is defined twice` : nameProblem(name)
    if (problem !== undefined) {
      findings.problems.push({ path, message: at + problem })
      continue
    }
    const password = readHash(line.slice(colon + 1).trim(), path, at, findings.problems)
    if (password) found.set(name, { password, scopes: [], roles: [] })
  }
}

// RFC 7617 section 2: no colon, which ends the name, and no control characters.
function nameProblem(name: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is excluded
  return /^[^\x00-\x1f\x7f:]{1,255}$/.test(name)
    ? undefined
    : 'the name of a user must be 1 to 255 characters without colon'
}

function readHash(text: string, path: Path, at: string, problems: Finding[]): PasswordHash | undefined {
  try {
    return parsePasswordHash(text)
  } catch (error) {
    problems.push({ path, message: at + (error as Error).message })
    return undefined
  }
}
