import { Stream } from 'node:stream'
import { type IPolicy, noop } from 'cockatiel'
import { GRPCCancelledError, GRPCDeadlineExceededError, GRPCUnavailableError } from 'etcd3'
import { isNoToken } from './auth-errors.ts'
import { type Clock, systemClock } from './clock.ts'

/** How long a member that did not answer is passed over; long, since the others can do all that it can. */
const DOUBT_MS = 30_000
const NEVER = Number.NEGATIVE_INFINITY

/**
 * Which of several members the next call goes to: etcd3 draws one at random, and one that hangs would be
 * drawn again and again, at some seconds each time. Here it draws anew while it has drawn one that did not
 * answer lately and there is another, or one whose failure is longer ago: when each has failed, each gets its
 * turn, and the one that hangs now is the last to get another.
 */
export class EndpointChoice {
  readonly #clock: Clock
  /** By endpoint; not in the past for those that are passed over. */
  readonly #doubtedUntil = new Map<string, number>()

  constructor(endpoints: readonly string[], clock: Clock = systemClock) {
    this.#clock = clock
    for (const endpoint of endpoints) this.#doubtedUntil.set(endpoint, NEVER)
  }

  /** What etcd3 asks before a call to one endpoint: its `faultHandling.host`. */
  policyOf(endpoint: string): IPolicy {
    return {
      _altReturn: undefined as never,
      onSuccess: noop.onSuccess,
      onFailure: noop.onFailure,
      execute: async (call, signal = new AbortController().signal) => {
        // etcd3 draws another endpoint when a policy throws without having made the call.
        if (this.#hasBetter(endpoint)) throw new Error('passed over')
        try {
          const result = await call({ signal })
          // A stream has not been answered yet when it is handed over.
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

  /** The later the failure the larger; `NEVER` when it is long ago. */
  #doubtOf(endpoint: string): number {
    const until = this.#doubtedUntil.get(endpoint) ?? NEVER
    return until > this.#clock.now() ? until : NEVER
  }
}

function gaveNoAnswer(error: unknown): boolean {
  return (
    (error instanceof GRPCUnavailableError ||
      error instanceof GRPCDeadlineExceededError ||
      // A stream that was given up.
      error instanceof GRPCCancelledError) &&
    // It was another call that got no answer, perhaps from another member.
    !isNoToken(error)
  )
}
