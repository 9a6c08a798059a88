import { readFileSync } from 'node:fs'
import { type Finding, jsonPath, type Path } from '../kit/problem.ts'
import { type ReadFile, reasonOf } from './file-contents.ts'

/** Where key loaders report problems and warnings. */
export interface Findings {
  readonly problems: Finding[]
  readonly warnings: string[]
  /** Reads files. Default: from disk. */
  readonly readFile?: ReadFile | undefined
}

// RFC 7518 section 3.2: a key of the same size as the hash output or larger.
const MIN_SECRET_BYTES = 32

/** Reads the secret of the section at `at`, set there or in a file; undefined when there is none or it cannot be used. */
export function readSecret(
  section: { readonly secret?: string; readonly secretFile?: string },
  at: Path,
  findings: Findings,
): Buffer | undefined {
  const path = [...at, section.secret === undefined ? 'secretFile' : 'secret']
  const secret =
    section.secret ??
    (section.secretFile &&
      readKeyFile(section.secretFile, path, findings)
        ?.toString('utf8')
        .replace(/\r?\n$/, ''))
  if (secret === undefined) return undefined
  if (secret === '') {
    findings.problems.push({ path, message: 'is empty, but must hold a secret' })
    return undefined
  }
  const bytes = Buffer.from(secret, 'utf8')
  if (bytes.length < MIN_SECRET_BYTES) {
    const guessed = at[0] === 'jwt' ? 'a token' : 'a cookie'
    findings.warnings.push(
      `${jsonPath(path).slice(2)} has ${bytes.length} bytes; below ${MIN_SECRET_BYTES} it can be guessed from ${guessed} (RFC 7518 section 3.2)`,
    )
  }
  return bytes
}

/** Reads a file that the configuration names at `path`. Returns undefined, and reports a problem, when it cannot be read. */
export function readKeyFile(
  file: string,
  path: Path,
  { problems, readFile = readFileSync }: Findings,
): Buffer | undefined {
  try {
    return readFile(file)
  } catch (error) {
    problems.push({ path, message: `${file} cannot be read: ${reasonOf(error)}` })
    return undefined
  }
}
