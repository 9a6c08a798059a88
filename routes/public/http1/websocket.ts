import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import httpProxy from '@fastify/http-proxy'
import type { FastifyInstance } from 'fastify'
import type { Call } from '../../../internal/call.ts'
import type { NodeConnection, Upstream } from '../../../internal/upstream.ts'
import { Deadlines } from '../../../middleware/request/deadlines.ts'
import type { OpenedCall } from '../../../middleware/request/open-exchange.ts'
import { outgoingHeaders, outgoingTarget } from '../outgoing-request.ts'
import type { Refuse } from '../respond.ts'
import { type End, holdBack, passBareClose, readWhenOpen } from './websocket-ends.ts'

export interface WebSocketOptions {
  readonly openCall: (request: IncomingMessage, response: ServerResponse) => OpenedCall
  /** @throws GatewayError why the request must not go to a node */
  readonly admit: (opened: OpenedCall) => Promise<void> | undefined
  readonly refuse: Refuse
  /** The way to a connection to a node: balancing, breaker, retries. */
  readonly connect: Upstream<NodeConnection>
  /** Told when a node is asked to agree. */
  readonly onUpgrade: () => void
  /** The largest message; 0 = 100 MiB, since a message is held whole. */
  readonly maxBodyBytes: number
}

/** An upgrade on its way through the plugin, and what it becomes. */
interface Link {
  readonly call: Call
  readonly client: Socket
  readonly node: Socket
  readonly target: string
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  /** Called when the node has agreed. */
  readonly onOpen: () => void
}

const GOING_AWAY = 1001
const LEAVING = 'going away'
/** How long a connection is silent before the system asks whether the other side is still there. */
const KEEP_ALIVE_MS = 60_000

/**
 * Puts @fastify/http-proxy at `/` of the public listener, for WebSockets. A handshake passes what every request
 * passes; then a node is connected to, so that an unreachable one is refused or avoided while that can still
 * be said in HTTP; and then the plugin accepts the client, makes its own handshake on that connection, and
 * passes messages.
 *
 * The plugin accepts before it has asked the node: a node that does not agree is a close frame with 1011.
 *
 * @returns what breaks off every WebSocket that is still there
 */
export function mountWebSockets(
  app: FastifyInstance,
  { openCall, admit, refuse, connect, onUpgrade, maxBodyBytes }: WebSocketOptions,
): () => void {
  const deadlines = new Deadlines()
  const clients = new Set<Socket>()
  const accepted = new Set<End>()
  const links = new WeakMap<End, Link>()
  let isLeaving = false
  /** What the plugin is to take up next, which it does before `done` in its preHandler returns. */
  let handed: Link | undefined

  async function begin(
    request: IncomingMessage,
    response: ServerResponse,
    opened: OpenedCall,
  ): Promise<Link> {
    await admit(opened)
    const { call } = opened
    const route = call.route!
    const target = outgoingTarget(opened)
    const headers = outgoingHeaders(opened)
    const deadline = deadlines.start(call, route.timeoutMs)
    response.once('close', () => deadline.clear())
    const { socket } = await connect(
      { route, service: route.service, method: call.method, target, headers, body: null },
      call,
    )
    return {
      call,
      client: request.socket,
      node: socket,
      target,
      headers: headerRecord(headers),
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
      // Node takes its own error listener away with the upgrade; and who vanishes sends nothing to notice it by.
      client.on('error', () => {}).once('close', () => clients.delete(client))
      client.setKeepAlive(true, KEEP_ALIVE_MS)
      reply.raw.shouldKeepAlive = false
      const opened = openCall(raw, reply.raw)
      begin(raw, reply.raw, opened).then(
        link => {
          // The plugin would put its own spelling of the target together from it.
          raw.url = '/'
          handed = link
          done()
          if (handed === undefined) return
          // It could not: the client has gone, or we are about to.
          handed = undefined
          link.node.destroy()
          client.destroySoon()
        },
        error => {
          reply.hijack()
          refuse(error, reply.raw, opened.call)
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
        // The node has agreed only now, and goodbye was said without it.
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

/** Notes what becomes of the handshake with the node. */
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
      // From here on the two ends say goodbye to each other.
      call.current = undefined
      target.off('error', fail)
    })
    .once('error', fail)
    .once('unexpected-response', (_request, { statusCode }: IncomingMessage) => {
      call.failure = new Error(`the node answered ${statusCode} to the handshake`)
      target.terminate()
    })
}

/** Header lines as an object, without those of a handshake, which each of the two makes for itself. */
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
