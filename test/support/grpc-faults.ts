import assert from 'node:assert/strict'
import { connect } from 'node:http2'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startTestGateway } from './gateway.ts'
import { createEchoClient } from './grpc-client.ts'
import { startGrpcNodeProcess } from './grpc-process.ts'
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
  const gateway = await startTestGateway(t, { routes: ROUTES, config: { accessLog: false } })
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

const CALLS_BEFORE_GOAWAY = 5

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
        // On a busy machine, 50 ms are too short for any call. A node that never takes one cannot be made to.
        if ((carried.get(session) ?? 0) < CALLS_BEFORE_GOAWAY) continue
        goaways++
        session.close()
      }
    }
  }, options.everyMs)
  const report = await runUnaryLoad({ port: gateway.port, path: '/t.Calls/Get', ...options })
  clearInterval(timer)
  assert.deepEqual([...report.statuses.keys()], ['0'])
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
  readonly durationMs: number
}

/**
 * Lets clients read nothing of long answers beside others that do, all of one node. Checks that the others are served, and
 * returns how long their calls took with and without them, and the bytes that the stalled ones hold.
 */
export async function callBesideStalled(t: TestContext, { stalled, durationMs }: StalledOptions) {
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
  const load = { port: gateway.port, path: '/t.Calls/Get', connections: 10, streams: 10, durationMs }
  const alone = await runUnaryLoad(load)
  const clients = Array.from({ length: stalled }, () => {
    const client = connect(`http://127.0.0.1:${gateway.port}`)
    client.on('error', () => {})
    t.after(() => client.destroy())
    const stream = client.request({
      ...{
        ':method': 'POST',
        ':path': '/t.Calls/Stream',
        'content-type': 'application/grpc',
        te: 'trailers',
      },
    })
    stream.on('error', () => {})
    stream.end(MESSAGE)
    return stream.pause()
  })
  await until('they are sent to', () => sentToStalled > 0)
  // Their windows are full then.
  await untilSteady(() => sentToStalled)
  const beside = await runUnaryLoad(load)
  for (const stream of clients) stream.destroy()
  assert.deepEqual([...alone.statuses.keys(), ...beside.statuses.keys()], ['0', '0'])
  return { alone, beside, heldBytes: sentToStalled }
}

const ECHO = 'waygate.test.v1.Echo'

/** Starts a gateway in front of three processes that speak gRPC. */
async function startEchoes(t: TestContext) {
  const names = ['a', 'b', 'c']
  const nodes = await Promise.all(names.map(name => startGrpcNodeProcess(name)))
  t.after(() => Promise.all(nodes.map(node => node[Symbol.asyncDispose]())))
  const gateway = await startTestGateway(t, {
    routes: {
      echo: {
        ...{ path: `/${ECHO}/*`, service: 'echo', auth: 'none' },
        grpc: { idempotent: [`${ECHO}/Unary`] },
      },
    },
    config: { accessLog: false },
  })
  for (const [i, { port }] of nodes.entries()) {
    const node = { service: 'echo', id: names[i]!, host: '127.0.0.1', port, weight: 1 }
    await gateway.registry.register({ ...node, protocol: 'grpc' })
  }
  await until('the nodes are known', () => gateway.gateway.nodeCount() === nodes.length)
  return { gateway, nodes }
}

export interface KillOptions {
  readonly perSecond: number
  readonly durationMs: number
  readonly streams: number
}

/**
 * Kills one of three nodes under unary calls that may be repeated, and under streams. Checks that no unary call fails, and
 * that each stream of the node ends with UNAVAILABLE within a second.
 */
export async function killGrpcNode(
  t: TestContext,
  { perSecond, durationMs, streams }: KillOptions,
): Promise<UnaryReport> {
  const { gateway, nodes } = await startEchoes(t)
  const load = runUnaryLoad({
    ...{ port: gateway.port, path: `/${ECHO}/Unary`, connections: 4, streams: 16 },
    ...{ durationMs, perSecond },
  })
  using client = createEchoClient(gateway.port)
  const calls = Array.from({ length: streams }, () => client.start('ServerStream'))
  for (const call of calls) call.send({ count: 1_000_000, delayMs: 20 })
  await until('all streams have begun', () => calls.every(({ replies }) => replies.length > 0))
  const onVictim = calls.filter(({ replies }) => replies[0]!.node === 'a')
  assert.ok(onVictim.length > 0)
  const killedAt = performance.now()
  await nodes[0]!.kill('SIGKILL')
  for (const { result } of onVictim) assert.equal((await result).status, 'UNAVAILABLE')
  const endedAfterMs = performance.now() - killedAt
  assert.ok(endedAfterMs < 1_000, `${endedAfterMs} ms`)
  for (const call of calls) call.cancel()
  const report = await load
  assert.deepEqual([...report.statuses.keys()], ['0'])
  return report
}

/**
 * Stops one of three nodes under calls with a deadline, and lets it go on. Checks that its breaker opens, that the calls
 * then succeed on the others, and that the node gets calls again.
 */
export async function stopGrpcNode(t: TestContext): Promise<void> {
  const { gateway, nodes } = await startEchoes(t)
  const call = (durationMs: number) =>
    runUnaryLoad({
      ...{ port: gateway.port, path: `/${ECHO}/Unary`, connections: 2, streams: 8, durationMs },
      ...{ headers: { 'grpc-timeout': '2S' }, perSecond: 100 },
    })
  await call(200)
  await nodes[0]!.kill('SIGSTOP')
  const logged = (breaker: string) =>
    gateway.log.some(({ msg, node }) => msg === `breaker ${breaker}` && node === 'a')
  const during = call(4_000)
  await until('its breaker opens', () => logged('opened'))
  await during
  const after = await call(500)
  assert.deepEqual([...after.statuses.keys()], ['0'])
  await nodes[0]!.kill('SIGCONT')
  await until('its breaker closes', async () => {
    await call(100)
    return logged('closed')
  })
  assert.deepEqual([...(await call(500)).statuses.keys()], ['0'])
}

/** Returns the time within which a share of the calls were answered. */
export function percentile({ times }: UnaryReport, share: number): number {
  return times[Math.min(times.length - 1, Math.floor(times.length * share))]!
}
