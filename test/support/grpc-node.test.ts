import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import * as grpc from '@grpc/grpc-js'
import { service as healthService } from 'grpc-health-check'
import { createEchoClient } from './grpc-client.ts'
import { ECHO, encodeErrorInfo, encodeStatus } from './grpc-echo.ts'
import { startGrpcNode } from './grpc-node.ts'
import { startGrpcNodeProcess } from './grpc-process.ts'
import { until } from './until.ts'

// What tests of the gateway rely on, seen without a gateway in between.

test('the test node answers all kinds of calls', async () => {
  await using node = await startGrpcNode('n1')
  using client = createEchoClient(node.port)
  const texts = async (...args: Parameters<typeof client.call>) => {
    const { status, replies } = await client.call(...args)
    assert.equal(status, 'OK')
    return replies.map(({ text, index }) => `${text} ${index}`)
  }
  assert.deepEqual(await texts('Unary', { text: 'ä' }), ['ä 0'])
  assert.deepEqual(await texts('Get', { text: 'a' }), ['a 0'])
  assert.deepEqual(await texts('ServerStream', { text: 'a', count: 3 }), ['a 0', 'a 1', 'a 2'])
  assert.deepEqual(await texts('ClientStream', [{ text: 'a' }, { text: 'b' }]), ['a,b 0'])
  assert.deepEqual(await texts('Bidi', [{ text: 'a', count: 2 }, { text: 'b' }]), ['a 0', 'a 1', 'b 2'])
  assert.deepEqual(
    node.calls.map(({ method, requests, isOver }) => [method, requests.length, isOver]),
    [
      ['Unary', 1, true],
      ['Get', 1, true],
      ['ServerStream', 1, true],
      ['ClientStream', 2, true],
      ['Bidi', 2, true],
    ],
  )
  assert.equal(node.connections, 1)
})

test('it shuts down although a connection has sent nothing', async t => {
  await using node = await startGrpcNode('n1')
  const silent = connect(node.port, '127.0.0.1').on('error', () => {})
  t.after(() => silent.destroy())
  await until('it is accepted', () => node.connections === 1)
  await node.shutDown(100)
})

test('it answers each request of a bidirectional stream as it comes', async () => {
  await using node = await startGrpcNode('n1')
  using client = createEchoClient(node.port)
  const call = client.start('Bidi')
  for (const text of ['a', 'b']) {
    call.send({ text })
    await until(`the reply to ${text}`, () => call.replies.at(-1)?.text === text)
  }
  call.end()
  assert.equal((await call.result).status, 'OK')
})

test('it fails as it is asked to, with a status of any text and with details', async () => {
  await using node = await startGrpcNode('n1')
  using client = createEchoClient(node.port)
  const details = encodeStatus(5, 'nö', [
    { type: 'google.rpc.ErrorInfo', value: encodeErrorInfo('GONE', 'tests') },
  ])
  const result = await client.call('ServerStream', {
    count: 9,
    fail: { code: 5, message: 'nö 100%', details, after: 2 },
  })
  assert.deepEqual([result.status, result.message, result.replies.length], ['NOT_FOUND', 'nö 100%', 2])
  assert.deepEqual(result.trailers.get('grpc-status-details-bin'), [details])
  const unary = await client.call('Unary', { fail: { code: 16, message: 'who?' } })
  assert.deepEqual([unary.status, unary.message, unary.replies.length], ['UNAUTHENTICATED', 'who?', 0])
})

test('it sends metadata back, and says which it got and how much time was left', async () => {
  await using node = await startGrpcNode('n1')
  using client = createEchoClient(node.port)
  const metadata = { 'x-echo-a': 'one', 'x-echo-b-bin': Buffer.from([0, 255]), other: '1' }
  const { head, trailers, replies } = await client.call('Unary', {}, { metadata, timeoutMs: 60_000 })
  for (const sent of [head!, trailers]) {
    assert.deepEqual(sent.get('x-echo-a'), ['one'])
    assert.deepEqual(sent.get('x-echo-b-bin'), [Buffer.from([0, 255])])
    assert.deepEqual(sent.get('other'), [])
  }
  assert.equal(replies[0]?.metadata.other, '1')
  assert.equal(replies[0]?.metadata['x-echo-b-bin'], 'AP8=')
  assert.ok(Number(replies[0]?.deadlineMs) > 30_000)
})

test('it sees that a client cancels, or that its time is over', async () => {
  await using node = await startGrpcNode('n1')
  using client = createEchoClient(node.port)
  const call = client.start('Unary')
  call.send({ delayMs: 60_000 })
  await until('the request is there', () => node.calls[0]?.requests.length === 1)
  call.cancel()
  assert.equal((await call.result).status, 'CANCELLED')
  assert.equal(
    (await client.call('Unary', { delayMs: 60_000 }, { timeoutMs: 50 })).status,
    'DEADLINE_EXCEEDED',
  )
  await until('both are cancelled', () => node.calls.every(({ isCancelled }) => isCancelled))
})

test('it sends large messages, and waits for a client that takes none', async () => {
  await using node = await startGrpcNode('n1')
  using client = createEchoClient(node.port)
  const [reply] = (await client.call('Unary', { payload: Buffer.alloc(5 << 20, 1) })).replies
  assert.equal(reply?.payload.length, 5 << 20)
  const call = client.start('ServerStream')
  call.pause()
  call.send({ count: 40, replyBytes: 1 << 20 })
  call.end()
  assert.equal((await client.call('Unary')).status, 'OK')
  assert.equal(node.calls[1]?.isOver, false)
  call.resume()
  assert.equal((await call.result).replies.length, 40)
})

test('its health can be changed', async () => {
  await using node = await startGrpcNode('n1')
  const Client = grpc.makeGenericClientConstructor(healthService as grpc.ServiceDefinition, 'Health')
  const client = new Client(`127.0.0.1:${node.port}`, grpc.credentials.createInsecure())
  const check = (service: string) =>
    new Promise((resolve, reject) => {
      client.check!({ service }, (error: Error | null, answer: { status: string }) =>
        error ? reject(error) : resolve(answer.status),
      )
    })
  assert.equal(await check(ECHO), 'SERVING')
  node.setHealth('', 'NOT_SERVING')
  assert.equal(await check(''), 'NOT_SERVING')
  client.close()
})

test('when it drains, calls under way end well', async () => {
  await using node = await startGrpcNode('n1')
  using client = createEchoClient(node.port)
  const call = client.call('Unary', { delayMs: 200, text: 'late' })
  await until('the call is there', () => node.calls[0]?.requests.length === 1)
  node.drain(10_000)
  assert.equal((await call).replies[0]?.text, 'late')
  assert.equal((await client.call('Unary')).status, 'OK')
  assert.equal(node.connections, 2)
})

test('as a process, it lets calls end when it is told to', async () => {
  await using node = await startGrpcNodeProcess('n2')
  using client = createEchoClient(node.port)
  const call = client.start('Bidi')
  call.send({ text: 'a' })
  await until('it has answered', () => call.replies[0]?.node === 'n2')
  const ended = node.kill('SIGTERM')
  call.send({ text: 'b', delayMs: 100 })
  call.end()
  assert.deepEqual(
    (await call.result).replies.map(({ text }) => text),
    ['a', 'b'],
  )
  await ended
})
