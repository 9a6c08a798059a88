import { hashText } from '../balancers/text-hash.ts'

/** When a request of one kind last failed and last got a good answer. Milliseconds on the monotonic clock. */
interface Kind {
  failedAt: number
  passedAt: number
}

/** The most kinds remembered. The one that failed longest ago is forgotten first. */
const MAX_KINDS = 512
/** Longer request lines are the same kind when they begin alike. */
const MAX_LENGTH = 512

/**
 * Tells failures of a node from failures of a request. It remembers which requests of a service failed lately, on any of
 * its nodes, and whether the same requests got good answers. Two requests are of the same kind when method and path are
 * the same, and also when the whole target is.
 *
 * A request that fails wherever it goes says nothing about any node, so that its repetitions must not eject one.
 */
export class FailingRequests {
  /** By hash; two kinds with the same hash are taken for one. In the order in which they last failed. */
  readonly #kinds = new Map<number, Kind>()
  #memoryMs = 0
  #failedAt = 0
  /** Whether a request failed lately. Otherwise `passed` need not be called. */
  isWatching = false

  /**
   * Notes a request that failed.
   *
   * @param requestLine method and target: `GET /path?query`
   * @param memoryMs how long it is remembered
   * @param now milliseconds on the monotonic clock
   * @returns whether the failure says something about its node: it is the first of its kind, or requests of its kind got
   *   good answers lately
   */
  failed(requestLine: string, memoryMs: number, now: number): boolean {
    let isAboutNode = true
    for (const hash of hashesOf(requestLine)) {
      const kind = this.#kinds.get(hash)
      const isKnown = kind !== undefined && now - kind.failedAt <= memoryMs
      if (isKnown && now - kind.passedAt > memoryMs) isAboutNode = false
      this.#kinds.delete(hash)
      this.#kinds.set(hash, { failedAt: now, passedAt: kind?.passedAt ?? Number.NEGATIVE_INFINITY })
    }
    for (const oldest of this.#kinds.keys()) {
      if (this.#kinds.size <= MAX_KINDS) break
      this.#kinds.delete(oldest)
    }
    this.#memoryMs = memoryMs
    this.#failedAt = now
    this.isWatching = true
    return isAboutNode
  }

  /** Notes a request that got a good answer. The parameters are those of `failed`. */
  passed(requestLine: string, now: number): void {
    if (now - this.#failedAt > this.#memoryMs) {
      this.#kinds.clear()
      this.isWatching = false
      return
    }
    for (const hash of hashesOf(requestLine)) {
      const kind = this.#kinds.get(hash)
      if (kind !== undefined) kind.passedAt = now
    }
  }
}

/** Returns the hash of the whole line, and that of the line without its query where it has one. */
function hashesOf(requestLine: string): number[] {
  const line = requestLine.slice(0, MAX_LENGTH)
  const query = line.indexOf('?')
  return query === -1 ? [hashText(line)] : [hashText(line.slice(0, query)), hashText(line)]
}
