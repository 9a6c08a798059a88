import assert from 'node:assert/strict'
import { Directory } from '../../discovery/directory.ts'
import type { SourceState } from '../../discovery/directory-source.ts'
import type { Credential, ParsedRouteDocument } from '../../discovery/key-state.ts'
import type { Registry, RegistryEvent, RegistryScope } from '../../discovery/registry.ts'
import type { Node } from '../../internal/nodes/node.ts'
import { testRoute } from '../support/route.ts'

/** Follows a registry like a gateway, but believes every delete, and lets a test wait for facts. */
export class Follower {
  /** The current API keys and revocations, in the order in which they were added. */
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
  /** Resolves when the registry ends. */
  readonly ended: Promise<void>
  #check: () => void = () => {}

  constructor(registry: Registry) {
    this.#registry = registry
    this.ended = this.#run(registry)
  }

  /** Resolves as soon as `fact` holds. It is checked after every event. */
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

  /** Returns `service/id:weight` for every node, in order. */
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

  /** The state of the first source of a scope. */
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
      applyTo(this.directory, event)
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

/** Applies an event to a directory, all of its steps at once. */
export function applyTo(directory: Directory, event: RegistryEvent): void {
  for (const _ of directory.steps(event));
}

/** Accepts documents of the form `{service, path}` and rejects all others. */
export function parseRoute(id: string, document: unknown): ParsedRouteDocument {
  const { service, path } = document as { service?: string; path?: string }
  if (!path || !service) return { reason: 'path or service is missing', service }
  return { route: testRoute({ id, path, service }) }
}

/** Returns the problems of a directory. `isLastGoodInUse`: whether it says since when and of which revision a good one is. */
export function problemsOf(directory: Directory): readonly object[] {
  return directory.problems().map(({ key, reason, lastGood }) => {
    if (lastGood === undefined) return { key, reason }
    assert.match(lastGood.revision, /^\d+$/)
    assert.ok(Math.abs(Date.parse(lastGood.since) - Date.now()) < 60_000, lastGood.since)
    return { key, reason, isLastGoodInUse: true }
  })
}
