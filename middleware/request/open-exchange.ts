import type { IncomingMessage, ServerResponse } from 'node:http'
import { Call } from '../../internal/call.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { createRequestHeadReader, type RequestHead } from '../../internal/http/request-head.ts'
import { kindOfTarget, originForm, type TargetKind } from '../../internal/http/target.ts'
import { plainAddress, realAddress } from './client-address.ts'
import { readForwarded } from './forwarded.ts'
import { createRequestIds } from './request-id.ts'

export interface OpenCallOptions {
  /** Lower-case names of headers that only the gateway may set. */
  readonly identityHeaders: Iterable<string>
  /** Longer targets are refused. */
  readonly maxTargetBytes: number
  /** Whose X-Forwarded-* headers are believed. */
  readonly isTrustedProxy: (address: string) => boolean
  /** Called once per request, first of all. */
  readonly onOpen: () => void
  /** Called once per request when its answer is over or its client has left. */
  readonly onClose: (call: Call, response: ServerResponse) => void
  readonly now?: () => number
}

/** A request that has been looked at. */
export interface OpenedCall {
  readonly call: Call
  readonly head: RequestHead
  /** Who is at the other end of the connection: the client, or the last proxy before us. */
  readonly peerAddress: string
  /** Whether that is a trusted proxy. */
  readonly isProxied: boolean
  /** Whether the path has a `%2F`, which only some routes take. */
  readonly hasEncodedSlash: boolean
  /** Why it must not be routed. */
  readonly refusal: GatewayError | undefined
}

/** Clients cannot send more lines; Node would drop the rest without a word. */
const MAX_HEADER_LINES = 256
// RFC 9110 section 7.2, without what no name needs: user info, lists and spaces are read in many ways.
const HOST = /^(?:[A-Za-z0-9._~-]*|\[[0-9A-Fa-f:.]+\])(?::\d*)?$/
const SLASH = 47
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/

/** What a client is told whose target is not plain. */
export const UNSAFE_TARGET =
  'The request target must be a plain path: no dot segments, encoded slashes, or controls.'

/**
 * The first step of every request: gives it an id and a place for what is learned about it, reads its head
 * once, and refuses what is not a request we can route.
 *
 * The call is made even for a request that is refused, so that each one is answered with an id and logged.
 */
export function createOpenCall({
  identityHeaders,
  maxTargetBytes,
  isTrustedProxy,
  onOpen,
  onClose,
  now = () => performance.now(),
}: OpenCallOptions): (request: IncomingMessage, response: ServerResponse) => OpenedCall {
  const readHead = createRequestHeadReader(identityHeaders)
  const newId = createRequestIds()

  function refusalOf(
    request: IncomingMessage,
    head: RequestHead,
    target: string,
    kind: TargetKind,
  ): GatewayError | undefined {
    if (target.length > maxTargetBytes) return new GatewayError('WG_URI_TOO_LONG')
    if (request.rawHeaders.length > MAX_HEADER_LINES * 2) return new GatewayError('WG_HEADERS_TOO_LARGE')
    if (head.hostCount > 1 || (head.hostCount === 0 && request.httpVersionMinor > 0)) {
      return new GatewayError('WG_BAD_REQUEST', { detail: 'The request must have exactly one Host header.' })
    }
    if (head.host !== undefined && !HOST.test(head.host)) {
      return new GatewayError('WG_BAD_REQUEST', { detail: 'The Host header must be a host name or address.' })
    }
    if (head.unknownEncoding || (head.chunked && request.httpVersionMinor === 0)) {
      return new GatewayError('WG_BAD_REQUEST', { detail: 'The only Transfer-Encoding accepted is chunked.' })
    }
    if (request.method === 'TRACE' || request.httpVersionMajor !== 1)
      return new GatewayError('WG_BAD_REQUEST')
    return kind === 'unsafe' ? new GatewayError('WG_BAD_REQUEST', { detail: UNSAFE_TARGET }) : undefined
  }

  function headOf({ rawHeaders }: IncomingMessage, isProxied: boolean): RequestHead {
    const head = readHead(rawHeaders)
    if (!isProxied || head.forwarded === undefined || head.forwardedFor !== undefined) return head
    return { ...head, ...readForwarded(head.forwarded, isTrustedProxy) }
  }

  return (request, response) => {
    const peerAddress = plainAddress(request.socket.remoteAddress)
    const isProxied = isTrustedProxy(peerAddress)
    const head = headOf(request, isProxied)
    const url = request.url!
    const target = url.charCodeAt(0) === SLASH ? url : (originForm(url, head.host) ?? url)
    const kind = target.length > maxTargetBytes ? 'unsafe' : kindOfTarget(target)
    const id = head.requestId !== undefined && REQUEST_ID.test(head.requestId) ? head.requestId : newId()
    const call = new Call(id, request.method!, target, now())
    call.clientAddress = isProxied ? realAddress(peerAddress, head.forwardedFor, isTrustedProxy) : peerAddress
    onOpen()
    response.on('close', () => onClose(call, response))
    return {
      call,
      head,
      peerAddress,
      isProxied,
      hasEncodedSlash: kind === 'encoded-slash',
      refusal: refusalOf(request, head, target, kind),
    }
  }
}
