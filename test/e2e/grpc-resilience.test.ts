import assert from 'node:assert/strict'
import type { ServerHttp2Stream } from 'node:http2'
import { after, before, suite, test } from 'node:test'
import type { ServiceDefinition } from '@grpc/grpc-js'
import type { ServicesPage } from '../../routes/admin/page-types.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { createEchoClient, type EchoClient } from '../support/grpc-client.ts'
import { ECHO, echoPackage } from '../support/grpc-echo.ts'
import { type GrpcNode, startGrpcNode } from '../support/grpc-node.ts'
import { startHttp2Node } from '../support/http2-node.ts'
import { until } from '../support/until.ts'

/** Ends a unary call well, with an empty message. */
function endWith(stream: ServerHttp2Stream): void {
  if (stream.destroyed) return
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.end(Buffer.alloc(5))
}

suite('gRPC calls and failing nodes', () => {
  let gateway: TestGateway
  const closers: (() => unknown)[] = []

  before(async () => {
    gateway = await startTestGateway(
      { after: close => void closers.push(close as () => unknown) },
      {
        routes: {
          alone: { path: `/${ECHO}/*`, hosts: ['alone.test'], service: 'alone', auth: 'none' },
          three: {
            ...{ path: `/${ECHO}/*`, hosts: ['three.test'], service: 'three', auth: 'none' },
            grpc: { idempotent: [`${ECHO}/Unary`] },
          },
          narrow: {
            ...{ path: `/${ECHO}/*`, hosts: ['narrow.test'], service: 'narrow', auth: 'none' },
            serviceLimit: { concurrent: 1, queueMs: 0 },
          },
          lost: { path: `/${ECHO}/*`, hosts: ['lost.test'], service: 'lost', auth: 'none' },
          half: { path: `/${ECHO}/*`, hosts: ['half.test'], service: 'half', auth: 'none' },
          checked: {
            ...{ path: `/${ECHO}/*`, hosts: ['checked.test'], service: 'checked', auth: 'none' },
            healthCheck: { grpc: true, intervalMs: 100, unhealthyAfter: 1, healthyAfter: 1 },
          },
        },
      },
    )
    gateway.gateway.health.startChecking()
  })
  after(async () => {
    for (const close of closers.reverse()) await close()
  })

  async function startNodes(service: string, count: number): Promise<GrpcNode[]> {
    const nodes: GrpcNode[] = []
    const known = gateway.gateway.nodeCount()
    for (let i = 1; i <= count; i++) {
      const node = await startGrpcNode(`${service}${i}`)
      nodes.push(node)
      closers.push(() => node.close())
      await gateway.registry.register({
        ...{ service, id: `n${i}`, host: '127.0.0.1', port: node.port, protocol: 'grpc' },
      })
    }
    await until('the nodes are known', () => gateway.gateway.nodeCount() === known + count)
    return nodes
  }

  function clientOf(service: string): EchoClient {
    const client = createEchoClient(gateway.port, { 'grpc.default_authority': `${service}.test` })
    closers.push(() => client.close())
    return client
  }

  /** Keeps `concurrency` calls going until `count` were made. @returns how they ended, and the node of each */
  async function callAll(client: EchoClient, count: number, concurrency: number) {
    const ends: { readonly status: string; readonly node: string | undefined }[] = []
    let begun = 0
    const run = async () => {
      while (begun < count) {
        begun++
        const { status, replies } = await client.call('Unary', { text: 'a', delayMs: 2 })
        ends.push({ status, node: replies[0]?.node })
      }
    }
    await Promise.all(Array.from({ length: concurrency }, run))
    return ends
  }

  test('the only node of a service may end its connections again and again: no call is lost, and none is made twice', async () => {
    const [node] = await startNodes('alone', 1)
    const client = clientOf('alone')
    const calling = callAll(client, 600, 16)
    while (node!.calls.length < 560) {
      const before = node!.calls.length
      await until('the node has calls', () => node!.calls.length >= before + 20, { everyMs: 1 })
      node!.drain(60_000)
    }
    const ends = await calling
    assert.deepEqual([...new Set(ends.map(({ status }) => status))], ['OK'])
    assert.ok(node!.connections > 10, `${node!.connections} connections`)
    assert.equal(node!.calls.length, ends.length)
  })

  test('a node of three that is killed costs no call of an idempotent method whose answer had not begun', async t => {
    const [, second, third] = await startNodes('three', 3)
    // The streams of the nodes of grpc-js send a head at once. This one sends all of its answer at the end.
    const late = await startHttp2Node(t, ({ stream }) => {
      stream.resume().once('end', () => setTimeout(() => endWith(stream), 5))
    })
    await gateway.registry.register({
      ...{ service: 'three', id: 'n1', host: '127.0.0.1', port: late.port, protocol: 'grpc' },
    })
    const client = clientOf('three')
    await until('the late node gets calls', async () => {
      await callAll(client, 3, 1)
      return late.requests.length > 0
    })
    let lost = 0
    const calling = callAll(client, 600, 16)
    while (lost < 3) {
      await until('it is busy', () => late.requests.some(({ stream }) => !stream.closed), { everyMs: 1 })
      for (const session of late.sessions) session.destroy()
      lost++
    }
    const ends = await calling
    assert.deepEqual([...new Set(ends.map(({ status }) => status))], ['OK'])
    assert.ok([second, third].every(node => node!.calls.length > 100))
  })

  test('calls whose answer had begun end as UNAVAILABLE when their node is lost', async () => {
    const [node] = await startNodes('lost', 1)
    const client = clientOf('lost')
    const calls = Array.from({ length: 5 }, () => {
      const call = client.start('ServerStream')
      call.send({ text: 'a', count: 1_000, delayMs: 10 })
      call.end()
      return call
    })
    await until('all answers have begun', () => calls.every(({ replies }) => replies.length > 0))
    node!.breakConnections()
    for (const { result } of calls) {
      const { status, message } = await result
      assert.deepEqual([status, message], ['UNAVAILABLE', 'the service ended the connection'])
    }
  })

  test('a message that a lost node has sent half of is never taken for a whole one', async t => {
    const { responseSerialize } = (echoPackage[ECHO] as ServiceDefinition).ServerStream!
    const message = responseSerialize({ text: 'whole', payload: Buffer.alloc(1_000) })
    const framed = Buffer.concat([
      Buffer.from([0, 0, 0]),
      Buffer.from([message.length >> 8, message.length]),
      message,
    ])
    const node = await startHttp2Node(t, ({ stream }) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
      stream.write(Buffer.concat([framed, framed.subarray(0, 500)]))
    })
    const known = gateway.gateway.nodeCount()
    await gateway.registry.register({
      ...{ service: 'half', id: 'n1', host: '127.0.0.1', port: node.port, protocol: 'grpc' },
    })
    await until('the node is known', () => gateway.gateway.nodeCount() === known + 1)
    const call = clientOf('half').start('ServerStream')
    call.send({})
    await until('the first message is there', () => call.replies.length > 0)
    for (const session of node.sessions) session.destroy()
    const { status, replies } = await call.result
    assert.deepEqual([status, replies.map(({ text }) => text)], ['UNAVAILABLE', ['whole']])
  })

  test('a stream counts in flight and holds its place in the limit until it is over', async () => {
    const [node] = await startNodes('narrow', 1)
    const client = clientOf('narrow')
    const stream = client.start('Bidi')
    stream.send({ text: 'a' })
    await until('the answer has begun', () => stream.replies.length === 1)
    const inFlight = async () => {
      const response = await fetch(`http://127.0.0.1:${gateway.adminPort}/services`)
      const { services } = (await response.json()) as ServicesPage
      return services.find(({ name }) => name === 'narrow')!.nodes[0]!.inFlight
    }
    assert.equal(await inFlight(), 1)
    const refused = await client.call('Unary', { text: 'a' })
    assert.deepEqual([refused.status, node!.calls.length], ['UNAVAILABLE', 1])
    // A client that leaves ends the call at the node, and frees its place.
    stream.cancel()
    await until('the node has noticed', () => node!.calls[0]!.isCancelled)
    await until('the place is free', async () => (await client.call('Unary', { text: 'a' })).status === 'OK')
    assert.equal(await inFlight(), 0)
  })

  test('a node whose health service says so gets no calls until it is well again', async () => {
    const [sick, well] = await startNodes('checked', 2)
    const client = clientOf('checked')
    sick!.setHealth('', 'NOT_SERVING')
    await until('its calls go to the other one', async () => {
      const ends = await callAll(client, 6, 1)
      return ends.every(({ node }) => node === well!.name)
    })
    assert.ok(gateway.log.some(({ msg, reason }) => msg === 'health changed' && reason === 'NOT_SERVING'))
    sick!.setHealth('', 'SERVING')
    await until('it gets calls again', async () => {
      const ends = await callAll(client, 6, 1)
      return ends.some(({ node }) => node === sick!.name)
    })
  })
})
