import assert from 'node:assert/strict'
import { type ClientHttp2Session, connect } from 'node:http2'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startTestGateway } from './gateway.ts'
import { type Http2Node, type Http2NodeRequest, startHttp2Node } from './http2-node.ts'
import { callOnce, runUnaryLoad, type UnaryReport } from './unary-load.ts'
import { until, untilSteady } from './until.ts'

/*
 * What may happen to gRPC calls because connections to nodes are shared. Each scene has a short version in test/e2e and a
 * long one in test/faults.
 */

const ROUTES = { calls: { path: '/t.Calls/*', service: 'calls', auth: 'none', timeoutMs: 60_000 } }
const GRPC = { ':status': 200, 'content-type': 'application/grpc' }
const MESSAGE = Buffer.alloc(5)

/** Starts a gateway in front of nodes of node:http2 that speak gRPC. */
async function startCalls(t: TestContext, count: number, answer: (request: Http2NodeRequest) => void) {
  const serve = (request: Http2NodeRequest) => {
    // The gateway asks for reflection as well.
    if (String(request.headers[':path']).startsWith('/t.Calls/')) answer(request)
    else request.stream.respond({ ...GRPC, 'grpc-status': '12' }, { endStream: true })
  }
  const nodes = await Promise.all(Array.from({ length: count }, () => startHttp2Node(t, serve)))
  const gateway = await startTestGateway(t, {
    routes: ROUTES,
    // The clients, the nodes and the gateway share a process, so the length of its turns says nothing.
    config: { accessLog: false, overload: { loopDelayMs: 0 } },
  })
  for (const [i, { port }] of nodes.entries()) {
    const node = { service: 'calls', id: `n${i}`, host: '127.0.0.1', port, weight: 1 }
    await gateway.registry.register({ ...node, protocol: 'grpc' })
  }
  await until('the nodes are known', () => gateway.gateway.nodeCount() === count)
  return { gateway, nodes }
}

/** Answers a unary call with status 0. */
function answerUnary({ stream }: Http2NodeRequest): void {
  stream.respond(GRPC, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.end(MESSAGE)
}

/**
 * A connection carries at least so many calls before its GOAWAY. At 5,000 calls a second on three nodes, it would be 83 in
 * 50 ms. On a busy machine it could be none, and a node that never takes a call cannot be made to.
 */
const CALLS_BEFORE_GOAWAY = 50

export interface GoawayOptions {
  /** One is the hardest case: what it refuses can be repeated nowhere else. */
  readonly nodes: number
  readonly connections: number
  readonly streams: number
  readonly durationMs: number
  /** How often every connection of every node gets a graceful GOAWAY. */
  readonly everyMs: number
}

/**
 * Lets nodes end their connections gracefully again and again under calls that may not be repeated. Checks that none fails,
 * and that no node sees a call that another one, or the same, has seen.
 */
export async function callUnderGoaway(
  t: TestContext,
  options: GoawayOptions,
): Promise<UnaryReport & { goaways: number }> {
  const seen = new Map<string, number>()
  const carried = new Map<unknown, number>()
  const { gateway, nodes } = await startCalls(t, options.nodes, request => {
    const id = String(request.headers['x-call'])
    seen.set(id, (seen.get(id) ?? 0) + 1)
    const { session } = request.stream
    carried.set(session, (carried.get(session) ?? 0) + 1)
    answerUnary(request)
  })
  let goaways = 0
  const timer = setInterval(() => {
    for (const { sessions } of nodes) {
      for (const session of sessions) {
        if (session.closed || session.destroyed) continue
        if ((carried.get(session) ?? 0) < CALLS_BEFORE_GOAWAY) continue
        goaways++
        session.close()
      }
    }
  }, options.everyMs)
  const report = await runUnaryLoad({ port: gateway.port, path: '/t.Calls/Get', ...options })
  clearInterval(timer)
  assert.deepEqual(report.failures, [])
  assert.ok(goaways > 0, `${goaways} GOAWAY frames`)
  assert.deepEqual(
    [...seen].filter(([, times]) => times > 1),
    [],
  )
  return { ...report, goaways }
}

export interface CancelOptions {
  readonly cancelled: number
  readonly durationMs: number
}

/**
 * Lets clients give calls up beside ten long ones, on nodes whose guard against rapid resets ends the connection with all
 * of its calls. Checks that the long calls are whole, and that no node has sent a GOAWAY.
 */
export async function cancelBesideLongCalls(
  t: TestContext,
  { cancelled, durationMs }: CancelOptions,
): Promise<void> {
  const { gateway, nodes } = await startCalls(t, 2, ({ stream, headers }) => {
    if (headers[':path'] !== '/t.Calls/Long') return
    stream.respond(GRPC, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.write(MESSAGE)
  })
  const client = connect(`http://127.0.0.1:${gateway.port}`)
  t.after(() => client.destroy())
  const long = Array.from({ length: 10 }, (_, i) => callOnce(client, '/t.Calls/Long', `long-${i}`))
  await until('the long calls have begun', () => longStreams(nodes).length === 10)
  const rounds = 50
  for (let round = 0; round < rounds; round++) {
    // Connections of their own, since the gateway, too, guards itself against rapid resets.
    const leaving = connect(`http://127.0.0.1:${gateway.port}`)
    leaving.on('error', () => {})
    for (let i = 0; i < cancelled / rounds; i++)
      void callOnce(leaving, '/t.Calls/Short', `short-${round}-${i}`)
    await delay(durationMs / rounds)
    leaving.destroy()
  }
  for (const { stream } of longStreams(nodes)) stream.end()
  assert.deepEqual(await Promise.all(long), new Array(10).fill('0'))
  assert.deepEqual(
    nodes.flatMap(({ errors }) => errors),
    [],
  )
}

function longStreams(nodes: readonly Http2Node[]): Http2NodeRequest[] {
  return nodes.flatMap(({ requests }) =>
    requests.filter(({ headers }) => headers[':path'] === '/t.Calls/Long'),
  )
}

export interface StalledOptions {
  /** Clients that read nothing. */
  readonly stalled: number
  /** Calls of the others in a second, 100 at a time. */
  readonly perSecond: number
  /** How long each round lasts, with and without those that read nothing. */
  readonly durationMs: number
  readonly rounds: number
}

export interface StalledReport {
  readonly calls: number
  /** 99th percentiles of the others, milliseconds: one a round. */
  readonly alone: readonly number[]
  readonly beside: readonly number[]
  /** The most that the node could send to those that read nothing. */
  readonly heldBytes: number
}

/**
 * Lets clients read nothing of long answers beside others that do, all of one node. Checks that the others are served, and
 * returns how long their calls took with and without them, and the bytes that the stalled ones hold.
 */
export async function callBesideStalled(t: TestContext, options: StalledOptions): Promise<StalledReport> {
  let sentToStalled = 0
  const { gateway } = await startCalls(t, 1, request => {
    const { stream, headers } = request
    if (headers[':path'] !== '/t.Calls/Stream') {
      answerUnary(request)
      return
    }
    stream.respond(GRPC)
    const send = () => {
      while (stream.write(Buffer.alloc(16_384))) sentToStalled += 16_384
      sentToStalled += 16_384
      stream.once('drain', send)
    }
    send()
  })
  const load = { port: gateway.port, path: '/t.Calls/Get', connections: 10, streams: 10, ...options }
  const p99s: { readonly alone: number[]; readonly beside: number[] } = { alone: [], beside: [] }
  let calls = 0
  const measure = async (into: number[]) => {
    const report = await runUnaryLoad(load)
    assert.deepEqual(report.failures, [])
    calls += report.calls
    into.push(percentile(report, 0.99))
  }
  let heldBytes = 0
  for (let round = 0; round < options.rounds; round++) {
    await measure(p99s.alone)
    sentToStalled = 0
    const clients = Array.from({ length: options.stalled }, () => openStalled(gateway.port))
    await until('they are sent to', () => sentToStalled > 0)
    // Their windows are full then.
    await untilSteady(() => sentToStalled)
    await measure(p99s.beside)
    heldBytes = Math.max(heldBytes, sentToStalled)
    for (const client of clients) client.destroy()
  }
  return { calls, ...p99s, heldBytes }
}

/** Calls for a stream on a connection of its own, and reads nothing of it. */
function openStalled(port: number): ClientHttp2Session {
  const client = connect(`http://127.0.0.1:${port}`)
  client.on('error', () => {})
  const head = { ':method': 'POST', ':path': '/t.Calls/Stream', 'content-type': 'application/grpc' }
  const stream = client.request({ ...head, te: 'trailers' })
  stream.on('error', () => {})
  stream.end(MESSAGE)
  stream.pause()
  return client
}

/** Returns the time within which a share of the calls were answered. */
function percentile({ times }: UnaryReport, share: number): number {
  return times[Math.min(times.length - 1, Math.floor(times.length * share))]!
}
