import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import httpProxy from '@fastify/http-proxy'
import type { FastifyInstance } from 'fastify'
import type { Call } from '../../../internal/call.ts'
import type { Exchange } from '../../../internal/policy.ts'
import type { FreshConnection, Upstream } from '../../../internal/upstream.ts'
import type { Deadlines } from '../../../middleware/request/deadlines.ts'
import type { OpenExchange } from '../../../middleware/request/open-exchange.ts'
import { completeHeaders } from '../outgoing-request.ts'
import type { PublicProxy } from '../proxy.ts'
import type { Respond } from '../respond.ts'
import { Http1Response } from './response.ts'
import { type End, holdBack, passBareClose, readWhenOpen } from './websocket-ends.ts'

export interface WebSocketOptions {
  readonly openExchange: OpenExchange
  readonly proxy: Pick<PublicProxy, 'admit'>
  readonly respond: Respond
  readonly deadlines: Deadlines
  /** Opens a connection to a node, with balancing, circuit breaker and retries. */
  readonly connect: Upstream<FreshConnection>
  /** Called when the handshake is sent to a node. */
  readonly onUpgrade: () => void
  /** The largest message, in bytes; 0 = 100 MiB, because a message is held whole. */
  readonly maxBodyBytes: number
}

/** A handshake on its way through the plugin, and the WebSocket it becomes. */
interface Link {
  readonly call: Call
  readonly client: Socket
  readonly node: Socket
  readonly target: string
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  /** Called when the node has accepted the handshake. */
  readonly onOpen: () => void
}

const GOING_AWAY = 1001
const LEAVING = 'going away'
/** After this silence, the operating system probes whether the other side is still there. */
const KEEP_ALIVE_MS = 60_000

/**
 * Mounts @fastify/http-proxy at `/` for WebSockets. A handshake first passes the same steps as a plain request. Then the
 * gateway opens a connection to a node. If that fails, another node is tried or the handshake is refused, and the refusal
 * can still be an HTTP answer. At last the plugin accepts the client, makes its own handshake on that connection, and passes
 * messages.
 *
 * The plugin accepts the client before it asks the node. If the node refuses, the client gets a close frame with 1011.
 *
 * @returns a function that ends every open WebSocket at once
 */
export function mountWebSockets(
  app: FastifyInstance,
  { openExchange, proxy, respond, deadlines, connect, onUpgrade, maxBodyBytes }: WebSocketOptions,
): () => void {
  const clients = new Set<Socket>()
  const accepted = new Set<End>()
  const links = new WeakMap<End, Link>()
  let isLeaving = false
  /** The link that the plugin takes next, before `done` in its preHandler returns. */
  let handed: Link | undefined

  /** Returns undefined when a policy has answered the handshake. */
  async function begin(
    client: Socket,
    response: Http1Response,
    exchange: Exchange,
  ): Promise<Link | undefined> {
    const answer = await proxy.admit(exchange)
    if (answer) {
      respond.answer(exchange, answer, 'gateway')
      return undefined
    }
    const { call } = exchange
    const outgoing = exchange.outgoing!
    completeHeaders(exchange)
    const deadline = deadlines.start(call, outgoing.route.timeoutMs)
    response.once('close', () => deadline.clear())
    const { socket } = await connect(outgoing, call)
    return {
      call,
      client,
      node: socket,
      target: outgoing.target,
      headers: headerRecord(outgoing.headers),
      onOpen: () => deadline.clear(),
    }
  }

  app.register(httpProxy, {
    prefix: '/',
    httpMethods: ['GET'],
    websocket: true,
    upstream: '',
    replyOptions: { getUpstream: () => `http://${handed!.call.peer!.address}` },
    preHandler: (request, reply, done) => {
      const { raw } = request
      const client = raw.socket
      clients.add(client)
      // Node removes its own error listener with the upgrade, and a client that vanishes sends nothing.
      client.on('error', () => {}).once('close', () => clients.delete(client))
      client.setKeepAlive(true, KEEP_ALIVE_MS)
      const response = Http1Response.adopt(reply.raw)
      response.closeAfter()
      const exchange = openExchange(raw, response, 'none', true)
      begin(client, response, exchange).then(
        link => {
          if (link === undefined) {
            reply.hijack()
            return
          }
          // The plugin would build its own spelling of the target from the URL.
          raw.url = '/'
          handed = link
          done()
          if (handed === undefined) return
          // The plugin did not take the link, because the client has gone or the listener is closing.
          handed = undefined
          link.node.destroy()
          client.destroySoon()
        },
        error => {
          reply.hijack()
          respond.refuse(exchange, error)
        },
      )
    },
    wsServerOptions: { autoPong: false, ...(maxBodyBytes > 0 && { maxPayload: maxBodyBytes }) },
    wsClientOptions: {
      autoPong: false,
      perMessageDeflate: false,
      ...(maxBodyBytes > 0 && { maxPayload: maxBodyBytes }),
      rewriteRequestHeaders: () => handed!.headers,
      createConnection: () => handed!.node,
      finishRequest: (request: ClientRequest, target: End) => {
        const link = handed!
        handed = undefined
        links.set(target, link)
        readWhenOpen(link.client, target)
        watch(target, link)
        onUpgrade()
        request.path = link.target
        request.end()
      },
    },
    wsHooks: {
      onConnect: (_context, source: End, target: End) => {
        accepted.add(source)
        source.once('close', () => accepted.delete(source))
        passBareClose(source, target)
        passBareClose(target, source)
        const { client, node } = links.get(target)!
        holdBack(source, node)
        holdBack(target, client)
        // The close frames of a shutdown were sent before the node accepted.
        if (isLeaving) source.close(GOING_AWAY, LEAVING)
      },
    },
  })
  app.addHook('preClose', done => {
    isLeaving = true
    for (const source of accepted) source.close(GOING_AWAY, LEAVING)
    done()
  })
  return () => {
    for (const client of clients) client.destroy()
  }
}

/** Records the outcome of the handshake with the node in its call. */
function watch(target: End, { call, onOpen }: Link): void {
  call.upgraded = true
  const fail = (reason: unknown) => {
    if (call.ended?.kind === 'aborted') return
    call.failure ??= reason
    call.peer!.failures++
  }
  target
    .once('open', () => {
      onOpen()
      // From here on the two ends close each other.
      call.current = undefined
      target.off('error', fail)
    })
    .once('error', fail)
    .once('unexpected-response', (_request, { statusCode }: IncomingMessage) => {
      call.failure = new Error(`the node answered ${statusCode} to the handshake`)
      target.terminate()
    })
}

/** Returns header lines as an object, without the handshake fields, which each side creates itself. */
function headerRecord(lines: readonly string[]): Record<string, string | readonly string[]> {
  const values = new Map<string, string[]>()
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!.toLowerCase()
    if (name.startsWith('sec-websocket-')) continue
    const known = values.get(name)
    if (known) known.push(lines[i + 1]!)
    else values.set(name, [lines[i + 1]!])
  }
  return Object.fromEntries([...values].map(([name, list]) => [name, list.length === 1 ? list[0]! : list]))
}
