import { findApiKeyProblems } from '../config/api-key-document.ts'
import { readDocumentFile } from '../config/document-file.ts'
import type { Environment } from '../config/environment.ts'
import { loadConfig } from '../config/load.ts'
import { ConfigError, toProblem } from '../config/problem.ts'
import { findRouteProblems } from '../config/route-document.ts'
import type { CheckOptions } from './command.ts'

export interface CheckContext {
  readonly env: Environment
  /** Prints one line. */
  readonly print: (line: string) => void
  readonly cwd?: string
}

/**
 * Says whether a file would be accepted, as `start` would judge it here and now: key files are read, and the
 * environment counts. Prints `FILE: ok (KIND)`, or a line for every problem.
 *
 * @returns the exit code.
 */
export function runCheck({ file, kind }: Omit<CheckOptions, 'command'>, context: CheckContext): 0 | 1 {
  try {
    const found = kind ?? kindOf(readDocumentFile(file, { cwd: context.cwd }).value)
    const warnings = found === 'config' ? checkConfig(file, context) : checkDocument(file, found, context)
    for (const warning of warnings) context.print(`${file}: warning: ${warning}`)
    context.print(`${file}: ok (${KINDS[found]})`)
    return 0
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const line of error.message.split('\n')) context.print(line)
    return 1
  }
}

type Kind = NonNullable<CheckOptions['kind']>

const KINDS: Readonly<Record<Kind, string>> = {
  config: 'config',
  route: 'route document',
  'api-key': 'API key',
}

/** No configuration has a `path`, a `service` or an `owner`, and no route document or API key is without. */
function kindOf(document: unknown): Kind {
  if (typeof document !== 'object' || document === null) return 'config'
  if (Object.hasOwn(document, 'path') || Object.hasOwn(document, 'service')) return 'route'
  return Object.hasOwn(document, 'owner') ? 'api-key' : 'config'
}

function checkConfig(file: string, { env, cwd }: CheckContext): readonly string[] {
  return loadConfig({ file, env, ...(cwd !== undefined && { cwd }) }).warnings
}

function checkDocument(
  file: string,
  kind: Exclude<Kind, 'config'>,
  { cwd }: CheckContext,
): readonly string[] {
  const { value, locate } = readDocumentFile(file, { cwd })
  const findings = kind === 'route' ? findRouteProblems(value) : findApiKeyProblems(value)
  if (findings.length > 0) {
    throw new ConfigError(findings.map(finding => ({ ...toProblem(finding), source: locate(finding.path) })))
  }
  return []
}
