import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamFailure } from '../../../internal/upstream-failure.ts'
import { FakeBody } from '../../support/bodies.ts'
import { type Http2NodeRequest, respondWith, startHttp2Node } from '../../support/http2-node.ts'
import { dataFrame, headersFrame, rstStreamFrame } from '../../support/raw-http2.ts'
import { testRoute } from '../../support/route.ts'
import { readAnswer, TestResponse } from '../../support/test-response.ts'
import { until } from '../../support/until.ts'
import { answerFrames, requestFor, startRawNode } from './raw-node.ts'
import { startSessionScene } from './session-scene.ts'

const RPC = { method: 'p.S/M', isIdempotent: false, isStreaming: undefined }

const GRPC_TYPE = ['content-type', 'application/grpc']

test('calls at the same time share one connection', async t => {
  const node = await startHttp2Node(t, respondWith('hello'))
  const { peer, send } = startSessionScene(t, node.port)
  const calls = Array.from({ length: 20 }, (_, i) => send({ target: `/${i}?a=b` }))
  assert.equal(peer.inFlight, 20)
  assert.deepEqual(new Set(await Promise.all(calls.map(each => each.text))), new Set(['hello']))
  assert.equal(node.sessions.length, 1)
  assert.equal(peer.sessions, 1)
  assert.equal(peer.inFlight, 0)
  assert.deepEqual(
    node.requests.map(({ headers }) => headers[':path']),
    calls.map((_, i) => `/${i}?a=b`),
  )
})

test('a node gets the fields of the request, with its address or the Host as authority', async t => {
  const node = await startHttp2Node(t, respondWith(''))
  const { peer, send } = startSessionScene(t, node.port)
  await send({ headers: ['X-Ab', '1', 'x-ab', '2', 'Cookie', 'a=b'], target: '/p?q' }).text
  await send({ headers: ['host', 'example.com'] }).text
  const [plain, named] = node.requests.map(({ headers }) => headers)
  assert.deepEqual(Object.fromEntries(Object.entries(plain!)), {
    ...{ ':method': 'GET', ':scheme': 'http', ':authority': peer.address, ':path': '/p?q' },
    ...{ 'x-ab': '1, 2', cookie: 'a=b' },
  })
  assert.equal(named![':authority'], 'example.com')
  assert.equal(named!.host, undefined)
})

test('a gRPC call always says that it takes trailers, and a plain request only if its client does', async t => {
  const node = await startHttp2Node(t, respondWith(''))
  const { send } = startSessionScene(t, node.port)
  await send({ rpc: RPC }).text
  await send({ rpc: RPC, headers: ['te', 'trailers'] }).text
  await send().text
  await send({ headers: ['te', 'trailers'] }).text
  assert.deepEqual(
    node.requests.map(({ headers }) => headers.te),
    ['trailers', 'trailers', undefined, 'trailers'],
  )
})

test('what must not be sent fails before anything is sent', async t => {
  const node = await startHttp2Node(t, respondWith('next'))
  const { peer, send } = startSessionScene(t, node.port)
  for (const values of [
    { headers: ['a b', '1'] },
    { headers: [':path', '/other'] },
    { headers: ['a', 'b\nc'] },
    { headers: ['transfer-encoding', 'chunked'] },
    { headers: ['connection', 'close'] },
    { headers: ['content-length', '5'] },
    { target: '/a b' },
    { method: 'GET /' },
  ]) {
    assert.equal(await send(values).result, 'unsendable', JSON.stringify(values))
  }
  assert.equal(await send().text, 'next')
  assert.equal(node.requests.length, 1)
  assert.equal(peer.failures, 0)
  assert.equal(peer.inFlight, 0)
})

test('a WebSocket handshake cannot be sent over HTTP/2, and says nothing about the node', async t => {
  const node = await startHttp2Node(t)
  const { peer, send } = startSessionScene(t, node.port)
  await assert.rejects(send({ isWebSocket: true }).answer, (error: UpstreamFailure) => {
    assert.equal(error.kind, 'unsendable')
    assert.equal((error.cause as { code: string }).code, 'WG_UPSTREAM_INVALID')
    return true
  })
  assert.equal(peer.failures, 0)
})

test('a body is sent as fast as the node takes it, with its length if that is known', async t => {
  const node = await startHttp2Node(t)
  const { send } = startSessionScene(t, node.port)
  for (const length of [300_000, undefined]) {
    const body = new FakeBody(length)
    const headers = length === undefined ? [] : ['content-length', String(length)]
    const call = send({ method: 'POST', headers, body })
    const request = await until('it has arrived', () => node.requests.at(length === undefined ? 1 : 0))
    assert.equal(request.headers['content-length'], length === undefined ? undefined : String(length))
    let sent = 0
    for (; !body.isPaused; sent += 10_000) body.send(Buffer.alloc(10_000))
    assert.ok(sent > 0 && sent < 200_000, `${sent} bytes were taken`)
    let received = 0
    request.stream.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    for (; sent < 300_000; sent += 10_000) {
      await until('more is wanted', () => !body.isPaused)
      body.send(Buffer.alloc(10_000))
    }
    body.end()
    request.stream.on('end', () => {
      request.stream.respond({ ':status': 201 })
      request.stream.end(String(received))
    })
    assert.equal(await call.text, '300000')
  }
})

test('a body that differs from its declared length is never whole', async t => {
  const node = await startHttp2Node(t)
  const { send } = startSessionScene(t, node.port)
  for (const text of ['four', 'sixsix']) {
    const body = new FakeBody(5)
    const call = send({ method: 'POST', headers: ['content-length', '5'], body })
    await until('it has arrived', () => !body.isPaused)
    body.send(text)
    if (text.length < 5) body.end()
    assert.equal(await call.result, 'unsendable')
  }
})

test('an answer that comes before the body is through ends the body', async t => {
  const node = await startHttp2Node(t, respondWith('enough'))
  const { peer, send } = startSessionScene(t, node.port)
  const body = new FakeBody()
  const call = send({ method: 'POST', body })
  assert.equal(await call.text, 'enough')
  assert.ok(body.isStopped)
  await until('the stream is over', () => node.requests[0]!.stream.destroyed)
  assert.equal(peer.inFlight, 0)
})

test('a node may refuse the rest of a body after a whole answer', async t => {
  const node = await startRawNode(t)
  const { counts, send } = startSessionScene(t, node.port, { cancels: { burst: 1, perSecond: 0 } })
  for (const target of ['/0', '/1', '/2']) {
    const call = send({ method: 'POST', target, body: new FakeBody() })
    const connection = await until('it is connected', () => node.connections[0])
    const id = await requestFor(connection, target)
    connection.write(answerFrames(id, 'enough'), rstStreamFrame(id, 0))
    assert.equal(await call.text, 'enough')
  }
  assert.equal(counts.retired.cancels, 0)
})

test('a client that leaves in the middle of its body aborts the call', async t => {
  const node = await startHttp2Node(t)
  const { peer, send } = startSessionScene(t, node.port)
  const body = new FakeBody()
  const call = send({ method: 'POST', body })
  const request = await until('it has arrived', () => node.requests[0])
  body.fail(new UpstreamFailure('aborted'))
  assert.equal(await call.result, 'aborted')
  await until('the node is told', () => request.stream.rstCode === 8)
  assert.equal(peer.failures, 0)
})

test('a node is asked whether it wants the body of a client that waits to be asked', async t => {
  const node = await startRawNode(t)
  const { send } = startSessionScene(t, node.port)
  const bodies = ['/yes', '/no'].map(target => {
    const body = Object.assign(new FakeBody(2), { awaitsContinue: true })
    return { body, call: send({ method: 'POST', target, headers: ['content-length', '2'], body }) }
  })
  const connection = await until('it is connected', () => node.connections[0])
  const [yes, no] = await Promise.all([requestFor(connection, '/yes'), requestFor(connection, '/no')])
  assert.equal(connection.fields.get(yes!)![0]!.join().includes('expect,100-continue'), true)
  assert.deepEqual(
    bodies.map(({ body }) => body.begun),
    [false, false],
  )
  connection.write(headersFrame(yes!, [':status', '100'], { isEnd: false }))
  await until('it is wanted', () => bodies[0]!.body.begun)
  bodies[0]!.body.send('ok')
  bodies[0]!.body.end()
  await connection.receives(`DATA ${yes} `)
  connection.write(answerFrames(yes!, 'thanks'), answerFrames(no!, 'no'))
  assert.deepEqual(await Promise.all(bodies.map(({ call }) => call.text)), ['thanks', 'no'])
  assert.equal(bodies[1]!.body.begun, false)
})

test('interim answers pass before the answer', async t => {
  const node = await startHttp2Node(t, request => {
    request.stream.additionalHeaders({ ':status': 103, link: '</a>' })
    respondWith('whole')(request)
  })
  const { send } = startSessionScene(t, node.port)
  const interim = new TestResponse()
  assert.equal(await send({ interim }).text, 'whole')
  assert.deepEqual(interim.interim, [{ status: 103, headers: ['link', '</a>'] }])
})

test('answers without a body end with their head, whatever they say of a length', async t => {
  const node = await startRawNode(t)
  const { send } = startSessionScene(t, node.port)
  const answers = { '/head': '200', '/204': '204', '/304': '304' }
  for (const [target, status] of Object.entries(answers)) {
    const call = send({ target, method: target === '/head' ? 'HEAD' : 'GET' })
    const connection = await until('it is connected', () => node.connections[0])
    const id = await requestFor(connection, target)
    const length = status === '204' ? '0' : '5'
    connection.write(headersFrame(id, [':status', status, 'content-length', length, 'etag', '"a"']))
    const answer = await call.answer
    const expected = status === '204' ? ['etag', '"a"'] : ['content-length', '5', 'etag', '"a"']
    assert.deepEqual(answer.headers, expected)
    assert.equal((await readAnswer(answer)).text, '')
  }
})

test('hop-by-hop fields and the gateway’s own names do not pass, and references are rewritten', async t => {
  const node = await startRawNode(t)
  const { peer, send } = startSessionScene(t, node.port)
  const call = send({
    route: testRoute({ rewriteLocation: true }),
    headers: ['x-forwarded-host', 'shop.example', 'x-forwarded-proto', 'http', 'x-forwarded-prefix', '/shop'],
  })
  const connection = await until('it is connected', () => node.connections[0])
  const id = await requestFor(connection, '/')
  const lines = ['x-request-id', '1', 'proxy-authenticate', 'Basic', 'x-waygate-fallback', 'stale', 'a', 'b']
  connection.write(answerFrames(id, '', [...lines, 'location', `http://${peer.address}/new`]))
  assert.deepEqual((await call.answer).headers, ['a', 'b', 'location', '/shop/new'])
})

test('trailers of plain HTTP are filtered, and those of gRPC pass as they are', async t => {
  const node = await startRawNode(t)
  const { send } = startSessionScene(t, node.port)
  const trailers = ['grpc-status', '5', 'x-sum', '1', 'set-cookie', 'a=b', 'a-bin', 'AAE=']
  for (const rpc of [undefined, RPC]) {
    const target = rpc === undefined ? '/plain' : '/call'
    const call = send({ target, rpc })
    const connection = await until('it is connected', () => node.connections[0])
    const id = await requestFor(connection, target)
    connection.write(
      headersFrame(id, [':status', '200', ...GRPC_TYPE, 'trailer', 'x-sum'], { isEnd: false }),
      dataFrame(id, 'body'),
      headersFrame(id, trailers),
    )
    const answer = await call.answer
    const response = await readAnswer(answer)
    assert.equal(response.text, 'body')
    assert.deepEqual(
      response.trailers,
      rpc === undefined ? ['grpc-status', '5', 'x-sum', '1', 'a-bin', 'AAE='] : trailers,
    )
    assert.deepEqual(answer.trailerNames, ['x-sum'])
    assert.equal(answer.grpcStatus, undefined)
    assert.equal(answer.whenOver === undefined, rpc === undefined)
  }
})

test('the status of a gRPC call is known with a head that is all of its answer, else at its end', async t => {
  const node = await startRawNode(t)
  const { send } = startSessionScene(t, node.port)
  const cases: [lines: readonly string[], status: number | undefined][] = [
    [['grpc-status', '0'], 0],
    [['grpc-status', '14'], 14],
    [['grpc-status', '17'], 2],
    [['grpc-status', 'x'], 2],
    [[], 2],
  ]
  for (const isTrailersOnly of [true, false]) {
    for (const [i, [lines, status]] of cases.entries()) {
      const target = `/${isTrailersOnly}/${i}`
      const call = send({ target, rpc: RPC })
      const connection = await until('it is connected', () => node.connections[0])
      const id = await requestFor(connection, target)
      if (isTrailersOnly) connection.write(headersFrame(id, [':status', '200', ...GRPC_TYPE, ...lines]))
      else
        connection.write(
          headersFrame(id, [':status', '200', ...GRPC_TYPE], { isEnd: false }),
          lines.length > 0 ? headersFrame(id, lines) : dataFrame(id, '', { isEnd: true }),
        )
      const answer = await call.answer
      assert.equal(answer.grpcStatus, isTrailersOnly ? status : undefined)
      const end = await new Promise(resolve => answer.whenOver!(resolve))
      assert.deepEqual(end, { grpcStatus: status, isBroken: !isTrailersOnly && status === 2 })
    }
  }
})

test('an answer with two gRPC statuses is invalid', async t => {
  const node = await startRawNode(t)
  const { send } = startSessionScene(t, node.port)
  const call = send({ rpc: RPC })
  const connection = await until('it is connected', () => node.connections[0])
  const id = await requestFor(connection, '/')
  connection.write(headersFrame(id, [':status', '200', 'grpc-status', '0', 'grpc-status', '14']))
  assert.equal(await call.result, 'invalid')
})

test('a gRPC call that the node breaks off is over at once', async t => {
  const node = await startRawNode(t)
  const { send } = startSessionScene(t, node.port)
  const call = send({ rpc: RPC })
  const connection = await until('it is connected', () => node.connections[0])
  const id = await requestFor(connection, '/')
  connection.write(headersFrame(id, [':status', '200'], { isEnd: false }))
  const answer = await call.answer
  const end = new Promise(resolve => answer.whenOver!(resolve))
  connection.socket.destroy()
  assert.deepEqual(await end, { grpcStatus: 14, isBroken: true })
  const { trailers } = await readAnswer(answer)
  assert.deepEqual(trailers, ['grpc-status', '14', 'grpc-message', 'the service ended the connection'])
})

test('an answer that falls silent is broken off in plain HTTP, and waited for in gRPC', async t => {
  const node = await startHttp2Node(t, ({ stream }: Http2NodeRequest) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
    stream.write('begun')
  })
  const { send } = startSessionScene(t, node.port, { bodyIdleTimeoutMs: 50 })
  const call = send({ rpc: RPC })
  const answer = await call.answer
  assert.equal(await send().text, 'aborted')
  const limited = send({ rpc: RPC, route: testRoute({ bodyIdleTimeoutMs: 50 }) })
  const { trailers } = await readAnswer(await limited.answer)
  assert.deepEqual(trailers, ['grpc-status', '4', 'grpc-message', 'the service did not answer in time'])
  assert.equal(answer.isBroken, false)
  call.cancel()
})

test('a silence that the client causes breaks nothing off', async t => {
  const node = await startRawNode(t)
  const { send } = startSessionScene(t, node.port, { bodyIdleTimeoutMs: 50 })
  const call = send()
  const connection = await until('it is connected', () => node.connections[0])
  const id = await requestFor(connection, '/')
  connection.write(headersFrame(id, [':status', '200'], { isEnd: false }), dataFrame(id, 'begun'))
  const response = new TestResponse()
  response.isStalled = true
  ;(await call.answer).sendBody(response)
  const later = performance.now() + 150
  await until('it would be over', () => performance.now() > later)
  assert.equal(response.isAborted, false)
  response.drain()
  await response.over
  assert.ok(response.isAborted)
})
