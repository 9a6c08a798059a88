import type { Exchange, Policy } from '../../internal/policy.ts'
import type { UpstreamResponse } from '../../internal/upstream.ts'
import { createWholeResponse } from '../../internal/whole-response.ts'
import { compileWritten, type WrittenRule } from './written-answer.ts'

/** An answer that is written in a route document. */
export interface FixedAnswerRule extends WrittenRule {
  /** Default: 200. */
  readonly status?: number | undefined
  /** How long the client waits for it. Default: 0. */
  readonly delayMs?: number | undefined
}

export interface MockRule extends FixedAnswerRule {
  /** How many of a hundred requests are answered so. Default: 100. */
  readonly percent?: number | undefined
}

export interface FixedAnswerTools {
  readonly delays: Delays
}

const MAX_DELAYS = 10_000

/** Lets answers wait, so many at a time. One that comes when there is no place for it does not wait. */
export class Delays {
  readonly #max: number
  #waiting = 0

  constructor(max = MAX_DELAYS) {
    this.#max = max
  }

  /**
   * Resolves when the time is over, or the client leaves. Returns undefined when there is no place to wait, or the client
   * has left before.
   */
  wait(ms: number, { response }: Exchange): Promise<void> | undefined {
    if (response.destroyed || this.#waiting >= this.#max) return undefined
    this.#waiting++
    return new Promise(resolve => {
      const timer = setTimeout(end, ms)
      response.once('close', end)
      const free = () => this.#waiting--
      let isOver = false
      function end(): void {
        if (isOver) return
        isOver = true
        clearTimeout(timer)
        free()
        resolve()
      }
    })
  }
}

/** Answers a share of the requests in place of the node. WebSockets reach the node. */
export function createMock(rule: MockRule, tools: FixedAnswerTools): Policy {
  const { percent = 100 } = rule
  const answer = compileAnswer(rule, tools.delays)
  return {
    onAuthorized: exchange => {
      // Of a request that is only asked about, nothing is left to chance.
      const isMissed = exchange.isDry ? percent < 100 : Math.random() * 100 >= percent
      if (exchange.isWebSocket || isMissed) return undefined
      return answer(exchange)
    },
  }
}

/** Answers every request of a route, after authentication. */
export function createFixedAnswer(rule: FixedAnswerRule, { delays }: FixedAnswerTools): Policy {
  return { onAuthorized: compileAnswer(rule, delays) }
}

function compileAnswer(
  rule: FixedAnswerRule,
  delays: Delays,
): (exchange: Exchange) => UpstreamResponse | Promise<UpstreamResponse> {
  const { delayMs = 0 } = rule
  const make = compileResponse(rule)
  if (delayMs === 0) return make
  return exchange => {
    const response = make(exchange)
    if (exchange.isDry) return response
    return delays.wait(delayMs, exchange)?.then(() => response) ?? response
  }
}

/** The function that it returns throws a GatewayError for a body that becomes too long. */
function compileResponse(rule: FixedAnswerRule): (exchange: Exchange) => UpstreamResponse {
  const { status = 200, template } = rule
  const write = compileWritten(rule)
  const respond = (exchange: Exchange) => {
    const { headers, body = NO_BODY } = write(exchange)
    return createWholeResponse(status, [...headers, ...MARK], body)
  }
  if (template) return respond
  let response: UpstreamResponse | undefined
  return exchange => {
    response ??= respond(exchange)
    return response
  }
}

const NO_BODY = Buffer.alloc(0)
/** Tells clients that no node has answered. */
const MARK = ['x-waygate-mock', '1']
