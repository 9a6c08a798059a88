import { Directory } from '../../discovery/directory.ts'
import type { SourceState } from '../../discovery/directory-source.ts'
import type { Credential, ParsedRouteDocument } from '../../discovery/key-state.ts'
import type { Registry, RegistryEvent, RegistryScope } from '../../discovery/registry.ts'
import type { Node } from '../../internal/nodes/node.ts'
import { testRoute } from '../support/route.ts'

/** Follows a registry the way a gateway does, but believes every delete, and lets a test wait for what it should come to know. */
export class Follower {
  /** API keys and revocations that there are, in the order in which they came. */
  credentials: readonly Credential[] = []
  readonly directory = new Directory({
    parseRoute,
    doubtMs: 0,
    onCredential: (before, after) => {
      const kept = this.credentials.filter(each => each !== before)
      this.credentials = after ? [...kept, after] : kept
    },
  })
  readonly events: RegistryEvent[] = []
  readonly #stop = new AbortController()
  readonly #registry: Registry
  /** Resolves when the registry tells nothing more. */
  readonly ended: Promise<void>
  #check: () => void = () => {}

  constructor(registry: Registry) {
    this.#registry = registry
    this.ended = this.#run(registry)
  }

  /** Resolves as soon as `fact` holds; it is looked at after every event. */
  async until(what: string, fact: () => boolean, withinMs = 20_000): Promise<void> {
    if (fact()) return
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`not within ${withinMs} ms: ${what}; events: ${this.#summary()}`)),
        withinMs,
      )
      this.#check = () => {
        if (!fact()) return
        clearTimeout(timer)
        this.#check = () => {}
        resolve()
      }
    })
  }

  /** `service/id:weight` of every node, in order. */
  nodes(): readonly string[] {
    return [...this.directory.services()]
      .flatMap(([service, nodes]) => nodes.map((node: Node) => `${service}/${node.id}:${node.weight}`))
      .sort()
  }

  loaded(): boolean {
    return this.#registry.sources.every(({ name }) => this.directory.source(name).loaded)
  }

  connected(): boolean {
    return this.#registry.sources.every(({ name }) => this.directory.source(name).connected)
  }

  /** Of the first source of a scope. */
  source(scope: RegistryScope): SourceState {
    return this.directory.source(this.#registry.sources.find(each => each.scope === scope)!.name)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.ended
  }

  async #run(registry: Registry): Promise<void> {
    for await (const event of registry.watch(this.#stop.signal)) {
      this.events.push(event)
      this.directory.apply(event)
      this.#check()
    }
  }

  #summary(): string {
    const last = this.events.slice(-10).map(event => {
      const { type, scope } = event
      if (type === 'status') return `${scope} connected=${event.connected} ${event.reason ?? ''}`
      const keys = type === 'snapshot' ? event.entries : [...event.puts, ...event.deletes]
      return `${scope} ${type} of ${keys.length} at ${event.revision}`
    })
    return last.join('; ') || 'none'
  }
}

/** Good documents are `{service, path}`; all others are refused. */
export function parseRoute(id: string, document: unknown): ParsedRouteDocument {
  const { service, path } = document as { service?: string; path?: string }
  if (!path || !service) return { reason: 'path or service is missing', service }
  return { route: testRoute({ id, path, service }) }
}
