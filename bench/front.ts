/**
 * Measures what the client's side of a request costs: the public listener of this checkout, the same on a route with
 * policies, on one with a rate limit and with traces, and the listeners of other checkouts, with an upstream that answers at once, or
 * when it has the whole body, written as for an HTTP/1.1 node. Everything runs in this process, clients included. The fastest of many
 * short rounds counts, so that the result is useful on a busy machine too.
 *
 *   node bench/front.ts [CHECKOUT...]
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join, resolve } from 'node:path'
import { pino } from 'pino'
import { createLimitSettings } from '../cmd/gateway/limits.ts'
import { LivePolicies } from '../cmd/gateway/live-policies.ts'
import { Settings } from '../cmd/gateway/settings.ts'
import { openTracing, type Tracing } from '../cmd/gateway/tracing.ts'
import type { Config } from '../config/schema.ts'
import type { Call, Identity } from '../internal/call.ts'
import type { Peer } from '../internal/nodes/peer.ts'
import type { Route } from '../internal/routing/route.ts'
import type { Upstream, UpstreamRequest, UpstreamResponse } from '../internal/upstream.ts'
import { PolicyCounts } from '../routes/admin/metrics/policy-metrics.ts'
import { SpanCounts } from '../routes/admin/metrics/span-metrics.ts'
import type { Http1ListenerOptions } from '../routes/public/http1/listener.ts'
import type { ProxyOptions } from '../routes/public/proxy.ts'
import { writeRequestHead } from '../wrappers/http1/request-text.ts'

const ROUNDS = 24
const REQUESTS = 12_000
const CONNECTIONS = 32
const HEAD = `/echo/x HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAuthorization: Bearer ${'x'.repeat(120)}\r\n`

/** What one row sends. */
interface Load {
  readonly name: string
  readonly bytes: Buffer
  readonly requests: number
}

const GET: Load = { name: 'GET', bytes: Buffer.from(`GET ${HEAD}\r\n`), requests: REQUESTS }
const LOADS = [GET, post('POST of 200 B', 200, REQUESTS / 2), post('POST of 1 MiB', 1_048_576, 120)]

function post(name: string, length: number, requests: number): Load {
  const bytes = Buffer.from(`POST ${HEAD}Content-Length: ${length}\r\n\r\n${'x'.repeat(length)}`)
  return { name, bytes, requests }
}
const BODY = 'x'.repeat(110)

const route: Route = {
  id: 'auto:echo',
  origin: 'auto',
  path: '/echo/*',
  service: 'echo',
  stripPrefix: '/echo',
  auth: { type: 'jwt', scopes: [], roles: [] },
  timeoutMs: 15_000,
  balancer: 'weighted-round-robin',
  priority: 0,
  preserveHost: false,
}
const identity: Identity = { subject: 'bench', headers: ['x-user-id', 'bench'], scopes: [], roles: [] }
const answer: UpstreamResponse = {
  status: 200,
  headers: ['content-type', 'application/json', 'content-length', String(BODY.length)],
  sendBody: target => void target.end(BODY, 'latin1'),
  discard: () => {},
}

/** Rules as a document might have them. */
const policies = {
  clients: [{ level: 'route', rule: { allow: ['127.0.0.0/8', '10.0.0.0/8'], deny: ['10.6.6.6'] } }],
  cors: { origins: ['https://app.example.com'] },
  requestHeaders: { set: { 'x-tenant': 'acme' } },
  responseHeaders: { set: { 'x-frame-options': 'DENY' } },
}

/** One that no client of a run exceeds. */
const limited = { rateLimit: [{ level: 'route', rule: { limit: 5_000_000, windowSeconds: 86_400 } }] }

const RATE_LIMITS = { localKeys: 100_000, expectedGateways: 1, headers: 'draft', clock: 'store' } as const

/** The node of a traced request. */
const PEER = {
  breaker: 'closed',
  node: { host: '127.0.0.1', port: 8081, service: 'echo', id: 'a', protocol: 'http' },
} as Peer
/** Bytes of heads, so that none is left out. */
let sent = 0

const NO_LIMITS = {
  bodyIdleTimeoutMs: 0,
  idleTimeoutMs: 0,
  sendIdleTimeoutMs: 0,
  minBytesPerSecond: 0,
  minRateGraceMs: 0,
}

/** @param tracing with it, the head of each request is written as for an HTTP/1.1 node, since that is told of its trace */
async function listen(checkout: string, route: Route, tracing?: Partial<Tracing>): Promise<number> {
  const load = (file: string) => import(join(checkout, file))
  const { createHttp1Listener } = await load('routes/public/http1/listener.ts')
  const { createProxy } = await load('routes/public/proxy.ts')
  const { createRespond } = await load('routes/public/respond.ts')
  const { Deadlines } = await load('middleware/request/deadlines.ts')
  const { RouteTable } = await load('internal/routing/route-table.ts')
  const table = new RouteTable([], { autoRoute: (name: string) => (name === 'echo' ? route : undefined) })
  const onInternalError = (error: unknown) => console.error(error)
  const onPiece = () => {}
  const deadlines = new Deadlines()
  const { RequestBodySender } = await load('wrappers/http1/request-body-sender.ts')
  // In a later tick, because a node never answers in the same one.
  const upstream: Upstream = (request, call) =>
    new Promise((done, fail) => {
      const { body } = request
      const answers = () => setImmediate(() => done(answer))
      if (tracing !== undefined) setImmediate(tryOnce, request, call, done)
      else if (body === null) answers()
      else new RequestBodySender(body, body.length, 1_000).start(takeBytes(body.length!, answers), '', fail)
    })
  const noMirrors = {
    memory: { bytes: 0, maxBytes: 0 },
    inFlight: new Map(),
    isCredential: () => false,
    send: async () => 'failed' as const,
  }
  const config = { rateLimits: RATE_LIMITS, workers: 1 } as Config
  const limits = createLimitSettings(new Settings({ config, keys: {} }, onInternalError), undefined)
  const plans =
    route.policies &&
    new LivePolicies({
      upstream,
      counts: new PolicyCounts(),
      limits,
      nodes: { hasAvailable: () => true },
      mirrors: noMirrors,
    })
  const respond = createRespond({ isDraining: () => false, onPiece, onInternalError })
  const serving = {
    ...{ upstream, handshake: upstream, maxBodyBytes: 0 },
    authenticators: { jwt: { challenge: 'Bearer', authenticate: () => identity, withhold: () => {} } },
  }
  const proxy = createProxy({
    routes: () => table,
    planOf: asked => plans!.planOf(asked),
    // Checkouts from before reloads have these fields among the others.
    ...{ ...serving, settings: { current: serving } },
    readRpc: () => undefined,
    ...{ deadlines, onPiece, respond },
  } satisfies ProxyOptions)
  // Checkouts from before reloads have these fields among the others.
  const startTrace = tracing?.startTrace
  const exchange = { identityHeaders: ['x-user-id'], maxTargetBytes: 8_192, startTrace }
  const { app } = createHttp1Listener({
    ...{ proxy, onPiece, ...exchange },
    settings: { current: exchange },
    isTrustedProxy: () => false,
    maxHeaderBytes: 16_384,
    headersTimeoutMs: 10_000,
    keepAliveTimeoutMs: 75_000,
    maxRequestsPerConnection: 0,
    http2: undefined,
    proxyProtocol: undefined,
    connections: {
      accept: () => true,
      awaitTls: () => {},
      secure: () => {},
      countSlowHead: () => {},
      changeProtocol: () => {},
      limits: NO_LIMITS,
    },
    onOpen: () => {},
    onUpgrade: () => {},
    onClose(closed) {
      if (closed.call.trace !== undefined) tracing?.end?.(closed, 200)
    },
    onRefused: () => {},
  } satisfies Http1ListenerOptions)
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app.server.address().port
}

/** Stands for a try on a node, which answers at once. */
function tryOnce(request: UpstreamRequest, call: Call, done: (answer: UpstreamResponse) => void): void {
  const span = call.trace?.beginTry(request, PEER, performance.now())
  sent += Buffer.from(writeRequestHead(request, '127.0.0.1:8081', span).head, 'latin1').length
  done({
    ...answer,
    sendBody(target) {
      target.end(BODY, 'latin1')
      span?.end(200, performance.now())
    },
  })
}

/** Traces requests as a gateway does, with a collector that takes all and forgets it. */
async function traced(sampleRatio: number): Promise<Tracing> {
  const collector = createServer((batch, answer) => void batch.resume().on('end', () => answer.end()))
  collector.listen(0, '127.0.0.1')
  await once(collector, 'listening')
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`
  return openTracing({
    config: {
      ...{ endpoint, sampleRatio, trust: 'trusted-proxies', alwaysErrors: true, headers: {} },
      ...{ serviceName: 'bench', resource: {} },
    } as Config['tracing'],
    ...{ version: '0', counts: new SpanCounts(), logger: pino({ level: 'warn' }), loopWaitMs: () => 0.1 },
  })
}

/** Stands for the socket of a node, which takes everything at once. */
function takeBytes(count: number, onTaken: () => void) {
  let left = count
  const nothing = () => {}
  return {
    ...{ cork: nothing, uncork: nothing, on: nothing, once: nothing, off: nothing },
    write(chunk: Buffer | string): boolean {
      left -= chunk.length
      if (left === 0 && chunk.length > 0) onTaken()
      return true
    },
  }
}

/** Sends the requests of a load. Each connection sends its next one when it has its answer. */
function run(port: number, { bytes, requests }: Load): Promise<void> {
  return new Promise((done, fail) => {
    let left = requests
    let open = CONNECTIONS
    for (let i = 0; i < CONNECTIONS; i++) {
      const client = connect(port, '127.0.0.1', () => client.write(bytes)).setNoDelay(true)
      client.on('data', chunk => {
        if (!chunk.toString('latin1').startsWith('HTTP/1.1 200 ')) fail(new Error(String(chunk)))
        else if (--left > 0) client.write(bytes)
        else client.destroy()
      })
      client.on('close', () => {
        if (--open === 0) done()
      })
    }
  })
}

const own = join(import.meta.dirname, '..')
const measured: { name: string; port: number; load: Load; micros: number[] }[] = []
for (const checkout of [own, ...process.argv.slice(2).map(path => resolve(path))]) {
  const port = await listen(checkout, route)
  for (const load of LOADS) measured.push({ name: `${load.name}, ${checkout}`, port, load, micros: [] })
}
for (const [what, rules] of Object.entries({ policies, 'a rate limit': limited })) {
  const port = await listen(own, { ...route, policies: rules })
  measured.push({ name: `${GET.name} with ${what}, ${own}`, port, load: GET, micros: [] })
}
const traces = {
  'written for a node': {},
  'written for a node, one of a hundred traced': await traced(0.01),
  'written for a node, all traced': await traced(1),
}
for (const [what, tracing] of Object.entries(traces))
  measured.push({
    ...{ name: `${GET.name} ${what}, ${own}`, port: await listen(own, route, tracing) },
    ...{ load: GET, micros: [] },
  })
for (let round = 0; round < ROUNDS; round++) {
  for (const { port, load, micros } of measured) {
    const before = process.cpuUsage()
    await run(port, load)
    const { user, system } = process.cpuUsage(before)
    micros.push((user + system) / load.requests)
  }
}
for (const { name, micros } of measured.sort((a, b) => a.load.bytes.length - b.load.bytes.length)) {
  const [least] = micros.sort((a, b) => a - b)
  console.log(`${least!.toFixed(2)} µs per request, client included  ${name}`)
}
process.exit(sent > 0 ? 0 : 1)
