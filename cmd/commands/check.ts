import { findApiKeyProblems } from '../../config/kit/api-key-document.ts'
import { ConfigError, type SourcedProblem, toProblem } from '../../config/kit/problem.ts'
import { type DocumentFile, readDocumentFile } from '../../config/load/document-file.ts'
import type { Environment } from '../../config/load/environment.ts'
import { loadConfig } from '../../config/load/load.ts'
import { findRouteIdProblems, findRouteProblems } from '../../config/route/route-document.ts'
import { readServices } from '../../discovery/file-registry-document.ts'
import type { CheckKind, CheckOptions } from '../cli/command.ts'
import { checkFormats } from '../gateway/registry.ts'

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
    const document = readDocumentFile(file, { cwd: context.cwd })
    const found = kind ?? kindOf(document.value)
    if (found === 'config') {
      for (const warning of checkConfig(file, context)) context.print(`${file}: warning: ${warning}`)
    } else {
      const problems = found === 'services' ? servicesProblems(file, document) : problemsOf(document, found)
      if (problems.length > 0) throw new ConfigError(problems)
    }
    context.print(`${file}: ok (${KINDS[found]})`)
    return 0
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const line of error.message.split('\n')) context.print(line)
    return 1
  }
}

const KINDS: Readonly<Record<CheckKind, string>> = {
  config: 'config',
  route: 'route document',
  services: 'services file',
  'api-key': 'API key',
}

/** Each kind but a configuration has a field that no other kind knows. */
function kindOf(document: unknown): CheckKind {
  const has = (field: string) =>
    typeof document === 'object' && document !== null && Object.hasOwn(document, field)
  if (has('path') || has('service')) return 'route'
  if (has('services')) return 'services'
  return has('owner') ? 'api-key' : 'config'
}

function checkConfig(file: string, { env, cwd }: CheckContext): readonly string[] {
  const loaded = loadConfig({ file, env, ...(cwd !== undefined && { cwd }) })
  checkFormats(loaded)
  return loaded.warnings
}

function problemsOf({ value, locate }: DocumentFile, kind: 'route' | 'api-key'): SourcedProblem[] {
  const findings = kind === 'route' ? findRouteProblems(value) : findApiKeyProblems(value)
  return findings.map(finding => ({ ...toProblem(finding), source: locate(finding.path) }))
}

/** Of the file that stands in for etcd: whatever it says that would not be used. */
function servicesProblems(file: string, { text, locate }: DocumentFile): SourcedProblem[] {
  const read = readServices(text)
  if ('reason' in read) return [{ source: file, path: '', message: read.reason }]
  return [...read.nodes, ...read.routes].flatMap(entry => {
    if (entry.kind === 'problem') return { source: file, path: entry.key, message: entry.reason }
    if (entry.kind !== 'route') return []
    return [...findRouteIdProblems(entry.id), ...findRouteProblems(entry.document)].map(
      ({ path, message }) => {
        const whole = ['routes', entry.id, ...path]
        return { ...toProblem({ path: whole, message }), source: locate(whole) }
      },
    )
  })
}
