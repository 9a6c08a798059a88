import type { KeyProblem } from '../../discovery/key-problems.ts'
import type { Descriptors, ParsedDescriptors } from '../../discovery/key-state.ts'
import type { Logger } from '../../discovery/logger.ts'
import { getOrMake } from '../../internal/get-or-make.ts'
import type { FindMethod } from '../../internal/grpc/rpc.ts'
import type { Peer } from '../../internal/nodes/peer.ts'
import type { CallNode, Reflected } from '../../wrappers/descriptors/reflection-client.ts'
import type { Reflections, ReflectionsOptions } from '../../wrappers/descriptors/reflections.ts'
import type { GrpcMethod, ServiceSchema } from '../../wrappers/descriptors/schema.ts'
import type { DescriptorFiles } from './descriptor-files.ts'
import type { GrpcJson } from './grpc-json.ts'

/** Where the descriptors of a service come from. `disk`: what its nodes said to an earlier gateway. */
export type DescriptorSource = 'etcd' | 'file' | 'reflection' | 'disk'

export interface LiveDescriptorsOptions {
  /** The sets of the configuration, by name, which have been checked. */
  readonly files: ReadonlyMap<string, Buffer>
  /** Returns the name of a service's descriptors, if a route has one. */
  readonly nameOf: (service: string) => string | undefined
  /** Returns the nodes to ask for the descriptors of a service; none = it is not to be asked. */
  readonly nodesToAsk: (service: string) => readonly Peer[]
  readonly callNode: CallNode
  /** Keeps what nodes have said; undefined = it is not kept. */
  readonly disk?: DescriptorFiles | undefined
  /** Called when the schema of a service has changed. */
  readonly onSchema: (service: string, known: KnownSchema | undefined) => void
  readonly logger: Logger
  /** When nodes are asked. Default: as {@link Reflections} has it. */
  readonly timings?: ReflectionsOptions['timings']
}

/** Of so many services that are gone, what their nodes have said is kept for when they are back. */
const MAX_GONE = 100

/** A schema, and where it comes from. */
export interface KnownSchema {
  readonly schema: ServiceSchema
  readonly source: DescriptorSource
  /** The name of the set in etcd or in the configuration, or the address of the node; undefined for `disk`. */
  readonly from?: string
}

/**
 * What is known of the gRPC services of nodes. Of several sources, the first one counts: the descriptors that a route
 * names, those named like the service, and what its nodes say (reflection). Names are looked up in etcd, and then in the
 * configuration. Knows nothing before `open()`. Call `close()` when done.
 */
export class LiveDescriptors {
  readonly #options: LiveDescriptorsOptions
  readonly #logger: Logger
  readonly #named = new Map<string, KnownSchema>()
  readonly #files = new Map<string, KnownSchema>()
  /** By service. */
  readonly #reflected = new Map<string, KnownSchema>()
  /** What `onSchema` was last told about each service. */
  readonly #told = new Map<string, ServiceSchema>()
  /** The services with nodes. */
  readonly #services = new Set<string>()
  /** Those of them whose descriptors a route names. */
  readonly #withOtherName = new Set<string>()
  /** Those that had nodes and have none now, the last one last. */
  readonly #gone = new Set<string>()
  readonly #methods = new WeakMap<ServiceSchema, ReadonlyMap<string, GrpcMethod>>()
  readonly #problems = new Map<string, string>()
  /** The services for which the disk was read. */
  readonly #restored = new Set<string>()
  #json: GrpcJson | undefined
  #reflections: Reflections | undefined
  /** Sets that could not be used, and nodes that could not be asked. */
  failed = 0

  constructor(options: LiveDescriptorsOptions) {
    this.#options = options
    this.#logger = options.logger
  }

  /**
   * Reads the descriptors of the configuration, and asks the nodes that are there already. Call it once, and before a node or a key of
   * the registry needs descriptors if it can be done.
   *
   * @throws DescriptorError when a set of the configuration cannot be used
   */
  open(json: GrpcJson): void {
    this.#json = json
    const { files, callNode, timings } = this.#options
    for (const [name, bytes] of files) {
      this.#files.set(name, { schema: json.readSchema(bytes), source: 'file', from: name })
    }
    this.#reflections = new json.Reflections({
      callNode,
      onReflected: (service, reflected, address) => this.#take(service, reflected, address),
      onFailure: (service, error) => this.#fail(service, error),
      timings,
    })
    this.routesChanged()
  }

  /** Parses the descriptors of a key of the registry. */
  parse(bytes: Buffer): ParsedDescriptors {
    if (this.#json === undefined) return { reason: 'JSON in front of gRPC cannot be loaded' }
    try {
      return { schema: this.#json.readSchema(bytes) }
    } catch (error) {
      this.failed++
      return { reason: (error as Error).message }
    }
  }

  /** Applies the addition, change or removal of a key of the registry. */
  apply(before: Descriptors | undefined, after: Descriptors | undefined): void {
    if (before) this.#named.delete(before.name)
    if (after) {
      const { name, schema } = after
      this.#named.set(name, { schema: schema as ServiceSchema, source: 'etcd', from: name })
    }
    for (const name of new Set([before?.name, after?.name])) if (name !== undefined) this.#nameChanged(name)
  }

  /** Updates the services that use the descriptors with a name. There may be thousands of names, each for one service. */
  #nameChanged(name: string): void {
    const services = new Set([name, ...this.#withOtherName])
    for (const service of services) {
      if (this.#services.has(service) && (this.#options.nameOf(service) ?? service) === name)
        this.#update(service)
    }
  }

  /** Called when the nodes of a service have changed. */
  nodesChanged(service: string, hasNodes: boolean): void {
    this.#gone.delete(service)
    if (hasNodes) this.#services.add(service)
    else if (this.#services.delete(service)) this.#gone.add(service)
    if (this.#gone.size > MAX_GONE) this.#forget(this.#gone.values().next().value!)
    this.#update(service)
  }

  /** Called when the routes have changed: they may name descriptors. */
  routesChanged(): void {
    for (const service of this.#services) this.#update(service)
  }

  /** The code that reads descriptors; undefined until {@link open}. Where there is a schema, it is there. */
  get json(): GrpcJson | undefined {
    return this.#json
  }

  /** Returns the schema of a service; undefined when it is not known. */
  schemaOf(service: string): ServiceSchema | undefined {
    return this.of(service)?.schema
  }

  /** Returns the schema of a service with its source; undefined when it is not known. */
  of(service: string): KnownSchema | undefined {
    const name = this.#options.nameOf(service)
    if (name !== undefined) return this.#withName(name)
    return this.#withName(service) ?? this.#reflected.get(service)
  }

  /** Whether a service has nodes that speak gRPC. */
  hasNodes(service: string): boolean {
    return this.#services.has(service)
  }

  /** Returns the name of the descriptors of a service, and the keys of {@link problems} that are about them. */
  namesOf(service: string): { readonly name: string; readonly keys: readonly string[] } {
    const name = this.#options.nameOf(service) ?? service
    return { name, keys: [`descriptors:${service}`, `reflection:${service}`] }
  }

  /** Asks the nodes of a service again, because a request needs its schema. */
  urge(service: string): void {
    this.#reflections?.urge(service)
  }

  readonly findMethod: FindMethod = (service, name) => {
    const schema = this.schemaOf(service)
    if (schema === undefined) return undefined
    const index = () => new Map(schema.methods.map(method => [method.name, method]))
    return getOrMake(this.#methods, schema, index).get(name)
  };

  /** Returns the services whose schema is known, with its source. */
  *known(): Generator<KnownSchema & { readonly service: string }> {
    for (const service of this.#services) {
      const known = this.of(service)
      if (known) yield { service, ...known }
    }
  }

  /** Returns why descriptors cannot be used, each with its key. */
  problems(): KeyProblem[] {
    return [...this.#problems].map(([key, reason]) => ({ key, reason }))
  }

  close(): void {
    this.#reflections?.close()
  }

  #withName(name: string): KnownSchema | undefined {
    return this.#named.get(name) ?? this.#files.get(name)
  }

  #forget(service: string): void {
    this.#gone.delete(service)
    this.#reflected.delete(service)
    this.#restored.delete(service)
  }

  #update(service: string): void {
    const hasNodes = this.#services.has(service)
    const name = this.#options.nameOf(service)
    if (name !== undefined && hasNodes) this.#withOtherName.add(service)
    else this.#withOtherName.delete(service)
    const isNamed = name !== undefined || this.#withName(service) !== undefined
    const nodes = hasNodes && !isNamed ? this.#options.nodesToAsk(service) : []
    this.#reflections?.update(service, nodes)
    if (nodes.length > 0) this.#restore(service)
    if (nodes.length === 0) this.#problems.delete(`reflection:${service}`)
    if (name !== undefined && hasNodes && this.#withName(name) === undefined) {
      this.#problems.set(`descriptors:${service}`, `there are no descriptors named ${JSON.stringify(name)}`)
    } else this.#problems.delete(`descriptors:${service}`)
    const known = hasNodes ? this.of(service) : undefined
    if (known?.schema === this.#told.get(service)) return
    if (known) this.#told.set(service, known.schema)
    else this.#told.delete(service)
    this.#options.onSchema(service, known)
  }

  /**
   * Takes what a node of a service has said. Throws when it cannot be used, and the last good schema stays in force. That
   * stays as well if it has a gRPC service of which the node has no descriptor, because the service would lose its routes.
   */
  #take(service: string, { files, missing }: Reflected, address: string): void {
    const { createSchema, missingText, writeDescriptorSet } = this.#json!
    const schema = createSchema(files)
    if (missing.length > 0) this.#fail(service, new Error(missingText(missing)))
    else this.#problems.delete(`reflection:${service}`)
    const known = this.#reflected.get(service)?.schema.services
    if (missing.some(name => known?.includes(name))) return
    this.#reflected.set(service, { schema, source: 'reflection', from: address })
    this.#options.disk?.write(service, writeDescriptorSet(files))
    this.#logger.info(
      { service, grpcServices: schema.services, methods: schema.methods.length },
      'descriptors loaded',
    )
    this.#update(service)
  }

  /** Takes what a node of a service has said to an earlier gateway, until one says something. */
  #restore(service: string): void {
    if (this.#restored.has(service) || this.#options.disk === undefined || this.#json === undefined) return
    this.#restored.add(service)
    if (this.#reflected.has(service)) return
    const bytes = this.#options.disk.read(service)
    if (bytes === undefined) return
    try {
      this.#reflected.set(service, { schema: this.#json.readSchema(bytes), source: 'disk' })
    } catch (error) {
      this.#logger.warn({ service, reason: (error as Error).message }, 'ignoring the descriptors on disk')
    }
  }

  #fail(service: string, { message: reason }: Error): void {
    this.failed++
    const key = `reflection:${service}`
    if (this.#problems.get(key) === reason) return
    this.#problems.set(key, reason)
    this.#logger.warn({ service, reason }, 'descriptors not usable')
  }
}
