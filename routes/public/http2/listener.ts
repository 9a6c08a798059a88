import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { Call } from '../../../internal/call.ts'
import { grpcDialectOf } from '../../../internal/grpc/content-type.ts'
import { refusalOfError } from '../../../internal/grpc/refusal.ts'
import { CLIENT_TLS } from '../../../internal/http/client-tls.ts'
import { GatewayError, PROBLEM_CONTENT_TYPE, problemBody } from '../../../internal/http/errors.ts'
import { MAX_HEADER_LINES } from '../../../internal/http/header-lines.ts'
import { OnceAMinute } from '../../../internal/once-a-minute.ts'
import type { ClientConnections } from '../../../middleware/connection/client-connections.ts'
import type { ParserError } from '../../../middleware/connection/client-error.ts'
import { plainAddress } from '../../../middleware/request/client-address.ts'
import { createOpenExchange, type OpenExchangeOptions } from '../../../middleware/request/open-exchange.ts'
import { createRequestIds } from '../../../middleware/request/request-id.ts'
import type { PublicProxy } from '../proxy.ts'
import { addOwnFields } from '../respond.ts'
import { mayIndexAnswer } from './answer-lines.ts'
import { ClientSession, type SessionHost } from './client-session.ts'
import type { ClientStream } from './client-stream.ts'
import type { Http2Counts, Http2EndReason } from './http2-counts.ts'
import { canTakeOver, takeOver } from './preface.ts'
import { http2Bodies } from './stream-body.ts'

/** What the listener is told about HTTP/2 alone. */
export interface Http2Settings {
  /** Requests that one connection may have in flight. */
  readonly concurrentStreams: number
  /** Bytes of one request body that a client may send before a node takes them, and of all bodies of a connection. */
  readonly streamWindowBytes: number
  readonly connectionWindowBytes: number
  /** Bytes of bodies that are held for all connections together. */
  readonly bufferedBytes: number
  /** How often a client may take requests back before their answers have begun. */
  readonly earlyResets: { readonly burst: number; readonly perSecond: number }
  /** Whether clients without TLS may speak it, by prior knowledge. */
  readonly cleartext: boolean
  readonly counts: Http2Counts
  /** Called when a connection or a stream is ended because of what its client does, at most once a minute for each reason. */
  readonly onEnded: (reason: Http2EndReason, address: string) => void
  /** Called when this Node does not let go of connections whose clients speak HTTP/2. */
  readonly onUnavailable: () => void
}

/** Limits and timeouts of connections. */
export interface ConnectionLimits {
  readonly maxHeaderBytes: number
  readonly headersTimeoutMs: number
  readonly keepAliveTimeoutMs: number
}

export interface Http2ListenerOptions
  extends Omit<OpenExchangeOptions, 'bodies' | 'httpVersion' | 'now'>,
    ConnectionLimits {
  /** After so many requests a connection is closed; 0 = no limit. */
  readonly maxRequestsPerConnection: number
  readonly proxy: PublicProxy
  readonly connections: Pick<ClientConnections, 'changeProtocol' | 'limits'>
  /** Called with requests that were refused before there was an exchange, and with the status they got. */
  readonly onRefused: (call: Call, status: number) => void
  /** Called with the connection of each request. */
  readonly onRequest: (socket: Socket) => void
  /** Called with the size of what is read from a client at once. Each read has a buffer of its own. */
  readonly onPiece: (bytes: number) => void
}

/** The HTTP/2 side of the public listener. */
export interface Http2Listener {
  /**
   * Serves the connection on which Node's parser has met what is not HTTP/1.
   *
   * @returns false when it is not HTTP/2 either: the connection was left alone
   */
  accept(error: ParserError, socket: Socket): boolean
  /** Changes the limits of connections. Those on heads hold for new ones. */
  limit(limits: ConnectionLimits): void
  /** Asks all clients for other connections, now and as soon as a new one sends a request. */
  drain(): void
  /** Ends every connection once its requests are over, and each new one at once. */
  close(): void
  /** Ends every connection at once. */
  cutOff(): void
}

/** After this silence, TCP probes whether a client is still there: one with an open stream may be silent for days. */
const TCP_KEEP_ALIVE_MS = 60_000
/** A stream's window grows up to this share of the connection's: uploads that nodes do not take leave room for others. */
const MAX_STREAM_SHARE = 0.25
const MAX_STREAM_WINDOW_BYTES = 1_048_576
/** At so many times `bufferedBytes`, requests are cancelled. */
const MOST_HELD = 2

/** Creates the HTTP/2 side of the public listener. Node's HTTP server accepts its connections. */
export function createHttp2Listener(settings: Http2Settings, options: Http2ListenerOptions): Http2Listener {
  const { counts } = settings
  const { proxy, connections, onRefused } = options
  const isAvailable = canTakeOver()
  if (!isAvailable) settings.onUnavailable()
  const sessions = new Set<ClientSession>()
  const openExchange = createOpenExchange({ ...options, bodies: http2Bodies, httpVersion: 2 })
  const newId = createRequestIds()
  const reports = new OnceAMinute<Http2EndReason>()
  let present: ConnectionLimits = options
  let isDraining = false
  let isClosing = false
  let isRelieving = false

  const host: SessionHost = {
    connectionOptions: {
      maxConcurrentStreams: settings.concurrentStreams,
      streamWindowBytes: settings.streamWindowBytes,
      maxStreamWindowBytes: Math.max(
        settings.streamWindowBytes,
        Math.min(settings.connectionWindowBytes * MAX_STREAM_SHARE, MAX_STREAM_WINDOW_BYTES),
      ),
      connectionWindowBytes: settings.connectionWindowBytes,
      get maxListBytes() {
        return present.maxHeaderBytes
      },
      maxFields: MAX_HEADER_LINES,
      mayIndex: mayIndexAnswer,
      budgets: { 'early-resets': { ...settings.earlyResets, mayFinish: 'server' } },
      now: () => performance.now(),
    },
    get limits() {
      return { ...connections.limits, headersTimeoutMs: present.headersTimeoutMs }
    },
    get keepAliveTimeoutMs() {
      return present.keepAliveTimeoutMs
    },
    maxRequestsPerConnection: options.maxRequestsPerConnection,
    serve: (stream, expectation) => proxy.serve(openExchange(stream, stream, expectation)),
    refuseLargeHead,
    onMalformed(rule, socket) {
      const error = new GatewayError('WG_BAD_REQUEST', { cause: rule })
      onRefused(unreadCall(error, socket), error.status)
    },
    onRequest: options.onRequest,
    isDraining: () => isDraining,
    onStreams(more) {
      counts.streams += more
    },
    onReset(by) {
      counts.resets[by]++
    },
    onEnded(reason, address) {
      counts.ended[reason]++
      if (reports.isDue(reason, performance.now())) settings.onEnded(reason, plainAddress(address))
    },
    onClosed: session => sessions.delete(session),
    hold(bytes) {
      counts.bufferedBytes += bytes
      if (bytes <= 0 || isRelieving || !isTooMuch()) return
      isRelieving = true
      // Not in the middle of what holds the bytes.
      setImmediate(relieve)
    },
    isOverShare: bytes =>
      counts.bufferedBytes > settings.bufferedBytes && bytes * sessions.size > settings.bufferedBytes,
  }

  /** Whether so much is held that windows and refusals, which concern what comes later, have not kept it down. */
  function isTooMuch(): boolean {
    return counts.bufferedBytes > settings.bufferedBytes * MOST_HELD
  }

  /** Cancels what is held, connection by connection, until that is little enough. */
  function relieve(): void {
    isRelieving = false
    while (isTooMuch()) {
      let largest: ClientSession | undefined
      for (const each of sessions)
        if (largest === undefined || each.heldBytes > largest.heldBytes) largest = each
      const before = counts.bufferedBytes
      largest?.cancelHeld()
      if (counts.bufferedBytes >= before) return
    }
  }

  /** Creates the call of a request whose head was never read. */
  function unreadCall(error: GatewayError, socket: ClientStream['socket']): Call {
    const call = new Call(newId(), '-', '-', performance.now())
    call.http = '2'
    call.clientAddress = plainAddress(socket.remoteAddress)
    call.tls = socket[CLIENT_TLS]
    call.errorCode = error.code
    call.failure = error.cause
    return call
  }

  function refuseLargeHead(stream: ClientStream, contentType: string | undefined): void {
    const error = new GatewayError('WG_HEADERS_TOO_LARGE')
    const call = unreadCall(error, stream.socket)
    if (contentType !== undefined && grpcDialectOf(contentType) === 'grpc') {
      const { status, lines } = refusalOfError(error)
      call.grpcStatus = status
      const headers = ['content-type', 'application/grpc', ...lines]
      addOwnFields(headers, call)
      stream.writeHead(200, headers)
      stream.end()
      onRefused(call, 200)
      return
    }
    const body = Buffer.from(problemBody(error, call.requestId))
    const headers = ['content-type', PROBLEM_CONTENT_TYPE, 'content-length', String(body.length)]
    addOwnFields(headers, call)
    stream.writeHead(error.status, headers)
    stream.end(body)
    onRefused(call, error.status)
  }

  return {
    accept(error, socket) {
      const { alpnProtocol } = socket as TLSSocket
      const maySpeak = alpnProtocol === undefined ? settings.cleartext : alpnProtocol === 'h2'
      if (!isAvailable || !maySpeak) return false
      let session: ClientSession | undefined
      const rest = takeOver(error, socket, bytes => {
        options.onPiece(bytes.length)
        session!.receive(bytes)
      })
      if (rest === undefined) return false
      session = new ClientSession(socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS), host)
      sessions.add(session)
      connections.changeProtocol(socket, session)
      if (isClosing) session.drain()
      session.receive(rest)
      return true
    },
    limit(limits) {
      present = limits
    },
    drain() {
      isDraining = true
      for (const session of sessions) session.drain()
    },
    close() {
      isClosing = true
      this.drain()
    },
    cutOff() {
      for (const session of [...sessions]) session.destroy()
    },
  }
}
