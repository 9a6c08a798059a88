import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { startTestGateway, type TestGateway } from './gateway.ts'
import { createEchoClient } from './grpc-client.ts'
import { ECHO } from './grpc-echo.ts'
import { type GrpcNodeProcess, startGrpcNodeProcess } from './grpc-process.ts'
import { runUnaryLoad, type UnaryReport } from './unary-load.ts'
import { until } from './until.ts'

/*
 * What may happen to gRPC calls because a node is killed or hangs. Each scene has a short version in test/e2e and a long
 * one in test/faults.
 */

/** Starts a gateway in front of three processes that speak gRPC. Only `Unary` is known to be idempotent. */
async function startEchoes(
  t: TestContext,
): Promise<{ readonly gateway: TestGateway; readonly nodes: readonly GrpcNodeProcess[] }> {
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
    // The clients and the gateway share a process, so the length of its turns says nothing.
    config: { accessLog: false, overload: { loopDelayMs: 0 } },
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
  /** Default true. */
  readonly isIdempotent?: boolean
}

export interface KillReport extends UnaryReport {
  /** Streams of the killed node, and how long after it was killed the last one of them ended, milliseconds. */
  readonly streamsLost: number
  readonly streamsOverMs: number
}

const CALLS_AT_ONCE = 64
const REPLY_BYTES = 2_000

/**
 * Kills one of three nodes under unary calls and streams. Checks that no unary call fails that can be repeated, which is one
 * of an idempotent method whose answer had not begun, and of others at most those under way; and that each stream of the node ends with UNAVAILABLE, its replies whole.
 */
export async function killGrpcNode(t: TestContext, options: KillOptions): Promise<KillReport> {
  const { perSecond, durationMs, streams, isIdempotent = true } = options
  const { gateway, nodes } = await startEchoes(t)
  const load = runUnaryLoad({
    // On the wire, a client stream of one message is a unary call.
    ...{ port: gateway.port, path: `/${ECHO}/${isIdempotent ? 'Unary' : 'ClientStream'}` },
    ...{ connections: 4, streams: CALLS_AT_ONCE / 4, durationMs, perSecond },
  })
  using client = createEchoClient(gateway.port)
  const calls = Array.from({ length: streams }, () => client.start('ServerStream'))
  for (const call of calls) call.send({ count: 1_000_000, delayMs: 1_000, replyBytes: REPLY_BYTES })
  await until('all streams have begun', () => calls.every(({ replies }) => replies.length > 0))
  const onVictim = calls.filter(({ replies }) => replies[0]!.node === 'a')
  assert.ok(onVictim.length > 0)
  const killedAt = performance.now()
  await nodes[0]!.kill('SIGKILL')
  const ends = await Promise.all(onVictim.map(({ result }) => result))
  const streamsOverMs = performance.now() - killedAt
  for (const { status, replies } of ends) {
    assert.equal(status, 'UNAVAILABLE')
    assert.ok(replies.every(({ payload }) => payload.length === REPLY_BYTES))
  }
  for (const call of calls) call.cancel()
  const report = await load
  const { '0': good = 0, '14': lost = 0, ...others } = Object.fromEntries(report.statuses)
  assert.deepEqual(others, {}, report.failures.join())
  assert.equal(good + lost, report.calls)
  assert.ok(lost <= CALLS_AT_ONCE, `${lost} calls failed: ${report.failures.join()}`)
  if (isIdempotent) assert.equal(lost, report.begun, report.failures.join())
  return { ...report, streamsLost: onVictim.length, streamsOverMs }
}

export interface StopReport {
  /** Calls that were over their deadline while the node was stopped. */
  readonly late: number
  /** Calls made while the node was stopped, after its breaker had opened; and those of them that were late as its probes. */
  readonly moved: number
  readonly lateProbes: number
  /** From SIGSTOP until the breaker was open, and from SIGCONT until it was closed, milliseconds. */
  readonly openedMs: number
  readonly closedMs: number
}

/**
 * Stops one of three nodes under calls with a deadline of 2 s, and lets it go on. Checks that its breaker opens, that the
 * calls then succeed on the others, but for its probes, and that the node gets calls again.
 *
 * @param stoppedMs how long calls are made while its breaker is open, milliseconds
 */
export async function stopGrpcNode(t: TestContext, stoppedMs: number): Promise<StopReport> {
  const { gateway, nodes } = await startEchoes(t)
  const call = (durationMs: number) =>
    runUnaryLoad({
      ...{ port: gateway.port, path: `/${ECHO}/Unary`, connections: 2, streams: 8, durationMs },
      ...{ headers: { 'grpc-timeout': '2S' }, perSecond: 100 },
    })
  await call(200)
  await nodes[0]!.kill('SIGSTOP')
  const stoppedAt = performance.now()
  const count = (breaker: string) =>
    gateway.log.filter(({ msg, node }) => msg === `breaker ${breaker}` && node === 'a').length
  const during = call(4_000)
  await until('its breaker opens', () => count('opened') > 0)
  const openedMs = performance.now() - stoppedAt
  const { statuses } = await during
  assert.deepEqual([...statuses.keys()].sort(), ['0', '4'])
  const after = await call(stoppedMs)
  const { '0': good = 0, '4': lateProbes = 0, ...others } = Object.fromEntries(after.statuses)
  assert.deepEqual(others, {}, after.failures.join())
  assert.ok(lateProbes <= count('half-opened'), `${lateProbes} of ${good} calls were late`)
  await nodes[0]!.kill('SIGCONT')
  const continuedAt = performance.now()
  await until('its breaker closes', async () => {
    await call(100)
    return count('closed') > 0
  })
  const closedMs = performance.now() - continuedAt
  assert.deepEqual((await call(500)).failures, [])
  return { late: statuses.get('4')!, moved: after.calls, lateProbes, openedMs, closedMs }
}
