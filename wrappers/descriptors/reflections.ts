import type { Peer } from '../../internal/nodes/peer.ts'
import { type CallNode, type Reflected, reflect } from './reflection-client.ts'

export interface ReflectionsOptions {
  readonly callNode: CallNode
  /** Takes what the node at an address of a service has said. Throws when it cannot be used. */
  readonly onReflected: (service: string, reflected: Reflected, address: string) => void
  /** Called with why no node of a service could be asked. */
  readonly onFailure: (service: string, error: Error) => void
  readonly timings?: Partial<ReflectionTimings> | undefined
}

export interface ReflectionTimings {
  /** How long the nodes of a service must stay the same before a new one is asked: they often come in bursts. */
  readonly settleMs: number
  /** The least time between two times that a service is asked. */
  readonly pauseMs: number
  /** The longest time until a service that could not be asked is asked again. */
  readonly maxPauseMs: number
}

const TIMINGS: ReflectionTimings = { settleMs: 1_000, pauseMs: 10_000, maxPauseMs: 300_000 }
/** When the newest node does not answer well, so many others are asked. */
const MAX_OTHERS = 2

/** What is known of the nodes of one service. */
interface Asked {
  /** The nodes that were seen, by address and version, in the order in which they came. */
  seen: ReadonlyMap<string, Peer>
  /** Asks next; undefined = nothing is planned. */
  timer: NodeJS.Timeout | undefined
  isAsking: boolean
  /** Is aborted when the service is no longer to be asked. */
  readonly over: AbortController
  /** When the last question began, on the monotonic clock. */
  askedAt: number
  /** Whether the last question was answered well. */
  isAnswered: boolean
  failures: number
}

/**
 * Asks the nodes of services for their descriptors: the first node of a service at once, and one at a new address or of a
 * new version when its service has settled. The answer of the newest node counts. Call `close()` when done.
 */
export class Reflections {
  readonly #options: ReflectionsOptions
  readonly #timings: ReflectionTimings
  readonly #services = new Map<string, Asked>()

  constructor(options: ReflectionsOptions) {
    this.#options = options
    this.#timings = { ...TIMINGS, ...options.timings }
  }

  /** Takes the nodes of a service that is to be asked; none = it is not. */
  update(service: string, peers: readonly Peer[]): void {
    if (peers.length === 0) {
      this.#forget(service)
      return
    }
    let asked = this.#services.get(service)
    const isFirst = asked === undefined
    if (!asked) {
      asked = {
        seen: new Map(),
        timer: undefined,
        isAsking: false,
        over: new AbortController(),
        askedAt: Number.NEGATIVE_INFINITY,
        isAnswered: false,
        failures: 0,
      }
      this.#services.set(service, asked)
    }
    const now = new Map(peers.map(peer => [keyOf(peer), peer]))
    const isNew = [...now.keys()].some(key => !asked.seen.has(key))
    // Those that were there before stay in front, so that the newest is last.
    asked.seen = new Map(
      [...[...asked.seen.keys()].filter(key => now.has(key)), ...now.keys()].map(key => [key, now.get(key)!]),
    )
    if (isNew) this.#schedule(service, asked, isFirst ? 0 : this.#timings.settleMs)
  }

  /** Asks a service again, because a request needed what it did not say. Does nothing when it was asked lately. */
  urge(service: string): void {
    const asked = this.#services.get(service)
    if (asked && !asked.isAsking && !asked.isAnswered) this.#schedule(service, asked, 0)
  }

  /** Ends the questions that are under way, too. */
  close(): void {
    for (const service of this.#services.keys()) this.#forget(service)
  }

  #forget(service: string): void {
    const asked = this.#services.get(service)
    this.#services.delete(service)
    clearTimeout(asked?.timer)
    asked?.over.abort()
  }

  #schedule(service: string, asked: Asked, afterMs: number): void {
    const earliest = asked.askedAt + this.#timings.pauseMs - performance.now()
    clearTimeout(asked.timer)
    asked.timer = setTimeout(() => void this.#ask(service, asked), Math.max(afterMs, earliest, 0)).unref()
  }

  async #ask(service: string, asked: Asked): Promise<void> {
    asked.timer = undefined
    if (asked.isAsking) {
      this.#schedule(service, asked, this.#timings.pauseMs)
      return
    }
    asked.isAsking = true
    asked.askedAt = performance.now()
    const error = await this.#askNodes(service, asked)
    asked.isAsking = false
    if (asked.over.signal.aborted) return
    asked.isAnswered = error === undefined
    if (error === undefined) {
      asked.failures = 0
      return
    }
    this.#options.onFailure(service, error)
    const pauseMs = Math.min(this.#timings.pauseMs * 2 ** asked.failures++, this.#timings.maxPauseMs)
    // A node that came meanwhile is asked soon.
    if (asked.timer === undefined) this.#schedule(service, asked, pauseMs)
  }

  /** Asks the newest node and, when that brings nothing, others. Returns why none of them brought anything. */
  async #askNodes(service: string, asked: Asked): Promise<Error | undefined> {
    let first: Error | undefined
    const { signal } = asked.over
    for (const peer of [...asked.seen.values()].reverse().slice(0, 1 + MAX_OTHERS)) {
      if (signal.aborted) break
      try {
        const reflected = await reflect(peer, this.#options.callNode, signal)
        if (!signal.aborted) this.#options.onReflected(service, reflected, peer.address)
        return undefined
      } catch (error) {
        first ??= error as Error
      }
    }
    return first
  }
}

function keyOf({ address, node }: Peer): string {
  return `${address} ${node.metadata.version ?? ''}`
}
