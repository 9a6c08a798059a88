import { isIP } from 'node:net'
import { systemNames } from '../names/names.ts'
import type { SocketTarget } from './open-socket.ts'

export interface NodeNameOptions extends Pick<SocketTarget, 'host' | 'names'> {
  /**
   * How long a connection to a named node is used at most, milliseconds; 0 = as long as it is kept open. Connections
   * then reach the addresses that a name has got. Default 0.
   */
  readonly maxConnectionAgeMs?: number | undefined
}

/** Random deviation of the longest age, as a share of it, so that connections do not end at once. */
const AGE_JITTER = 0.2

/** Follows the addresses that the name of a node stands for. */
export class NodeName {
  readonly #options: NodeNameOptions
  /** Whether there is a name to look up from time to time. */
  readonly isFollowed: boolean

  constructor(options: NodeNameOptions) {
    this.#options = options
    this.isFollowed = isIP(options.host) === 0
  }

  /**
   * Looks the name up when it is time. When it cannot be resolved, the addresses known last stand.
   *
   * @param now milliseconds on the monotonic clock
   * @param onAddresses called with the addresses that were found last, at least one
   */
  follow(now: number, onAddresses: (addresses: readonly string[]) => void): void {
    const { host, names = systemNames } = this.#options
    const addresses = names.follow(host, now)
    if (addresses !== undefined) onAddresses(addresses)
  }

  /** Returns until when a connection that is made now may be used, on the monotonic clock. */
  usableUntil(now: number): number {
    const { maxConnectionAgeMs = 0 } = this.#options
    if (!this.isFollowed || maxConnectionAgeMs === 0) return Number.POSITIVE_INFINITY
    return now + maxConnectionAgeMs * (1 - AGE_JITTER * Math.random())
  }
}
