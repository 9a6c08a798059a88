import { resolve } from 'node:path'
import { readWhileRunning, reasonOf } from '../keys/file-contents.ts'

/** What is added to the name of a variable that sets a secret, to name a file with the secret instead. */
export const FILE_SUFFIX = '_FILE'

/** A secret that a variable names the file of, or why there is none. */
export type SecretFile = { readonly secret: string } | { readonly problem: string }

/**
 * Reads the secret of a variable from the file that `NAME_FILE` names, as container engines, Kubernetes and systemd hand over
 * secrets. One newline at its end is ignored.
 *
 * @param cwd where a relative path starts
 * @returns undefined when there is no such variable
 */
export function readSecretFile(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): SecretFile | undefined {
  const path = env[`${name}${FILE_SUFFIX}`]
  if (path === undefined) return undefined
  if (env[name] !== undefined) return { problem: `must not be set together with ${name}` }
  if (path.trim() === '') return { problem: 'must not be empty; unset the variable to do without it' }
  try {
    const bytes = readWhileRunning(resolve(cwd, path))
    const secret = new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '')
    return secret.trim() === '' ? { problem: `names an empty file, ${path}` } : { secret }
  } catch (error) {
    const reason = error instanceof TypeError ? 'it is not UTF-8' : reasonOf(error)
    return { problem: `cannot be read from ${path}: ${reason}` }
  }
}
