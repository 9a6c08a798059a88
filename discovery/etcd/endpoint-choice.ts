import { Stream } from 'node:stream'
import { type IPolicy, noop } from 'cockatiel'
import { GRPCCancelledError, GRPCDeadlineExceededError, GRPCUnavailableError } from 'etcd3'
import { type Clock, systemClock } from './clock.ts'
import { isNoToken } from './etcd-errors.ts'

/**
 * How long to avoid a member that did not answer. This can be long, because any other member can replace it.
 */
const DOUBT_MS = 30_000
const NEVER = Number.NEGATIVE_INFINITY

/**
 * Chooses the member for the next call. etcd3 picks one at random, so without this a member that hangs would
 * be picked again and again, for some seconds each time. This makes etcd3 pick again when it has picked a
 * member that recently did not answer while a better one exists: a member that answers, or one whose failure
 * is longer ago. When all members have failed, each gets its turn, and the one that failed last is tried
 * last.
 */
export class EndpointChoice {
  readonly #clock: Clock
  /** When to use each endpoint again; `NEVER` when it is not being avoided. */
  readonly #doubtedUntil = new Map<string, number>()

  constructor(endpoints: readonly string[], clock: Clock = systemClock) {
    this.#clock = clock
    for (const endpoint of endpoints) this.#doubtedUntil.set(endpoint, NEVER)
  }

  /** Returns the policy that etcd3 applies to the calls to one endpoint, as `faultHandling.host`. */
  policyOf(endpoint: string): IPolicy {
    return {
      _altReturn: undefined as never,
      onSuccess: noop.onSuccess,
      onFailure: noop.onFailure,
      execute: async (call, signal = new AbortController().signal) => {
        // etcd3 picks another endpoint when a policy throws without having made the call.
        if (this.#hasBetter(endpoint)) throw new Error('avoiding an etcd member that did not answer')
        try {
          const result = await call({ signal })
          // A stream has not been answered yet at this point.
          if (!(result instanceof Stream)) this.#doubtedUntil.set(endpoint, NEVER)
          return result
        } catch (error) {
          if (gaveNoAnswer(error)) this.#doubtedUntil.set(endpoint, this.#clock.now() + DOUBT_MS)
          throw error
        }
      },
    }
  }

  #hasBetter(endpoint: string): boolean {
    const doubt = this.#doubtOf(endpoint)
    return [...this.#doubtedUntil.keys()].some(other => this.#doubtOf(other) < doubt)
  }

  /** Returns a larger value for a later failure, and `NEVER` for one that is long ago. */
  #doubtOf(endpoint: string): number {
    const until = this.#doubtedUntil.get(endpoint) ?? NEVER
    return until > this.#clock.now() ? until : NEVER
  }
}

function gaveNoAnswer(error: unknown): boolean {
  return (
    (error instanceof GRPCUnavailableError ||
      error instanceof GRPCDeadlineExceededError ||
      // A stream that its caller gave up.
      error instanceof GRPCCancelledError) &&
    // For want of a token, it was another call that got no answer, perhaps from another member.
    !isNoToken(error)
  )
}
