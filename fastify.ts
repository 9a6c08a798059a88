/**
 * The part of Waygate for Fastify applications, imported as `waygate/fastify`: the default export registers a server as a
 * node, and `waygateProxy` forwards a part of its paths to the nodes of another service.
 */
import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest, preHandlerHookHandler } from 'fastify'
import { type DiscoverOptions, discover } from './discovery/discover.ts'
import { ProxiedPeer } from './fastify/proxied-peer.ts'
import { followHandshake, kindOf, type NodeSocket, ProxiedTry } from './fastify/proxied-try.ts'
import { GatewayError, PROBLEM_CONTENT_TYPE, problemBody } from './internal/http/errors.ts'
import { FailingRequests } from './internal/nodes/failing-requests.ts'
import { speaksPlainHttp1 } from './internal/nodes/node.ts'
import { NodeTable, type PeerGroup } from './internal/nodes/node-table.ts'
import type { Peer } from './internal/nodes/peer.ts'
import { noNodeError, readmitEjected } from './wrappers/balance/no-node.ts'
import type { CircuitBreakerOptions } from './wrappers/breaker/circuit-breaker-options.ts'
import { isRepeatable } from './wrappers/retry/retry-rules.ts'

export { type WaygatePluginOptions, waygate, waygate as default } from './discovery/fastify-plugin.ts'

export interface WaygateProxyOptions extends Omit<DiscoverOptions, 'signal' | 'logger'> {
  /** The service whose nodes get the requests. */
  readonly service: string
  /** The path below which requests are forwarded, such as `/user`. The nodes do not see it. */
  readonly prefix: string
  /** What the nodes see in place of `prefix`. Default `/`. */
  readonly rewritePrefix?: string | undefined
  /** Settings of the circuit breaker of each node. Default: those of the gateway. */
  readonly breaker?: Partial<CircuitBreakerOptions> | undefined
  /** How often a request without a body is sent to another node after a node failed. Default 1. */
  readonly retries?: number | undefined
  /** Milliseconds that a node may take until the head of its answer. Default 15,000. */
  readonly timeoutMs?: number | undefined
  /** Whether WebSockets are forwarded as well. Default true. */
  readonly websocket?: boolean | undefined
  /** Runs before a request is forwarded, for example to authenticate it. */
  readonly preHandler?: preHandlerHookHandler | undefined
}

/** The defaults of the gateway, whose configuration this file may not import. A test compares them. */
const BREAKER: CircuitBreakerOptions = {
  failureRatio: 0.5,
  minimumRequests: 10,
  windowMs: 10_000,
  openMs: 5_000,
  maxOpenMs: 30_000,
}
const TIMEOUT_MS = 15_000
const CONNECT_TIMEOUT_MS = 5_000
/** With a higher status, Fastify sends no answer. */
const MAX_STATUS = 599
/** The error of @fastify/reply-from for an answer with such a status. */
const BAD_STATUS = 'FST_REPLY_FROM_BAD_GATEWAY'

/**
 * Forwards all requests below a prefix to the nodes of a service in etcd, by weighted round-robin and with a circuit
 * breaker for each node: `app.register(waygateProxy, { service: 'user', prefix: '/user' })`.
 *
 * The server starts while etcd is unreachable, and answers 503 until the first list of nodes has arrived. Errors are
 * problem documents like those of the gateway. Authentication, limits and logging are the application's, by its hooks. Nodes
 * get `x-forwarded-for`, `-proto`, `-host` and `x-request-id` as Fastify sees the request; all other headers pass as the
 * client sent them, so the application must remove those that its nodes trust. @fastify/http-proxy accepts a WebSocket
 * before it asks the node, so a node that refuses shows as a close with 1011.
 */
export async function waygateProxy(app: FastifyInstance, options: WaygateProxyOptions): Promise<void> {
  const { service: name, prefix: _, rewritePrefix = '/', breaker, preHandler, ...others } = options
  const { retries = 1, timeoutMs = TIMEOUT_MS, websocket = true, ...access } = others
  const circuit = { ...BREAKER, ...breaker }
  const failing = new FailingRequests()
  const table = new NodeTable(node => new ProxiedPeer(node, { circuit, failing, peers, timeoutMs }))
  const triesOf = new WeakMap<object, ProxiedTry[]>()
  /** The try whose WebSocket the plugin connects in the same turn. */
  let connecting: ProxiedTry | undefined

  /** Nodes that wait to be selected get nothing: there is no route here that could select them. */
  function group(): PeerGroup | undefined {
    return table.get(name)?.select(undefined)
  }

  function peers(): readonly Peer[] {
    return group()?.peers ?? []
  }

  /** Whether there is a node that the request was not sent to yet. */
  function hasAnother(tries: readonly ProxiedTry[]): boolean {
    return peers().some(other => other.available() && !tries.some(({ peer }) => peer === other))
  }

  /** Chooses a node that the request was not sent to yet. */
  function begin(request: FastifyRequest): ProxiedTry {
    const tries = triesOf.get(request.raw) ?? []
    const tried = tries.map(each => each.peer)
    const peer = group()?.balancer('weighted-round-robin').pick(peers(), { tried })
    if (!peer) throw noNodeError(peers())
    const begun = new ProxiedTry(peer as ProxiedPeer, request)
    triesOf.set(request.raw, [...tries, begun])
    return begun
  }

  /** Returns the origin of the node that the request goes to next. */
  function toNode(request: unknown): string {
    connecting = begin(request as FastifyRequest)
    return `http://${connecting.peer.address}`
  }

  /** Passes the answer of a node on, unless it has a status that does not exist. */
  function onResponse(
    request: FastifyRequest,
    reply: FastifyReply,
    { headers, statusCode, stream }: NodeAnswer,
  ) {
    const current = triesOf.get(request.raw)!.at(-1)!
    if (statusCode <= MAX_STATUS) {
      current.answer(statusCode)
      reply.send(stream)
      return
    }
    stream.destroy()
    // The plugin has copied them.
    for (const name of Object.keys(headers)) reply.removeHeader(name)
    current.fail('invalid')
    reply.send(new GatewayError('WG_UPSTREAM_UNREACHABLE'))
  }

  function onError(
    reply: FastifyReply,
    { error }: { error: NodeJS.ErrnoException },
    again: () => void,
  ): void {
    // Such an answer comes to onResponse as well.
    if (error.code === BAD_STATUS) return
    const { request } = reply
    const tries = triesOf.get(request.raw)!
    const current = tries.at(-1)!
    const kind = kindOf(error)
    current.fail(kind)
    // After a timeout there would be no time left for another node.
    const mayRepeat = kind !== 'timeout' && isRepeatable({ kind }, request)
    const hasBody = request.body !== undefined && request.body !== null
    const isWanted = !reply.raw.destroyed
    if (isWanted && mayRepeat && !hasBody && tries.length <= retries && hasAnother(tries)) again()
    else {
      const code = kind === 'timeout' ? 'WG_UPSTREAM_TIMEOUT' : 'WG_UPSTREAM_UNREACHABLE'
      reply.send(new GatewayError(code, { cause: error }))
    }
  }

  follow(app, table, name, access)
  app.setErrorHandler((error, request, reply) => {
    if (!(error instanceof GatewayError)) throw error
    reply
      .code(error.status)
      .headers(error.headers ?? {})
      .type(PROBLEM_CONTENT_TYPE)
    // Of a text, Fastify would declare a charset.
    return reply.send(Buffer.from(problemBody(error, request.id)))
  })
  if (preHandler) app.addHook('preHandler', preHandler)
  app.addHook('preHandler', async (request, reply) => {
    // Its client has left meanwhile, so nothing would end a try.
    if (reply.raw.destroyed) {
      reply.hijack()
      return
    }
    // A WebSocket would be accepted before its node is chosen.
    if (!peers().some(peer => peer.available()) && !readmitEjected(peers())) throw noNodeError(peers())
    // The plugin may refuse a request after its node was chosen.
    reply.raw.once('close', () => triesOf.get(request.raw)?.at(-1)?.end())
  })

  // Fastify would read bodies of text whole, up to its bodyLimit; the proxy adds a parser that passes all bodies on.
  app.removeAllContentTypeParsers()
  // Services that only register themselves do not load the plugin and its HTTP client.
  const { default: httpProxy } = await import('@fastify/http-proxy')
  await app.register(httpProxy, {
    upstream: '',
    rewritePrefix,
    disableRequestLogging: true,
    undici: { headersTimeout: timeoutMs, connectTimeout: Math.min(timeoutMs, CONNECT_TIMEOUT_MS) },
    handler(request, reply, target, hooks) {
      const send = (origin: string): FastifyReply =>
        reply.from(target, {
          ...hooks,
          getUpstream: () => origin,
          onError: (_reply, failure) => onError(reply, failure, () => void send(toNode(request))),
        })
      // The plugin has called toNode for the first try, and returns its result here.
      return send(hooks.getUpstream!(request, ''))
    },
    replyOptions: {
      // Otherwise a GET that is answered 503 is sent up to ten times.
      retryDelay: () => null,
      getUpstream: toNode,
      // Behind a Content-Length, Node takes the bytes of a Content-Disposition for UTF-8, and writes them as Latin-1.
      rewriteHeaders: ({ 'content-length': length, ...headers }) =>
        length === undefined ? headers : { ...headers, 'content-length': length },
      rewriteRequestHeaders: (request, headers) => ({ ...headers, ...forwarded(request as FastifyRequest) }),
      onResponse: (request, reply, response) =>
        onResponse(request as FastifyRequest, reply as FastifyReply, response as unknown as NodeAnswer),
    },
    ...(websocket && {
      websocket,
      wsClientOptions: {
        handshakeTimeout: timeoutMs,
        rewriteRequestHeaders: (_headers: object, request: FastifyRequest) => ({
          ...withoutHandshake(request.headers),
          ...forwarded(request),
        }),
        finishRequest(handshake: { end(): void }, target: NodeSocket) {
          followHandshake(connecting!, target)
          handshake.end()
        },
      },
    }),
  })
}

/** Keeps a table equal to the HTTP/1.1 nodes of a service in etcd until the server closes. */
function follow(app: FastifyInstance, table: NodeTable, name: string, access: DiscoverOptions): void {
  const stop = new AbortController()
  const following = discover(name, { ...access, logger: app.log, signal: stop.signal })
  following.then(
    service => {
      service.onChange(nodes => table.set(name, nodes.filter(speaksPlainHttp1)))
      table.set(name, service.nodes.filter(speaksPlainHttp1))
    },
    error => {
      if (!stop.signal.aborted) app.log.error({ err: error, service: name }, 'following the service failed')
    },
  )
  app.addHook('onClose', async () => {
    stop.abort()
    await following.then(service => service.close()).catch(() => {})
    table.clear()
  })
}

/** The answer of a node, as @fastify/reply-from gives it. */
interface NodeAnswer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly stream: Readable
}

function forwarded(request: FastifyRequest): Record<string, string> {
  return {
    'x-forwarded-for': request.ips?.toReversed().join(', ') ?? request.ip,
    'x-forwarded-proto': request.protocol,
    'x-forwarded-host': request.host,
    'x-request-id': request.id,
  }
}

/** Leaves out what each side of a WebSocket's handshake sets itself. */
function withoutHandshake(headers: FastifyRequest['headers']): FastifyRequest['headers'] {
  const own = (name: string) => name.startsWith('sec-websocket-') || HANDSHAKE.has(name)
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !own(name)))
}
const HANDSHAKE: ReadonlySet<string> = new Set(['connection', 'upgrade', 'host'])
