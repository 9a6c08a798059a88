import { readFileSync } from 'node:fs'
import { decodePem, decodeText } from '../../internal/text/decode-text.ts'
import { certificateProblem } from '../kit/certificates.ts'
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
    (section.secretFile && readKeyText(section.secretFile, path, findings)?.replace(/\r?\n$/, ''))
  if (secret === undefined) return undefined
  if (secret === '') {
    findings.problems.push({ path, message: 'is empty, but must hold a secret' })
    return undefined
  }
  if (secret !== secret.trim()) {
    // A variable filled from a file keeps the newline that `secretFile` would ignore, so the two would differ.
    findings.warnings.push(
      `${jsonPath(path).slice(2)} begins or ends with white space, which counts as part of the secret`,
    )
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

/** Reads a text file like {@link readKeyFile}. */
export function readKeyText(file: string, path: Path, findings: Findings): string | undefined {
  return readKeyFile(file, path, findings, decodeText)
}

/**
 * Reads a file that the configuration names at `path`. Returns undefined, and reports a problem, when it cannot be read, or `decode`
 * throws.
 */
export function readKeyFile<T>(
  file: string,
  path: Path,
  findings: Findings,
  decode: (bytes: Buffer) => T,
): T | undefined {
  return attempt(path, findings, () => readDecoded(file, decode, findings.readFile))
}

/** Reads something that the configuration names at `path`. Returns undefined, and reports a problem, when `read` throws. */
export function attempt<T>(path: Path, { problems }: Findings, read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    problems.push({ path, message: (error as Error).message })
    return undefined
  }
}

/** Reads a file with PEM. @throws Error whose message names the file and says why it cannot be read, or that it holds none */
export function readPemText(file: string, readFile?: ReadFile): string {
  const text = readDecoded(file, decodePem, readFile).toString()
  if (!text.includes('-----BEGIN ')) throw new Error(`${file} does not hold PEM`)
  return text
}

/** Reads the certificates of authorities, in PEM. @throws Error whose message names the file and says what is wrong with it */
export function readAuthorities(file: string, readFile?: ReadFile): string {
  const text = readDecoded(file, decodePem, readFile).toString()
  const problem = certificateProblem(text)
  if (problem !== undefined) throw new Error(`${file} ${problem}`)
  return text
}

/** Reads a text file. @throws Error whose message names the file and says why it cannot be read, or is no text */
export function readText(file: string, readFile?: ReadFile): string {
  return readDecoded(file, decodeText, readFile)
}

/**
 * Reads a file. @throws Error whose message names the file and says why it cannot be read, or what `decode` has thrown
 */
function readDecoded<T>(file: string, decode: (bytes: Buffer) => T, readFile: ReadFile = readFileSync): T {
  let bytes: Buffer
  try {
    bytes = readFile(file)
  } catch (error) {
    throw new Error(`${file} cannot be read: ${reasonOf(error)}`)
  }
  try {
    return decode(bytes)
  } catch (error) {
    throw new Error(`${file} ${(error as Error).message}`)
  }
}
