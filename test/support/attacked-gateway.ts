import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Http2NodeRequest, startHttp2Node } from './http2-node.ts'
import { cpuMsOf, residentBytesOf } from './processes.ts'
import { openRegistry } from './registry.ts'
import { runUnaryLoad } from './unary-load.ts'
import { until } from './until.ts'
import { type RunningGateway, startGateway } from './waygate.ts'

const GRPC = { ':status': 200, 'content-type': 'application/grpc' }
const PROGRAM = join(import.meta.dirname, 'http2-attacker-process.ts')
/** V8 shrinks the heap half a minute after its last collection at the earliest. */
const SETTLED_WITHIN_MS = 90_000

export interface AttackReport {
  /** Calls of honest clients, all of which were answered. */
  readonly calls: number
  readonly opened: number
  readonly ended: number
  /** Share of a core that the attack cost the gateway, 0..1. */
  readonly cpuShare: number
  /** Resident memory of the gateway, as it differs from that before: at the end of the attack, and afterwards. */
  readonly grownBytes: number
  readonly leftBytes: number
}

/** A gateway in a process of its own, which honest clients use all the time. Ended after the test. */
export interface AttackedGateway {
  /** Attacks it for a time. Checks that no honest call fails. */
  attack(name: string, durationMs: number): Promise<AttackReport>
}

/**
 * Starts a gateway in front of a node of node:http2, and honest clients.
 *
 * @param perSecond calls of honest clients
 * @param baseMs how long to measure what they cost alone. Before that, they make as many calls as they can for as long,
 *   so that the process has the memory that it has under load.
 */
export async function startAttackedGateway(
  t: TestContext,
  { perSecond, baseMs }: { readonly perSecond: number; readonly baseMs: number },
): Promise<AttackedGateway> {
  const node = await startHttp2Node(t, answer)
  const gateway = await startGateway({ config: { accessLog: false } })
  t.after(() => gateway.stop())
  {
    using registry = openRegistry(gateway.etcd)
    const value = { ip: '127.0.0.1', port: node.port, protocol: 'grpc' }
    await registry.put('/services/calls/n1', JSON.stringify(value))
    await registry.putRoute('calls', { path: '/t.Calls/*', service: 'calls', auth: 'none' })
  }
  await gateway.untilNodes('calls', ['n1'])
  /** Makes honest calls until `during` is over. */
  const beside = async <T>(during: () => Promise<T>): Promise<{ calls: number; result: T }> => {
    const over = new AbortController()
    const load = { port: gateway.port, path: '/t.Calls/Get', connections: 4, streams: 4, perSecond }
    const calling = runUnaryLoad({ ...load, signal: over.signal })
    try {
      const result = await during()
      over.abort()
      const { calls, failures } = await calling
      assert.deepEqual(failures, [])
      return { calls, result }
    } finally {
      over.abort()
      await calling
    }
  }
  const pause = () => new Promise<void>(resolve => setTimeout(resolve, baseMs))
  await runUnaryLoad({
    ...{ port: gateway.port, path: '/t.Calls/Get', connections: 8, streams: 8 },
    durationMs: baseMs,
  })
  const { result: alone } = await beside(() => shareOfCore(gateway, pause))
  const usualBytes = residentBytesOf(gateway.pid)
  return {
    async attack(name, durationMs) {
      const { calls, result } = await beside(async () => {
        // After a quiet time it has less, and gets that back by honest calls alone.
        const before = Math.max(usualBytes, residentBytesOf(gateway.pid))
        const child = fork(PROGRAM, [String(gateway.port), name, String(durationMs)])
        let counts = { opened: 0, ended: 0 }
        const share = await shareOfCore(gateway, async () => {
          const [[message]] = await Promise.all([once(child, 'message'), once(child, 'exit')])
          counts = message as typeof counts
        })
        const grownBytes = residentBytesOf(gateway.pid) - before
        let leftBytes = grownBytes
        await until(
          'the memory is given back',
          () => {
            leftBytes = residentBytesOf(gateway.pid) - before
            return leftBytes <= 16 * 1_048_576
          },
          { withinMs: SETTLED_WITHIN_MS, everyMs: 500 },
        ).catch(() => {})
        return { ...counts, cpuShare: share - alone, grownBytes, leftBytes }
      })
      assert.equal(gateway.hasExited(), false)
      return { calls, ...result }
    },
  }
}

async function shareOfCore(gateway: RunningGateway, during: () => Promise<void>): Promise<number> {
  const [begun, cpuMs] = [performance.now(), cpuMsOf(gateway.pid)]
  await during()
  return (cpuMsOf(gateway.pid) - cpuMs) / (performance.now() - begun)
}

function answer({ stream, headers }: Http2NodeRequest): void {
  const method = headers[':path']
  if (method === '/t.Calls/Hung') return
  if (method === '/t.Calls/Stream') {
    stream.respond(GRPC)
    const send = () => {
      while (stream.write(Buffer.alloc(16_384))) {}
      stream.once('drain', send)
    }
    send()
  } else if (method === '/t.Calls/Get') {
    stream.respond(GRPC, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(Buffer.alloc(5))
  } else stream.respond({ ...GRPC, 'grpc-status': '12' }, { endStream: true })
}
