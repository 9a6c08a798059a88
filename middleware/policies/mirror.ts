import type { BodyMemory } from '../../internal/body-memory.ts'
import { Call } from '../../internal/call.ts'
import { getHeader, removeHeaders } from '../../internal/http/header-lines.ts'
import { withoutParameter } from '../../internal/http/query.ts'
import { createNodeSelection, type NodeSelector } from '../../internal/nodes/node-selection.ts'
import type { Exchange, Policy } from '../../internal/policy.ts'
import type { RequestBody, UpstreamRequest } from '../../internal/upstream.ts'
import { WholeBody } from '../../internal/whole-body.ts'
import { CopiedBody, type CopyResult } from './copied-body.ts'
import type { CredentialTools } from './credential-places.ts'
import { compileRequestChange } from './headers.ts'

export interface MirrorRule {
  readonly service: string
  /** Default: all that do not wait to be selected. */
  readonly nodes?: NodeSelector | undefined
  /** 0..100. Default: 100. */
  readonly percent?: number | undefined
  /** Default: GET and HEAD. */
  readonly methods?: readonly string[] | undefined
  /** Whether bodies are copied. Default: true. */
  readonly body?: boolean | undefined
  /** Default: 65536. */
  readonly maxBodyBytes?: number | undefined
  /** Default: 5000. */
  readonly timeoutMs?: number | undefined
  /** Copies on their way at the same time. Default: 100. */
  readonly maxInFlight?: number | undefined
  /** Whether copies carry what says who asks. Default: false. */
  readonly credentials?: boolean | undefined
  readonly headers?:
    | {
        readonly set?: Readonly<Record<string, string>> | undefined
        readonly remove?: readonly string[] | undefined
      }
    | undefined
}

/** What becomes of the copy of a request, for the metric. */
export type MirrorOutcome = 'answered' | 'failed' | 'timeout' | 'body_too_large' | 'full'

/** Sends copies of requests, beside everything that is known of nodes. */
export interface Mirrors {
  /** The memory that the bodies of all copies share. */
  readonly memory: BodyMemory
  /** How many copies are on their way, by the id of the route. A policy may be made anew before its copies are over. */
  readonly inFlight: Map<string, number>
  /** Returns whether a header carries a credential or an identity. */
  readonly isCredential: (spelling: string) => boolean
  /**
   * Sends a request to a node of its service, and reads the answer for nothing. Resolves when that is over, and never
   * rejects.
   */
  send(
    request: UpstreamRequest,
    call: Call,
    timeoutMs: number,
  ): Promise<Extract<MirrorOutcome, 'answered' | 'failed' | 'timeout'>>
}

export interface MirrorTools extends CredentialTools {
  readonly mirrors: Mirrors
  readonly mirrored: (call: Call, outcome: MirrorOutcome) => void
}

/** Says that a request is a copy. A client that sends it has its own requests not copied. */
const MARK = 'x-waygate-mirror'
const DEFAULT_METHODS = ['GET', 'HEAD']
const DEFAULT_MAX_BODY_BYTES = 65_536
const DEFAULT_TIMEOUT_MS = 5_000
const DEFAULT_MAX_IN_FLIGHT = 100
const NOT_COPIED: Readonly<Record<Exclude<CopyResult, 'whole'>, MirrorOutcome>> = {
  'too-large': 'body_too_large',
  'no-memory': 'full',
}

/**
 * Sends copies of requests to another service, whose answers nobody gets. A copy leaves when the first node has the whole
 * request, and the request has an answer or has failed, so it never delays, pauses or fails what it was copied from.
 */
export function createMirror(rule: MirrorRule, tools: MirrorTools): Policy {
  const { mirrors, mirrored } = tools
  const { tokenParameter } = tools.credentialPlaces
  const { service, percent = 100, methods = DEFAULT_METHODS, body: copiesBodies = true } = rule
  const { maxBodyBytes = DEFAULT_MAX_BODY_BYTES, timeoutMs = DEFAULT_TIMEOUT_MS } = rule
  const { maxInFlight = DEFAULT_MAX_IN_FLIGHT, credentials = false } = rule
  const nodes = rule.nodes && createNodeSelection(rule.nodes)
  const { change } = compileRequestChange(rule.headers ?? {})
  /** The requests that are to be copied. Templates need the exchange, which `around` does not get. */
  const chosen = new WeakMap<Call, Exchange>()

  function choose(exchange: Exchange): undefined {
    const { call, isWebSocket } = exchange
    const outgoing = exchange.outgoing!
    if (isWebSocket || outgoing.rpc !== undefined || !methods.includes(outgoing.method)) return
    if (Math.random() * 100 >= percent || getHeader(outgoing.headers, MARK) !== undefined) return
    chosen.set(call, exchange)
  }

  /** Sends the copy of a request that was sent to a node. */
  function send(
    request: UpstreamRequest,
    exchange: Exchange,
    body: RequestBody | null,
    letGo: () => void,
  ): void {
    const { call } = exchange
    const { id } = call.route!
    const inFlight = mirrors.inFlight.get(id) ?? 0
    if (inFlight >= maxInFlight) {
      mirrored(call, 'full')
      letGo()
      return
    }
    mirrors.inFlight.set(id, inFlight + 1)
    call.isMirrored = true
    // What the client waits for comes first.
    setImmediate(async () => {
      const outcome = await sendCopy(request, exchange, body)
      giveBack(mirrors.inFlight, id)
      letGo()
      mirrored(call, outcome)
    })
  }

  async function sendCopy(
    { route, method, target: asked, headers, body: given }: UpstreamRequest,
    exchange: Exchange,
    body: RequestBody | null,
  ): Promise<MirrorOutcome> {
    const { call } = exchange
    try {
      const hidesToken = tokenParameter !== undefined && !credentials
      const target = hidesToken ? withoutParameter(asked, tokenParameter) : asked
      const lines = copyHeaders(headers, exchange, body === null && given !== null)
      const copy: UpstreamRequest = {
        route,
        service,
        nodes,
        method,
        target,
        headers: lines,
        body,
        isCopy: true,
      }
      const own = new Call(call.requestId, method, target, performance.now())
      own.trace = call.trace
      return await mirrors.send(copy, own, timeoutMs)
    } catch {
      // Whatever is wrong with the copy, the request that it was made from is fine.
      return 'failed'
    }
  }

  function copyHeaders(given: readonly string[], exchange: Exchange, losesBody: boolean): string[] {
    const headers = [...given]
    removeHeaders(headers, spelling => {
      const name = spelling.toLowerCase()
      // The copy has no trailers.
      if (name === 'te' || name === 'trailer' || (losesBody && name.startsWith('content-'))) return true
      return !credentials && mirrors.isCredential(name)
    })
    change(headers, exchange)
    if (getHeader(headers, 'host') === undefined) headers.push('host', exchange.call.peer!.address)
    headers.push(MARK, '1')
    return headers
  }

  return {
    onAuthorized: choose,
    around: next => (request, call) => {
      const exchange = chosen.get(call)
      if (exchange === undefined) return next(request, call)
      const { body } = request
      if (body === null || !copiesBodies) {
        return after(next(request, call), call, () => send(request, exchange, null, () => {}))
      }
      if (body.length !== undefined && body.length > maxBodyBytes) {
        mirrored(call, 'body_too_large')
        return next(request, call)
      }
      const copied = new CopiedBody(body, maxBodyBytes, mirrors.memory)
      const letGo = () => copied.letGo()
      const sendCopied = () =>
        copied.whenOver(result => {
          if (result === 'whole') send(request, exchange, new WholeBody(copied.take()), letGo)
          else mirrored(call, NOT_COPIED[result])
        })
      return after(next({ ...request, body: copied }, call), call, sendCopied, letGo)
    },
  }
}

function giveBack(inFlight: Map<string, number>, id: string): void {
  const left = inFlight.get(id)! - 1
  if (left > 0) inFlight.set(id, left)
  else inFlight.delete(id)
}

/** Calls back when a request that was sent to a node has an answer or has failed, unless its client has left before. */
function after<T>(
  answer: Promise<T>,
  call: Call,
  sent: () => void,
  notSent: () => void = () => {},
): Promise<T> {
  const settled = () => {
    if (call.attempts > 0 && call.ended?.kind !== 'aborted') sent()
    else notSent()
  }
  answer.then(settled, settled)
  return answer
}
