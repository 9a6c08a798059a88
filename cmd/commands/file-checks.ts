import { basename, extname } from 'node:path'
import { findApiKeyProblems } from '../../config/kit/api-key-document.ts'
import { didYouMean } from '../../config/kit/closest.ts'
import {
  type Finding,
  jsonPath,
  type Path,
  type SourcedProblem,
  toProblem,
  under,
} from '../../config/kit/problem.ts'
import { membersOf } from '../../config/kit/values.ts'
import type { DocumentFile } from '../../config/load/document-file.ts'
import type { Environment } from '../../config/load/environment.ts'
import { type LoadedConfig, loadConfig } from '../../config/load/load.ts'
import { routeContext } from '../../config/load/route-context.ts'
import { findPolicyWarnings } from '../../config/policies/policies.ts'
import { findPolicySetProblems } from '../../config/route/read-policy-set.ts'
import {
  findRouteIdProblems,
  type RouteFindings,
  readRouteDocument,
} from '../../config/route/read-route-document.ts'
import { mergeSets, parseRouteDocument } from '../../config/route/route-document.ts'
import { parseObject } from '../../discovery/codecs/value.ts'
import { readServices } from '../../discovery/file-registry-document.ts'
import type { CheckPage, CheckQuestion } from '../../routes/admin/explain.ts'
import type { CheckKind } from '../cli/command.ts'
import { checkLoaded } from '../gateway/check-loaded.ts'
import { findUnserved, type KnownServices } from './unserved.ts'

/** Where a file is checked, and what is known there. */
export interface CheckContext {
  readonly env: Environment
  /** Prints one line. */
  readonly print: (line: string) => void
  readonly cwd?: string
  /** The nodes of each service that has one; undefined = not known. */
  readonly services?: KnownServices | undefined
  /** Lets a running gateway judge a route document; undefined = none is asked. */
  readonly judge?: ((question: CheckQuestion) => Promise<CheckPage>) | undefined
}

interface Checked {
  readonly problems: readonly SourcedProblem[]
  readonly warnings: readonly string[]
}

type Check = (file: string, document: DocumentFile, context: CheckContext) => Checked | Promise<Checked>

/** How a file of each kind is checked. */
export const FILE_CHECKS: Readonly<Record<CheckKind, Check>> = {
  /** @throws ConfigError when the configuration cannot be used */
  async config(file, document, { env, cwd, services }) {
    const loaded = loadConfig({ file, env, ...(cwd !== undefined && { cwd }) })
    await checkLoaded(loaded)
    const { problems, warnings } = findRouteProblems(loaded)
    const documents = Object.entries(loaded.config.routes.documents)
    const loops = await findLoops(documents)
    const unserved = documents.map(([id, route]) => under([id], findUnserved(route, services)))
    const placed = [
      ...warnings,
      ...under(
        ['documents'],
        [loops, ...unserved].flatMap(each => [...each]),
      ),
    ]
    const checked = place({ problems, warnings: placed }, document, ['routes'])
    return { problems: checked.problems, warnings: [...loaded.warnings, ...checked.warnings] }
  },
  async route(file, document, { judge, services }) {
    const found = await findLoops([['route', document.value]])
    const loops = found.map(({ path: [, ...path], message }) => ({ path, message }))
    const checked = inEtcd(file, document, value => {
      const { problems, warnings } = readRouteDocument(value)
      const unserved = judge ? [] : findUnserved(value, services)
      return { problems, warnings: [...warnings, ...unserved, ...loops] }
    })
    if (checked.problems.length > 0 || !judge) return checked
    const { problems, warnings } = await judge({
      id: basename(file, extname(file)),
      document: document.value,
    })
    return { problems: problems.map(message => ({ source: file, path: '', message })), warnings }
  },
  policies: (file, document) =>
    inEtcd(file, document, value => ({
      problems: findPolicySetProblems(value),
      warnings: [...findPolicyWarnings(value)],
    })),
  services: checkServices,
  'api-key': (file, document) =>
    inEtcd(file, document, value => ({ problems: findApiKeyProblems(value), warnings: [] })),
}

/** Finds what is to be changed in routes and policy sets of a configuration, and routes that do not fit their sets. */
function findRouteProblems({ config, keys }: LoadedConfig): Pick<RouteFindings, 'problems' | 'warnings'> {
  const context = { ...routeContext(config, keys), origin: 'file' } as const
  const sets = new Map(Object.entries(config.routes.policies))
  const problems: Finding[] = []
  const warnings: Finding[] = []
  for (const [name, set] of sets)
    warnings.push(...under(['policies', name], findPolicyWarnings(set, context)))
  for (const [id, document] of Object.entries(config.routes.documents)) {
    const missing = document.policies?.filter(name => !sets.has(name)) ?? []
    for (const name of missing) {
      const message = `names ${JSON.stringify(name)}, which is not in routes.policies${didYouMean(name, [...sets.keys()])}: unless etcd has it, the route answers 503`
      warnings.push({ path: ['documents', id, 'policies'], message })
    }
    warnings.push(...under(['documents', id], readRouteDocument(document, context).warnings))
    const parsed = parseRouteDocument(id, document, context)
    if (missing.length > 0 || !('route' in parsed)) continue
    const merged = mergeSets(parsed.route, sets, context)
    if ('reason' in merged)
      problems.push({ path: ['documents', id], message: `does not fit its policy sets: ${merged.reason}` })
  }
  return { problems, warnings }
}

/** Finds redirects that lead back to themselves. Only a document with a redirect needs what finds its way. */
async function findLoops(documents: (readonly [id: string, document: unknown])[]): Promise<Finding[]> {
  if (!documents.some(([, document]) => membersOf(document).redirect)) return []
  return (await import('./redirect-loops.ts')).findRedirectLoops(documents)
}

/** A longer document would fill the screen. */
const MAX_SHOWN = 2_000

/** Checks the value of a key. A document in YAML gets the JSON to put instead when nothing else is wrong with it. */
function inEtcd(
  file: string,
  document: DocumentFile,
  find: (value: unknown) => Pick<RouteFindings, 'problems' | 'warnings'>,
): Checked {
  const { problems, warnings } = place(find(document.value), document)
  try {
    parseObject(document.text)
    return { problems, warnings }
  } catch (error) {
    const reason = (error as Error).message
    const json = JSON.stringify(document.value)
    const hint = problems.length === 0 && json.length <= MAX_SHOWN ? `; put ${json}` : ''
    const message = reason.endsWith('JSON')
      ? `${reason}, the only form that is read from etcd${hint}`
      : reason
    return { problems: [...problems, { source: file, path: '', message }], warnings }
  }
}

/** Says where in the file the findings are. */
function place(
  { problems, warnings }: Pick<RouteFindings, 'problems' | 'warnings'>,
  { locate }: DocumentFile,
  at: Path = [],
): Checked {
  return {
    problems: [...under(at, problems)].map(finding => ({
      ...toProblem(finding),
      source: locate(finding.path),
    })),
    warnings: [...under(at, warnings)].map(
      ({ path, message }) => `${jsonPath(path)} (${locate(path)}) ${message}`,
    ),
  }
}

/** Checks the file of the registry `file`: everything in it that the gateway would not use. */
async function checkServices(file: string, document: DocumentFile): Promise<Checked> {
  const read = readServices(document.text)
  if ('reason' in read) return { problems: [{ source: file, path: '', message: read.reason }], warnings: [] }
  const nodes = read.nodes.flatMap(entry => (entry.kind === 'nodes' ? entry.nodes : []))
  const services = Map.groupBy(nodes, node => node.service)
  const checked = [...read.nodes, ...read.routes].map((entry): Checked => {
    if (entry.kind === 'problem') {
      return { problems: [{ source: file, path: entry.key, message: entry.reason }], warnings: [] }
    }
    if (entry.kind !== 'route') return { problems: [], warnings: [] }
    const { problems, warnings } = readRouteDocument(entry.document)
    const all = [...findRouteIdProblems(entry.id), ...problems]
    const unserved = findUnserved(entry.document, services)
    return place({ problems: all, warnings: [...warnings, ...unserved] }, document, ['routes', entry.id])
  })
  const documents = read.routes.flatMap(entry =>
    entry.kind === 'route' ? [[entry.id, entry.document] as const] : [],
  )
  const loops = place({ problems: [], warnings: await findLoops(documents) }, document, ['routes'])
  return {
    problems: checked.flatMap(({ problems }) => problems),
    warnings: [...checked.flatMap(({ warnings }) => warnings), ...loops.warnings],
  }
}
