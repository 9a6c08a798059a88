import type { BodyMemory } from '../../internal/body-memory.ts'
import type { Call } from '../../internal/call.ts'
import type { UpstreamRequest, Wrapper } from '../../internal/upstream.ts'
import { AttemptLoop } from './attempt-loop.ts'
import { KeptBody } from './kept-body.ts'
import { RetryBudgets } from './retry-budget.ts'
import { asAnswer, isUnwanted, keepsBody } from './retry-rules.ts'

export interface RetryOptions {
  /** Shared with other wrappers that send a request a second time. */
  readonly budgets?: RetryBudgets
  /** Whether a node of a service may refuse a plain request after it was sent. Default: none does. */
  readonly mayBeRefused?: (service: string) => boolean
  /** Returns a number 0..1, for the backoff. */
  readonly random?: () => number
}

/** When the kept bodies exceed this, no further bodies are kept, and their requests get one try. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024

/**
 * Retries a call on another node when a try has not brought what the client should get:
 *
 * - no connection, one that ended before anything was written on it, or a node of HTTP/2 that refused it: any request, because
 *   the node has not acted on it;
 * - a connection that broke before an answer, or a try that took too long: idempotent requests;
 * - a status that the route lists in `retryOn`: idempotent requests.
 *
 * A call is not retried once bytes of the client's body were taken that are no longer kept. It is not sent to the same
 * node twice. Retries stay within the budget of the service; a retry after a failed connection costs no
 * budget. A backoff separates the tries. When no retry is possible, the client gets the last answer of a node, if there
 * was one.
 *
 * There are two exceptions to the rule about the same node. A kept connection that the node closed just as it was used
 * says nothing about the node: such a call gets one try more than its route allows. And a node that sent Retry-After is
 * tried again when its time has come, if no other node is left, the route sets `retries`, and the deadline allows it.
 *
 * @throws GatewayError the error for the client, made from the last failure
 * @throws UpstreamFailure of kind `aborted` when the client has left
 */
export function createRetry({
  budgets = new RetryBudgets(),
  mayBeRefused = () => false,
  random = Math.random,
}: RetryOptions = {}): Wrapper {
  const memory: BodyMemory = { bytes: 0, maxBytes: MAX_KEPT_BYTES }
  return next => {
    const ask = (request: UpstreamRequest, call: Call) => {
      // It has ended while something in front of the tries waited. Nothing could cancel a try now.
      if (call.ended) return Promise.reject(asAnswer(call.ended))
      const budget = budgets.of(request.service)
      budget.begin(call.startedAt)
      return next(request, call).then(
        outcome => {
          if (isUnwanted(outcome, request))
            return new AttemptLoop(next, request, call, budget, random).continueAfter({ outcome })
          budget.end()
          return outcome
        },
        error => new AttemptLoop(next, request, call, budget, random).continueAfter({ error }),
      )
    }
    return (given, call) => {
      if (!keepsBody(given, mayBeRefused) || memory.bytes >= memory.maxBytes) return ask(given, call)
      const body = new KeptBody(given.body!, given.route.retryBufferBytes!, memory)
      return ask({ ...given, body }, call).finally(() => body.letGo())
    }
  }
}
