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
    const warnings = found === 'route' ? checkRoute(file, context) : checkConfig(file, context)
    for (const warning of warnings) context.print(`${file}: warning: ${warning}`)
    context.print(`${file}: ok (${found === 'route' ? 'route document' : 'config'})`)
    return 0
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const line of error.message.split('\n')) context.print(line)
    return 1
  }
}

/** No configuration has a `path` or a `service`, and no route document is without both. */
function kindOf(document: unknown): 'config' | 'route' {
  if (typeof document !== 'object' || document === null) return 'config'
  return Object.hasOwn(document, 'path') || Object.hasOwn(document, 'service') ? 'route' : 'config'
}

function checkConfig(file: string, { env, cwd }: CheckContext): readonly string[] {
  return loadConfig({ file, env, ...(cwd !== undefined && { cwd }) }).warnings
}

function checkRoute(file: string, { cwd }: CheckContext): readonly string[] {
  const { value, locate } = readDocumentFile(file, { cwd })
  const findings = findRouteProblems(value)
  if (findings.length > 0) {
    throw new ConfigError(findings.map(finding => ({ ...toProblem(finding), source: locate(finding.path) })))
  }
  return []
}
