import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { ServicesPage } from '../../routes/admin/page-types.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { createEchoClient, type EchoClient } from '../support/grpc-client.ts'
import { ECHO } from '../support/grpc-echo.ts'
import { type GrpcNode, startGrpcNode } from '../support/grpc-node.ts'
import { rawCall } from '../support/raw-call.ts'
import { until } from '../support/until.ts'

/** The rules of each route, which is found by its host. */
const RULES: Readonly<Record<string, object>> = {
  plain: { timeoutMs: 50 },
  capped: { grpc: { maxTimeoutMs: 150 } },
  limited: { grpc: { timeoutMs: 150 } },
  // A client's deadline of 10 s or more would count against the node.
  patient: { timeoutMs: 10_000, breaker: { minimumRequests: 5, ejectLastNode: true } },
  strict: { timeoutMs: 1, grpc: { maxTimeoutMs: 50 }, breaker: { minimumRequests: 5, ejectLastNode: true } },
}

suite('deadlines of gRPC calls', () => {
  let gateway: TestGateway
  let node: GrpcNode
  const closers: (() => unknown)[] = []

  before(async () => {
    node = await startGrpcNode('n1')
    closers.push(() => node.close())
    gateway = await startTestGateway(
      { after: close => void closers.push(close as () => unknown) },
      {
        routes: Object.fromEntries(
          Object.entries(RULES).map(([name, rules]) => [
            name,
            { path: `/${ECHO}/*`, hosts: [`${name}.test`], service: name, auth: 'none', ...rules },
          ]),
        ),
      },
    )
    for (const service of Object.keys(RULES)) {
      await gateway.registry.register({
        ...{ service, id: 'n1', host: '127.0.0.1', port: node.port, protocol: 'grpc' },
      })
    }
    await until('the nodes are known', () => gateway.gateway.nodeCount() === Object.keys(RULES).length)
  })
  after(async () => {
    for (const close of closers.reverse()) await close()
  })

  function clientOf(route: string): EchoClient {
    const client = createEchoClient(gateway.port, { 'grpc.default_authority': `${route}.test` })
    closers.push(() => client.close())
    return client
  }

  test('a call without a deadline takes as long as it likes, whatever the route’s timeout', async () => {
    const { status } = await clientOf('plain').call('Unary', { text: 'slow', delayMs: 200 })
    assert.equal(status, 'OK')
    assert.equal(node.calls.at(-1)!.metadata.get('grpc-timeout').length, 0)
  })

  test('the node is told what is left of the deadline', async () => {
    const { status, replies } = await clientOf('plain').call('Unary', { text: 'a' }, { timeoutMs: 60_000 })
    assert.equal(status, 'OK')
    const leftMs = Number(replies[0]!.deadlineMs)
    assert.ok(leftMs > 30_000 && leftMs <= 60_000, `${leftMs} ms`)
  })

  test('a call that is over its time ends with DEADLINE_EXCEEDED, and its node is told', async () => {
    for (const [route, options] of [
      ['capped', { timeoutMs: 60_000 }],
      ['limited', {}],
    ] as const) {
      const { status } = await clientOf(route).call('Unary', { text: 'a', delayMs: 60_000 }, options)
      assert.equal(status, 'DEADLINE_EXCEEDED', route)
      await until('the node has noticed', () => node.calls.at(-1)!.isCancelled)
    }
  })

  test('streams are part of the call: what has come stays, and the rest is cut off', async () => {
    const call = clientOf('capped').start('ServerStream', { timeoutMs: 60_000 })
    call.send({ text: 'a', count: 1_000, delayMs: 20 })
    call.end()
    const { status, replies } = await call.result
    assert.equal(status, 'DEADLINE_EXCEEDED')
    assert.ok(replies.length > 0 && replies.length < 1_000, `${replies.length} replies`)
    await until('the node has noticed', () => node.calls.at(-1)!.isCancelled)

    // A client that keeps its stream open meets it too.
    const open = clientOf('limited').start('Bidi')
    open.send({ text: 'a' })
    assert.equal((await open.result).status, 'DEADLINE_EXCEEDED')
    assert.equal(open.replies.length, 1)
  })

  async function breakerOf(service: string): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${gateway.adminPort}/services`)
    const { services } = (await response.json()) as ServicesPage
    return services.find(each => each.name === service)!.nodes[0]!.breaker
  }

  test('clients cannot open a breaker by deadlines that nobody could keep', async () => {
    const impatient = clientOf('patient')
    for (let i = 0; i < 3; i++) {
      const calls = Array.from({ length: 10 }, () =>
        rawCall(gateway.port, 'grpc', {
          path: `/${ECHO}/ClientStream`,
          headers: { ':authority': 'patient.test', 'grpc-timeout': '1m' },
        }),
      )
      await Promise.all(calls)
    }
    assert.equal(await breakerOf('patient'), 'closed')
    assert.equal((await impatient.call('Unary', { text: 'a' })).status, 'OK')
  })

  test('a malformed deadline is refused', async () => {
    for (const value of ['5', '-1S', '999999999S']) {
      const { grpcStatus, grpcMessage } = await rawCall(gateway.port, 'grpc', {
        path: `/${ECHO}/Unary`,
        headers: { ':authority': 'plain.test', 'grpc-timeout': value },
      })
      assert.deepEqual([grpcStatus, grpcMessage], [13, 'invalid grpc-timeout'], value)
    }
  })
})
