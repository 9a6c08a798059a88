import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Keys } from '../../config/keys/keys.ts'
import { membersOf } from '../../config/kit/values.ts'
import type { Config } from '../../config/schema.ts'
import type { KeyProblem } from '../../discovery/key-problems.ts'
import type { Logger } from '../../discovery/logger.ts'
import type { RegistryEntry } from '../../discovery/registry.ts'
import { getOrMake } from '../../internal/get-or-make.ts'
import { brokenGrpcEnd } from '../../internal/grpc/grpc-end.ts'
import type { JsonOptions } from '../../internal/grpc/json-options.ts'
import { GRPC_STATUS } from '../../internal/grpc/status.ts'
import { loadOnce } from '../../internal/load-once.ts'
import { laneOf } from '../../internal/nodes/node.ts'
import type { NodeTable } from '../../internal/nodes/node-table.ts'
import { OnceAMinute } from '../../internal/once-a-minute.ts'
import type { OutgoingRequest } from '../../internal/policy.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { Upstream, Wrapper } from '../../internal/upstream.ts'
import type { TranscodeCounts } from '../../routes/admin/metrics/transcode-metrics.ts'
import type { ServiceSchema } from '../../wrappers/descriptors/schema.ts'
import type { UpstreamPeer } from '../../wrappers/node/upstream-peer.ts'
import type { BindingsOptions } from '../../wrappers/transcode/bindings.ts'
import type { TranscodePlan } from '../../wrappers/transcode/transcode-plan.ts'
import type { OpenStream } from '../../wrappers/transcode/unary-answer.ts'
import { DescriptorFiles } from './descriptor-files.ts'
import type { GrpcJson } from './grpc-json.ts'
import type { GrpcNames } from './grpc-names.ts'
import { LiveDescriptors } from './live-descriptors.ts'
import type { LiveRules } from './service-rules.ts'

export interface TranscodingOptions {
  readonly config: Config
  readonly keys: Keys
  readonly nodes: NodeTable
  readonly rules: LiveRules
  /** Learns the gRPC services that descriptors name; undefined = they get no automatic routes. */
  readonly grpcNames: GrpcNames | undefined
  readonly counts: TranscodeCounts
  readonly logger: Logger
}

const STOPPING = brokenGrpcEnd(GRPC_STATUS.UNAVAILABLE, 'the gateway is shutting down')

/**
 * JSON in front of gRPC: which requests are converted, and with the descriptors of which service. The code that converts is
 * loaded with the first entry of the registry, or of the configuration, that may need it, and before that entry is applied. So
 * no request ever waits for it, and gateways without gRPC do not hold it in memory.
 */
export class Transcoding {
  readonly descriptors: LiveDescriptors
  readonly wrapper: Wrapper = next => {
    this.#next = next
    this.#convert = this.#transcode === undefined ? next : this.#transcode(next)
    return (request, call) => this.#convert(request, call)
  }
  readonly #options: TranscodingOptions
  /** Services whose nodes speak gRPC alone. */
  readonly #grpcOnly = new Set<string>()
  /** Services with a route document. */
  #documented: ReadonlyMap<string, readonly Route[]> = new Map()
  /** Documents by the services of their variants. */
  #withVariant = new Map<string, readonly Route[]>()
  #next!: Upstream
  /** The same as `#next` until the code that converts is loaded. */
  #convert!: Upstream
  /** Undefined until the code that converts is loaded. */
  #transcode: Wrapper | undefined
  #json: GrpcJson | undefined
  /** Loads the code that converts. */
  readonly #loadOnce = loadOnce(() => this.#load())
  readonly #reports = new OnceAMinute<'load'>()
  /** By route and schema: the variants of a split may be services of their own. */
  readonly #plans = new WeakMap<Route, WeakMap<ServiceSchema, TranscodePlan>>()
  /** The plans of automatic routes. */
  readonly #autoPlans = new WeakMap<ServiceSchema, TranscodePlan>()
  readonly #streams = new Set<OpenStream>()

  constructor(options: TranscodingOptions) {
    this.#options = options
    const { config, keys, grpcNames, rules, logger } = options
    this.descriptors = new LiveDescriptors({
      files: keys.descriptors ?? new Map(),
      nameOf: service => rules.of(service).grpcDescriptors,
      nodesToAsk: service =>
        this.#isToBeAsked(service) ? (options.nodes.get(service, 'grpc')?.peers ?? []) : [],
      // Past the breaker and the limit: a node that cannot describe itself may serve calls well.
      callNode: (peer, request, call) => (peer as UpstreamPeer).transport.send(request, call),
      // The nodes of the embedded etcd are on this machine, and can be asked again.
      disk:
        config.discovery.registry === 'etcd' && config.etcd.endpoints
          ? new DescriptorFiles(config.dataDir, config.etcd.endpoints, logger)
          : undefined,
      onSchema(service, known) {
        const isWritten = known?.source === 'etcd' || known?.source === 'file'
        grpcNames?.setDescribed(service, isWritten ? 'written' : 'reflected', known?.schema.services ?? [])
      },
      logger,
    })
  }

  /** Resolves when what the configuration needs is loaded. Call it once {@link wrapper} is in place, and before anything else. */
  async prepareConfigured(routes = this.#options.config.routes): Promise<void> {
    if (this.#json !== undefined) return
    const { keys } = this.#options
    const documents = [...Object.values(routes.documents), ...Object.values(routes.policies)].map(membersOf)
    if (keys.descriptors?.size || documents.some(({ grpc }) => grpc !== undefined)) {
      await this.#loadOnce()
    }
  }

  /**
   * Returns a promise for what an entry of the registry needs; undefined when all of it is loaded. It never rejects: without the
   * code, the entry is applied all the same, and requests pass to gRPC nodes as they are.
   */
  prepare(entry: RegistryEntry): Promise<void> | undefined {
    if (this.#json !== undefined || !mayNeedJson(entry)) return undefined
    return this.#loadOnce().catch(error => {
      if (this.#reports.isDue('load', performance.now()))
        this.#options.logger.error({ err: error }, 'JSON in front of gRPC cannot be loaded')
    })
  }

  nodesChanged(service: string): void {
    const { nodes } = this.#options
    const hasGrpc = nodes.get(service, 'grpc') !== undefined
    if (hasGrpc && nodes.get(service) === undefined) this.#grpcOnly.add(service)
    else this.#grpcOnly.delete(service)
    this.descriptors.nodesChanged(service, hasGrpc)
  }

  routesChanged(documents: readonly Route[]): void {
    this.#documented = Map.groupBy(documents, ({ service }) => service)
    this.#withVariant = new Map()
    for (const route of documents) {
      for (const { service } of route.policies?.split?.variants ?? []) {
        if (service !== undefined)
          this.#withVariant.set(service, [...(this.#withVariant.get(service) ?? []), route])
      }
    }
    this.descriptors.routesChanged()
  }

  /**
   * Returns the method that a plain request calls; undefined when its node gets it as it is.
   *
   * @throws GatewayError when the request would be refused because it is for no method
   */
  methodOf({ route, service, method, target, rpc }: OutgoingRequest): string | undefined {
    if (this.#json === undefined || rpc !== undefined || !this.#isTranscoded(route, service)) return undefined
    // A plan is asked for only where there is a schema, since nodes are asked for one that is missing.
    const plan = this.descriptors.schemaOf(service) && this.#planOf(route, service)
    return this.#json.findCall(plan, method, target).call.method.name
  }

  /** Returns the descriptors that cannot be used, and the rules that have no effect. */
  problems(): KeyProblem[] {
    const ofRules: KeyProblem[] = []
    for (const route of [...this.#documented.values()].flat()) {
      if (route.grpc?.isForJson !== true && !this.#speaksGrpcAlone(route.service)) continue
      for (const reason of this.#planOf(route, route.service)?.problems ?? []) {
        ofRules.push({ key: route.id, reason: `$.grpc: ${reason}` })
      }
    }
    for (const service of this.#grpcOnly) {
      if (this.#documented.has(service) || !this.#hasAutoRoutes) continue
      const schema = this.descriptors.schemaOf(service)
      for (const reason of (schema && this.#autoPlanOf(schema).problems) ?? []) {
        ofRules.push({ key: `descriptors:${service}`, reason })
      }
    }
    return [...this.descriptors.problems(), ...ofRules]
  }

  /** Ends the answers that are on their way as streams, because the gateway stops. Returns how many there were. */
  endStreams(): number {
    const streams = [...this.#streams]
    for (const stream of streams) stream.fail(STOPPING)
    return streams.length
  }

  close(): void {
    this.descriptors.close()
  }

  async #load(): Promise<void> {
    // In pieces, with turns for requests between them: an import holds up the event loop until all of it is loaded.
    await import('../../wrappers/protobuf/standard-types.ts')
    await nextTurn()
    await import('../../wrappers/descriptors/reflections.ts')
    await nextTurn()
    const { grpcJson: json } = await import('./grpc-json.ts')
    const { config, counts } = this.#options
    this.descriptors.open(json)
    this.#transcode = json.createTranscode({
      isTranscoded: (route, service) => this.#isTranscoded(route, service),
      planOf: (route, service) => this.#planOf(route, service),
      maxMessageBytes: config.grpc.messageBytes,
      counter: counts,
      streams: this.#streams,
    })
    this.#convert = this.#transcode(this.#next)
    this.#json = json
  }

  #isTranscoded({ grpc, origin }: Route, service: string): boolean {
    if (origin === 'auto' && !this.#options.config.grpc.auto) return false
    return grpc?.isForJson === true || this.#speaksGrpcAlone(service)
  }

  /** Most gateways have no such service, and then this is one property read. */
  #speaksGrpcAlone(service: string): boolean {
    return this.#grpcOnly.size > 0 && this.#grpcOnly.has(service)
  }

  get #hasAutoRoutes(): boolean {
    const { routes, grpc } = this.#options.config
    return routes.auto && grpc.auto
  }

  /** A service that nobody calls by JSON or by the names of its methods need not be asked. */
  #isToBeAsked(service: string): boolean {
    const { config } = this.#options
    if (!config.grpc.reflection) return false
    const own = this.#documented.get(service)
    if (own === undefined && this.#hasAutoRoutes) return true
    const documents = [...(own ?? []), ...(this.#withVariant.get(service) ?? [])]
    if (documents.length === 0) return false
    if (this.#speaksGrpcAlone(service)) return true
    return documents.some(({ grpc }) => grpc?.isForJson === true || grpc?.allow !== undefined)
  }

  #planOf(route: Route, service: string): TranscodePlan | undefined {
    const schema = this.descriptors.schemaOf(service)
    if (schema === undefined) {
      this.descriptors.urge(service)
      return undefined
    }
    if (route.origin === 'auto') return this.#autoPlanOf(schema)
    const plans = getOrMake(this.#plans, route, () => new WeakMap<ServiceSchema, TranscodePlan>())
    return getOrMake(plans, schema, () => {
      const rules = this.#options.rules.of(service).grpcRules ?? []
      return this.#createPlan(schema, { choice: route.grpc?.bindings, rules, json: route.grpc?.json })
    })
  }

  /** A method of a service without a document has one lock, whatever its door. */
  #autoPlanOf(schema: ServiceSchema): TranscodePlan {
    return getOrMake(this.#autoPlans, schema, () =>
      this.#createPlan(schema, { choice: 'all', rules: [], json: undefined }),
    )
  }

  #createPlan(
    schema: ServiceSchema,
    { json, ...bindings }: BindingsOptions & { readonly json: JsonOptions | undefined },
  ): TranscodePlan {
    const { grpc } = this.#options.config
    return new this.#json!.TranscodePlan(schema, {
      ...bindings,
      json: json ?? grpc.json,
      maxMessageBytes: grpc.messageBytes,
    })
  }
}

function mayNeedJson(entry: RegistryEntry): boolean {
  switch (entry.kind) {
    case 'descriptors':
      return true
    case 'nodes':
      return entry.nodes.some(node => laneOf(node) === 'grpc')
    case 'route':
    case 'policy-set':
      return Object.hasOwn(membersOf(entry.document), 'grpc')
    default:
      return false
  }
}
