import { basename, extname } from 'node:path'
import { findApiKeyProblems } from '../../config/kit/api-key-document.ts'
import { didYouMean } from '../../config/kit/closest.ts'
import {
  ConfigError,
  type Finding,
  jsonPath,
  type Path,
  type SourcedProblem,
  toProblem,
  under,
} from '../../config/kit/problem.ts'
import { findProblems } from '../../config/kit/validate.ts'
import { membersOf } from '../../config/kit/values.ts'
import { type DocumentFile, readDocumentFile } from '../../config/load/document-file.ts'
import type { Environment } from '../../config/load/environment.ts'
import { type LoadedConfig, loadConfig } from '../../config/load/load.ts'
import { routeContext } from '../../config/load/route-context.ts'
import { ALSO_FOR_OTHERS, nodeSelector } from '../../config/policies/node-selector.ts'
import { findPolicyWarnings } from '../../config/policies/policies.ts'
import { PolicySet } from '../../config/route/policy-set.ts'
import { findPolicySetProblems } from '../../config/route/read-policy-set.ts'
import {
  findRouteIdProblems,
  type RouteFindings,
  readRouteDocument,
} from '../../config/route/read-route-document.ts'
import { mergeSets, parseRouteDocument } from '../../config/route/route-document.ts'
import { ConfigSchema } from '../../config/schema.ts'
import { parseObject } from '../../discovery/codecs/value.ts'
import { readServices } from '../../discovery/file-registry-document.ts'
import type { Node } from '../../internal/nodes/node.ts'
import { type NodeSelector, selects, waitsToBeSelected } from '../../internal/nodes/node-selection.ts'
import type { CheckPage, CheckQuestion } from '../../routes/admin/explain.ts'
import type { ServicesPage } from '../../routes/admin/page-types.ts'
import type { CheckCommand, CheckKind } from '../cli/command.ts'
import { checkLoaded } from '../gateway/check-loaded.ts'
import { AdminClient } from './admin-client.ts'

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

type KnownServices = ReadonlyMap<string, readonly Pick<Node, 'id' | 'metadata'>[]>

/** Runs `waygate check`. Resolves with the exit code. */
export async function runCheck({ file, kind, admin }: CheckCommand): Promise<0 | 1> {
  const context: CheckContext = { env: process.env, print: console.log }
  if (admin === undefined) return checkFile({ file, kind }, context)
  const client = new AdminClient({ admin, config: undefined, settings: [] })
  const { services } = await client.read<ServicesPage>('/services')
  const served = services.filter(({ nodes }) => nodes.length > 0)
  const known = new Map(served.map(({ name, nodes }) => [name, nodes]))
  const judge = (question: CheckQuestion) => client.ask<CheckPage>('/api/v1/check', question)
  return checkFile({ file, kind }, { ...context, services: known, judge })
}

/**
 * Says whether `waygate start` would accept a file here and now: key files are read, and the environment counts. A
 * document that belongs into etcd is read as the gateway reads it there, so what is ok can be put as it is.
 * Prints a line for every warning, and `FILE: ok (KIND)` or a line for every problem.
 *
 * Resolves with the exit code.
 */
export async function checkFile(
  { file, kind }: Pick<CheckCommand, 'file' | 'kind'>,
  context: CheckContext,
): Promise<0 | 1> {
  const warn = (warnings: readonly string[]) => {
    for (const warning of warnings) context.print(`${file}: warning: ${warning}`)
  }
  try {
    const document = readDocumentFile(file, { cwd: context.cwd })
    const found = kind ?? kindOf(document.value)
    const { problems, warnings } = await CHECKS[found](file, document, context)
    if (problems.length > 0) throw new ConfigError(problems, warnings)
    warn(warnings)
    context.print(`${file}: ok (${KINDS[found]})`)
    return 0
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    warn(error.warnings)
    for (const line of error.message.split('\n')) context.print(line)
    return 1
  }
}

const KINDS: Readonly<Record<CheckKind, string>> = {
  config: 'config',
  route: 'route document',
  policies: 'policy set',
  services: 'services file',
  'api-key': 'API key',
}

/** Every kind except a configuration has a field that no other kind has. */
function kindOf(document: unknown): CheckKind {
  const has = (field: string) =>
    typeof document === 'object' && document !== null && Object.hasOwn(document, field)
  if (has('path') || has('service')) return 'route'
  if (has('services')) return 'services'
  if (has('owner')) return 'api-key'
  return isPolicySet(document) ? 'policies' : 'config'
}

/** Whether every field is one of policy sets, and one of them is none of a configuration. */
function isPolicySet(document: unknown): boolean {
  const fields = Object.keys(membersOf(document))
  const isField =
    ({ properties }: { properties: object }) =>
    (field: string) =>
      Object.hasOwn(properties, field)
  return fields.every(isField(PolicySet)) && !fields.every(isField(ConfigSchema))
}

interface Checked {
  readonly problems: readonly SourcedProblem[]
  readonly warnings: readonly string[]
}

type Check = (file: string, document: DocumentFile, context: CheckContext) => Checked | Promise<Checked>

const CHECKS: Readonly<Record<CheckKind, Check>> = {
  /** @throws ConfigError when the configuration cannot be used */
  async config(file, document, { env, cwd, services }) {
    const loaded = loadConfig({ file, env, ...(cwd !== undefined && { cwd }) })
    await checkLoaded(loaded)
    const unserved = Object.entries(loaded.config.routes.documents).flatMap(
      ([id, route]) =>
        place({ problems: [], warnings: [...findUnserved(route, services)] }, document, [
          'routes',
          'documents',
          id,
        ]).warnings,
    )
    const found = findSetProblems(loaded)
    const loops = await findLoops(Object.entries(loaded.config.routes.documents))
    const { problems, warnings } = place({ ...found, warnings: [...found.warnings, ...loops] }, document, [
      'routes',
      'documents',
    ])
    return { problems, warnings: [...loaded.warnings, ...warnings, ...unserved] }
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

/** Finds the routes of a configuration that do not fit the policy sets that they name. */
function findSetProblems({ config, keys }: LoadedConfig): Pick<RouteFindings, 'problems' | 'warnings'> {
  const context = { ...routeContext(config, keys), origin: 'file' } as const
  const sets = new Map(Object.entries(config.routes.policies))
  const problems: Finding[] = []
  const warnings: Finding[] = []
  for (const [id, document] of Object.entries(config.routes.documents)) {
    const missing = document.policies?.filter(name => !sets.has(name)) ?? []
    for (const name of missing) {
      const message = `names ${JSON.stringify(name)}, which is not in routes.policies${didYouMean(name, [...sets.keys()])}: unless etcd has it, the route answers 503`
      warnings.push({ path: [id, 'policies'], message })
    }
    warnings.push(...under([id], readRouteDocument(document, context).warnings))
    const parsed = parseRouteDocument(id, document, context)
    if (missing.length > 0 || !('route' in parsed)) continue
    const merged = mergeSets(parsed.route, sets, context)
    if ('reason' in merged)
      problems.push({ path: [id], message: `does not fit its policy sets: ${merged.reason}` })
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

/** A place in a route document that names a service, or selects its nodes. */
interface Named {
  readonly path: Path
  readonly service: unknown
  readonly nodes?: unknown
}

function namedIn(route: unknown): Named[] {
  const { service, nodes, fallback, split, mirror } = membersOf(route)
  const { variants } = membersOf(split)
  const ofVariants: readonly unknown[] = Array.isArray(variants) ? variants : []
  return [
    { path: [], service, nodes },
    { path: ['fallback'], service: membersOf(fallback).service },
    ...ofVariants.map((variant, index) => {
      const { service, nodes } = membersOf(variant)
      return { path: ['split', 'variants', index], service, nodes }
    }),
    { path: ['mirror'], service: membersOf(mirror).service, nodes: membersOf(mirror).nodes },
  ]
}

/** Finds the services of a route document that have no node. Values of the wrong type are ignored. */
function* findUnserved(route: unknown, services: KnownServices | undefined): Generator<Finding> {
  if (services === undefined) return
  for (const { path, service } of namedIn(route)) {
    if (typeof service !== 'string' || services.has(service)) continue
    const guess = didYouMean(service, services.keys())
    const message = `names ${JSON.stringify(service)}, which has no node${guess}`
    yield { path: [...path, 'service'], message }
  }
  yield* findUnselected(route, services)
}

/** Finds selectors that select no node, and variants whose nodes are for other routes, too. */
function* findUnselected(route: unknown, services: KnownServices): Generator<Finding> {
  const own = membersOf(route).service
  for (const { path, service = own, nodes } of namedIn(route)) {
    const known = typeof service === 'string' && nodes !== undefined ? services.get(service) : undefined
    // What is wrong with a selector is said elsewhere.
    if (known === undefined || findProblems(NODE_SELECTOR, nodes).length > 0) continue
    const selected = known.filter(node => selects(nodes as NodeSelector, node))
    const at = [...path, 'nodes']
    if (selected.length === 0) yield { path: at, message: `selects no node of ${JSON.stringify(service)}` }
    const other = path[0] === 'split' && selected.find(node => !waitsToBeSelected(node))
    if (other) yield { path: at, message: `selects node ${other.id}: ${ALSO_FOR_OTHERS}` }
  }
}

const NODE_SELECTOR = nodeSelector('')

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
