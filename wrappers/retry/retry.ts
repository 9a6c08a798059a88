import type { Call } from '../../internal/call.ts'
import type { Outcome, UpstreamRequest, Wrapper } from '../../internal/upstream.ts'
import { Retries } from './attempt-loop.ts'
import { RetryBudgets } from './retry-budget.ts'
import { asRepeatable, isUnwanted } from './retry-rules.ts'

export interface RetryOptions {
  /** Shared with whoever else sends a request a second time. */
  readonly budgets?: RetryBudgets
  /** 0..1, for the backoff. */
  readonly random?: () => number
}

/** Beyond this, further bodies are not kept; their requests get one try. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024

/**
 * Asks another node when a try has not brought what the client should get:
 *
 * - no connection: any request, since the node has seen nothing of it;
 * - a connection that broke before an answer, or a try that took too long: idempotent requests;
 * - a status that the route names: idempotent requests.
 *
 * Never once the client's body has been touched, unless it is short and kept; never a node twice; never beyond
 * the budget of the service, of which a retry after a try without a connection takes nothing. Between tries lies a
 * backoff. Where no retry is possible the client gets the last answer that a node gave, if one did.
 *
 * There are two exceptions to `never twice`. A kept connection that the node closed just as we used it says nothing
 * about the node: such a call gets one try more than its route allows. And a node that said `Retry-After` is asked
 * again when its time is over, if no other is left, the route names a number of retries, and the answer can still
 * come in time.
 *
 * @throws GatewayError what the client is told of the last failure
 * @throws UpstreamFailure of kind `aborted` when the client has left
 */
export function createRetry<T extends Outcome>({
  budgets = new RetryBudgets(),
  random = Math.random,
}: RetryOptions = {}): Wrapper<T> {
  /** Of bodies whose requests are under way. */
  let keptBytes = 0
  return next => {
    const ask = (request: UpstreamRequest, call: Call) => {
      const budget = budgets.of(request.service)
      budget.begin(call.startedAt)
      return next(request, call).then(
        outcome => {
          if (isUnwanted(outcome, request))
            return new Retries(next, request, call, budget, random).after({ outcome })
          budget.end()
          return outcome
        },
        error => new Retries(next, request, call, budget, random).after({ error }),
      )
    }
    return (given, call) => {
      const request = keptBytes < MAX_KEPT_BYTES ? asRepeatable(given) : given
      if (request === given) return ask(request, call)
      const length = given.body!.length!
      keptBytes += length
      return ask(request, call).finally(() => {
        keptBytes -= length
      })
    }
  }
}
