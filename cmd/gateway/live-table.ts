import { Directory, type EntryChange } from '../../discovery/directory.ts'
import { followRegistry } from '../../discovery/follow-registry.ts'
import type { KeyProblem } from '../../discovery/key-problems.ts'
import {
  OPTIONAL_SCOPES,
  type Registry,
  type RegistryEntry,
  type RegistryEvent,
  type RegistryScope,
  type RememberedSource,
} from '../../discovery/registry.ts'
import type { OpenConnection } from '../../discovery/suspect-watch.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import type { Node } from '../../internal/nodes/node.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { RouteTable } from '../../internal/routing/route-table.ts'
import type { LastGoodView, SourceView, TableView } from '../../routes/admin/views.ts'
import type { LiveCredentials } from './auth/live-credentials.ts'
import { LastGoodSummary } from './last-good-summary.ts'
import type { LiveDescriptors } from './live-descriptors.ts'
import { LiveRoutes, type LiveRoutesOptions } from './live-routes.ts'
import { PairedChanges } from './paired-changes.ts'
import { largest, sourceView } from './source-view.ts'
import { TableLog } from './table-log.ts'
import type { TlsFromRegistry } from './tls-from-registry.ts'

export interface LiveTableOptions extends LiveRoutesOptions {
  readonly registry: Registry
  /** What the process before this one has remembered. */
  readonly remembered?: readonly RememberedSource[] | undefined
  /** Called when what is to be remembered of a source has changed. */
  readonly onRemembered?: ((remembered: RememberedSource) => void) | undefined
  /** How long a node or route that the registry may have lost stays in use, in milliseconds. */
  readonly suspectGraceMs: number
  /** Connects to nodes that the registry may have lost. */
  readonly openConnection: OpenConnection
  /** Called before an entry of the registry is applied, which waits for the promise that is returned. */
  readonly prepare: (entry: RegistryEntry) => Promise<void> | undefined
  /** Receives the API keys and revocations of the registry. */
  readonly credentials: LiveCredentials
  /** Receives the descriptors of the registry. */
  readonly descriptors: Pick<LiveDescriptors, 'parse' | 'apply'>
  /** Receives what the registry has for TLS; undefined = it is not used. */
  readonly tls: Pick<TlsFromRegistry, 'parse' | 'apply' | 'applied'> | undefined
  /** Returns problems that are found elsewhere, each with its key. */
  readonly moreProblems: () => readonly KeyProblem[]
  /** Returns why a node must not be used, as a text for people; undefined when it may be used. */
  readonly refusalOf: (node: Node) => string | undefined
  /** Called when the registry has another entry for a key than before; not for what is there at the start. */
  readonly onEntry: (change: EntryChange) => void
  /** Called when the nodes of a service in the node table have changed. */
  readonly onNodes: (service: string) => void
  /** Called when the routes have changed. */
  readonly onRoutes: (documents: readonly Route[]) => void
}

const NO_LEASE =
  'key has no lease, although other keys of this service have one: the node stays in the table when its process dies; delete the key, and a node that is alive registers itself again'
const NOT_LOADED = new GatewayError('WG_NO_NODE', {
  detail: 'The gateway has not loaded its routes yet; try again later.',
  headers: { 'retry-after': '1' },
})

/** Keeps the node table and the route table up to date with the registry, and reports how current they are. */
export class LiveTable implements TableView {
  /** Where the documents of the registry come from. */
  readonly origin: 'file' | 'etcd'
  readonly #options: LiveTableOptions
  readonly #directory: Directory
  readonly #routes: LiveRoutes
  readonly #log: TableLog
  readonly #changes = new PairedChanges({
    revisionOf: half => this.#revisionOf(half),
    mayBePaired: () => this.#isLoaded && this.#namesSets(),
    isApplying: () => this.#directory.isStepping,
    take: () => {
      this.#takeRoutes()
      this.#actWaiting()
    },
  })
  #setsChanged = false
  /** What waits until transactions are in place as a whole. */
  readonly #waiting: { readonly act: () => void; readonly giveUp: () => void }[] = []
  #revision: string | undefined = undefined
  /** The `auth` of routes that do not set it. */
  defaultAuth: 'jwt' | 'none'
  readonly #lastGood = new LastGoodSummary()
  readonly #loaded = Promise.withResolvers<void>()
  #isLoaded = false

  constructor(options: LiveTableOptions) {
    const { registry, nodes, suspectGraceMs, credentials, descriptors, tls, refusalOf } = options
    this.#options = options
    this.defaultAuth = defaultAuthOf(options.context)
    this.#routes = new LiveRoutes(options)
    const origin = registry.keptBy === 'operator' ? 'file' : 'etcd'
    this.origin = origin
    this.#directory = new Directory({
      prepare: options.prepare,
      parseRoute: (id, document) => this.#routes.parse(id, document, origin),
      parseApiKey: value => credentials.parseApiKey(value),
      refusalOf,
      onCredential: (before, after) => credentials.apply(before, after),
      onNodes: (service, serviceNodes) => {
        nodes.set(service, serviceNodes)
        options.grpcNames?.setNodes(service, serviceNodes)
        options.onNodes(service)
      },
      parseDescriptors: bytes => descriptors.parse(bytes),
      onDescriptors: (before, after) => descriptors.apply(before, after),
      ...(tls && { parseCertificate: entry => tls.parse(entry) }),
      onTls: (before, after) => tls?.apply(before, after),
      onRoutes: () => this.#changes.changed('routes'),
      refusalOfPolicySet: entry => this.#routes.refusalOfPolicySet(entry),
      onPolicySet: (before, after) => {
        this.#routes.setPolicySet(before, after)
        this.#setsChanged = true
      },
      onEntry: options.onEntry,
      doubtMs: suspectGraceMs,
      documented: this.#routes.servicesOfFile,
      remembered: options.remembered,
    })
    this.#log = new TableLog(this.#directory, options.logger)
  }

  /** Resolves when there is a table to serve from, from the registry or from disk. */
  get loaded(): Promise<void> {
    return this.#loaded.promise
  }

  get isLoaded(): boolean {
    return this.#isLoaded
  }

  /**
   * Returns the current route table.
   *
   * @throws GatewayError WG_NO_NODE until the table is loaded. Which routes there are is not known before that, so a request
   *   could get 404, or a route that is less strict than the one that has not arrived yet
   */
  routeTable(): RouteTable {
    if (!this.#isLoaded) throw NOT_LOADED
    return this.#routes.table
  }

  /** Follows the registry until `signal` aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    const { registry, suspectGraceMs, openConnection, logger, onRemembered } = this.#options
    const giveUp = () => {
      for (const waiting of this.#waiting.splice(0)) waiting.giveUp()
    }
    signal.addEventListener('abort', giveUp, { once: true })
    await followRegistry({
      ...{ registry, suspectGraceMs, openConnection, logger, onRemembered, signal },
      directory: this.#directory,
      onApplied: event => this.#applied(event),
    }).finally(() => {
      this.#changes.close()
      giveUp()
    })
  }

  /**
   * Acts at once or, while only a part of a transaction of the registry is in place, once all of it is. Until then, what it deletes
   * may be gone, and what it puts in its place not be there yet.
   *
   * @throws Error, without having acted, when the registry is no longer followed by then; what `act` throws
   */
  betweenEvents(act: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const actNow = () => {
        try {
          resolve(act())
        } catch (error) {
          reject(error)
        }
      }
      const giveUp = () => reject(new Error('the gateway is shutting down'))
      this.#waiting.push({ act: actNow, giveUp })
      this.#actWaiting()
    })
  }

  /** Lets go what waits, unless only a part of a transaction is in place. */
  #actWaiting(): void {
    if (this.#directory.isStepping || this.#changes.isWaiting) return
    for (const { act } of this.#waiting.splice(0)) act()
  }

  /** The largest revision of a source; undefined before the first snapshot. */
  get revision(): string | undefined {
    return this.#revision
  }

  /** What the registry holds. */
  get entries(): Pick<Directory, 'documentOf' | 'documents' | 'isKeyOf' | 'keyOfNode'> {
    return this.#directory
  }

  source(): SourceView {
    return sourceView(this.#options.registry, this.#directory)
  }

  routes(): readonly Route[] {
    return this.#routes.all()
  }

  /**
   * Puts another configuration in force: see `LiveRoutes.configure`. Everything of the registry is read again by its rules. Call it
   * between events.
   */
  configure(...next: Parameters<LiveRoutes['configure']>): void {
    const [, context] = next
    this.defaultAuth = defaultAuthOf(context)
    this.#routes.configure(...next)
    this.#directory.reread(this.#routes.servicesOfFile)
    this.#routes.forgetParsed()
    this.#setsChanged = false
    this.#takeRoutes()
  }

  /** See `LiveRoutes.judge`. */
  judge(...document: Parameters<LiveRoutes['judge']>): ReturnType<LiveRoutes['judge']> {
    return this.#routes.judge(...document)
  }

  problems(): readonly KeyProblem[] {
    return [...this.#directory.problems(), ...this.#routes.problems(), ...this.#options.moreProblems()]
  }

  lastGood(): LastGoodView {
    return this.#lastGood.of(this.#directory.lastGood())
  }

  formerServices(): number {
    return this.#routes.formerServices().length
  }

  nodeProblems(service: string): ReadonlyMap<string, string> | undefined {
    const unleased = this.#directory.unleased().get(service)
    return unleased && new Map([...unleased.keys()].map(id => [id, NO_LEASE]))
  }

  warnings(): readonly KeyProblem[] {
    const keys = [...this.#directory.unleased().values()].flatMap(byId => [...byId.values()])
    return [...Array.from(new Set(keys), key => ({ key, reason: NO_LEASE })), ...this.#routes.warnings()]
  }

  #applied(event: RegistryEvent): void {
    this.#log.applied(event)
    this.#options.tls?.applied(event)
    if (event.type !== 'status') {
      this.#revision = largest(
        this.#options.registry.sources.map(({ name }) => this.#directory.source(name).revision),
      )
    }
    if (this.#setsChanged) {
      this.#setsChanged = false
      this.#changes.changed('policies')
    }
    if (event.type === 'snapshot') this.#options.credentials.loaded(event.scope)
    if (event.type === 'snapshot' && !this.#isLoaded) this.#checkLoaded(event.from)
    this.#changes.applied()
    this.#actWaiting()
  }

  #takeRoutes(): void {
    const directory = this.#directory
    const isUnlisted = (service: string) => directory.isUnlisted(service)
    this.#routes.set(directory.routes(), directory.blockedServices(), directory.formerServices(), isUnlisted)
    this.#options.onRoutes(this.#routes.table.documents)
  }

  #namesSets(): boolean {
    return this.#routes.namesSets || this.#directory.routes().some(route => route.sets !== undefined)
  }

  #revisionOf(scope: RegistryScope): bigint {
    const source = this.#options.registry.sources.find(each => each.scope === scope)
    return BigInt((source && this.#directory.source(source.name).revision) ?? 0)
  }

  #warnOfOpenRoutes(): void {
    if (this.defaultAuth !== 'none') return
    const routes = this.routes()
    const open = routes.filter(({ auth }) => auth.type === 'none').length
    if (open === 0) return
    this.#options.logger.warn(
      { open, routes: routes.length },
      'no token key is configured; routes are open to everyone',
    )
  }

  #checkLoaded(from: 'store' | 'disk'): void {
    const sources = this.#options.registry.sources.map(({ name, scope }) => ({
      scope,
      ...this.#directory.source(name),
    }))
    const mayBeMissing = (scope: RegistryScope) =>
      OPTIONAL_SCOPES.has(scope) && !(scope === 'policies' && this.#namesSets())
    if (!sources.every(({ loaded, scope }) => loaded || mayBeMissing(scope))) return
    // With a copy that has no nodes, every request would get 404. Load balancers and clients should see 503 instead.
    const isFromDisk = sources.some(({ scope, restored }) => scope === 'nodes' && restored)
    if (isFromDisk && this.#directory.services().size === 0) {
      if (from === 'disk')
        this.#options.logger.warn({}, 'table on disk has no nodes; waiting for the registry')
      return
    }
    this.#isLoaded = true
    this.#routes.complete()
    this.#options.nodes.loaded()
    this.#warnOfOpenRoutes()
    this.#loaded.resolve()
  }
}

function defaultAuthOf({ defaultAuth }: LiveRoutesOptions['context']): 'jwt' | 'none' {
  return defaultAuth.type === 'none' ? 'none' : 'jwt'
}
