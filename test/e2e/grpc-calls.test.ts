import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { ERROR } from '../../internal/http2/frames.ts'
import { startTestGateway, type TestGateway, token } from '../support/gateway.ts'
import { createEchoClient, type EchoClient } from '../support/grpc-client.ts'
import { encodeErrorInfo, encodeStatus } from '../support/grpc-echo.ts'
import { writeMessage } from '../support/grpc-message.ts'
import { type GrpcNode, startGrpcNode } from '../support/grpc-node.ts'
import { send } from '../support/http.ts'
import { registerNaming } from '../support/naming.ts'
import { rawCall } from '../support/raw-call.ts'
import { dataFrame, headersFrame, openRawHttp2, requestLines, rstStreamFrame } from '../support/raw-http2.ts'
import { until } from '../support/until.ts'
import { requestFor, startRawNode } from '../wrappers/http2/raw-node.ts'

const ECHO = 'waygate.test.v1.Echo'
const UNARY = `/${ECHO}/Unary`

suite('gRPC calls', () => {
  let gateway: TestGateway
  let node: GrpcNode
  let client: EchoClient

  const closers: (() => unknown)[] = []
  before(async () => {
    node = await startGrpcNode('n1')
    closers.push(() => node.close())
    gateway = await startTestGateway(
      { after: close => void closers.push(close as () => unknown) },
      {
        withKey: true,
        config: { accessLog: true },
        routes: {
          locked: { path: '/locked/*', service: 'echo', stripPrefix: '/locked', auth: 'jwt' },
          echo: { path: `/${ECHO}/*`, service: 'echo', auth: 'none' },
          nobody: { path: '/nobody/*', service: 'nobody', stripPrefix: '/nobody', auth: 'none' },
          fixed: {
            ...{ path: '/fixed/*', service: 'nobody', stripPrefix: '/fixed', auth: 'none' },
            fallback: { status: 503, headers: { 'retry-after': '7' }, body: 'later' },
          },
        },
      },
    )
    await registerNaming(gateway.registry, 'echo', node.port)
    await until('the node is known', () => gateway.gateway.nodeCount() === 1)
    client = createEchoClient(gateway.port)
    closers.push(() => client.close())
  })
  after(async () => {
    for (const close of closers.reverse()) await close()
  })

  test('calls of all four kinds pass', async () => {
    const unary = await client.call('Unary', { text: 'hello' })
    assert.equal(unary.status, 'OK')
    assert.equal(unary.replies[0]?.text, 'hello')
    const down = await client.call('ServerStream', { text: 'a', count: 5 })
    assert.deepEqual(
      down.replies.map(({ index }) => index),
      [0, 1, 2, 3, 4],
    )
    const up = await client.call('ClientStream', [{ text: 'a' }, { text: 'b' }, { text: 'c' }])
    assert.equal(up.replies[0]?.text, 'a,b,c')
    const both = client.start('Bidi')
    both.send({ text: 'one' })
    await until('the first reply is there', () => both.replies.length === 1)
    both.send({ text: 'two' })
    await until('the second reply is there', () => both.replies.length === 2)
    both.end()
    assert.equal((await both.result).status, 'OK')
  })

  test('messages of a megabyte pass both ways', async () => {
    const payload = Buffer.alloc(1_048_576, 'x')
    const { status, replies } = await client.call('Unary', { payload })
    assert.equal(status, 'OK')
    assert.ok(replies[0]?.payload.equals(payload))
  })

  test('metadata passes both ways, in head and trailers, binary values too', async () => {
    const bytes = Buffer.from([0, 1, 2, 253, 254, 255])
    const { head, trailers, replies } = await client.call(
      'Unary',
      { text: 'a' },
      {
        metadata: { 'x-echo-a': 'text', 'x-echo-warning-bin': bytes, 'x-echo-date': 'Sat', warning: '199 a' },
      },
    )
    for (const metadata of [head!, trailers]) {
      assert.deepEqual(metadata.get('x-echo-a'), ['text'])
      assert.deepEqual(metadata.get('x-echo-warning-bin'), [bytes])
      assert.deepEqual(metadata.get('x-echo-date'), ['Sat'])
    }
    const seen = replies[0]!.metadata
    assert.equal(seen.warning, '199 a')
    assert.equal(seen['x-echo-warning-bin'], bytes.toString('base64'))
  })

  test('the node gets the request id, the client and its identity, and none of them from the client', async () => {
    const metadata = { 'x-user-id': 'admin', 'x-forwarded-for': '6.6.6.6', 'x-request-id': 'call-7' }
    const open = await client.call('Unary', {}, { metadata })
    assert.equal(open.replies[0]!.metadata['x-user-id'], undefined)
    assert.equal(open.replies[0]!.metadata['x-request-id'], 'call-7')
    assert.equal(open.replies[0]!.metadata['x-forwarded-for'], '127.0.0.1')
    assert.equal(open.replies[0]!.metadata['x-forwarded-proto'], 'http')
    assert.deepEqual(open.head?.get('x-request-id'), ['call-7'])
    const authorization = `Bearer ${token()}`
    const locked = await rawCall(gateway.port, 'grpc', {
      path: `/locked${UNARY}`,
      headers: { authorization, 'x-user-id': 'admin' },
    })
    assert.equal(locked.grpcStatus, 0)
    assert.deepEqual(node.calls.at(-1)!.metadata.get('x-user-id'), ['u1'])
    assert.deepEqual(node.calls.at(-1)!.metadata.get('x-forwarded-prefix'), ['/locked'])
  })

  test('a status of the node reaches the client with its message, details and trailers', async () => {
    const details = encodeStatus(5, 'no täsk', [
      { type: 'google.rpc.ErrorInfo', value: encodeErrorInfo('GONE', 'task') },
    ])
    for (const after of [0, 2]) {
      const fail = { code: 5, message: 'no täsk: 100%', details, after }
      const { status, message, replies, trailers } = await client.call(
        'ServerStream',
        { count: 3, fail },
        {
          metadata: { 'x-echo-a': 'b' },
        },
      )
      assert.equal(status, 'NOT_FOUND')
      assert.equal(message, 'no täsk: 100%')
      assert.equal(replies.length, after)
      assert.deepEqual(trailers.get('grpc-status-details-bin'), [details])
      assert.deepEqual(trailers.get('x-echo-a'), ['b'])
    }
  })

  test('a refusal is a gRPC status, with the code of the error in its details', async () => {
    const cases = [
      ['/no.such.Service/Method', 12, 'WG_NO_ROUTE'],
      [`/${ECHO}/a/b`, 12, 'WG_NO_METHOD'],
      [`${UNARY}?a=b`, 12, 'WG_NO_METHOD'],
      [`/locked${UNARY}`, 16, 'WG_TOKEN_MISSING'],
      [`/nobody${UNARY}`, 14, 'WG_NO_NODE'],
      ['/../x', 3, 'WG_BAD_REQUEST'],
    ] as const
    for (const [path, status, code] of cases) {
      const answer = await rawCall(gateway.port, 'grpc', {
        path,
        headers: { 'x-request-id': `refused-${code}` },
      })
      assert.equal(answer.httpStatus, 200, path)
      assert.equal(answer.grpcStatus, status, path)
      assert.notEqual(answer.grpcMessage, '', path)
      assert.equal(answer.headers['content-type'], 'application/grpc+proto')
      assert.equal(answer.headers['x-request-id'], `refused-${code}`)
      assert.equal(answer.body.length, 0)
      const details = Buffer.from(String(answer.trailers['grpc-status-details-bin']), 'base64').toString(
        'latin1',
      )
      assert.ok(
        details.includes('google.rpc.ErrorInfo') && details.includes(code) && details.includes('waygate'),
        code,
      )
      const line = await gateway.logged(`refused-${code}`)
      assert.deepEqual([line.status, line.grpcStatus, line.code], [200, status, code])
    }
  })

  test('a fallback that is plain HTTP becomes a gRPC status', async () => {
    const answer = await rawCall(gateway.port, 'grpc', { path: `/fixed${UNARY}` })
    assert.deepEqual([answer.httpStatus, answer.grpcStatus], [200, 14])
    assert.equal(answer.trailers['grpc-retry-pushback-ms'], '7000')
    assert.equal(answer.grpcMessage, 'the service answered HTTP 503 instead of gRPC')
  })

  test('gRPC over HTTP/1.1 is told that it needs HTTP/2', async () => {
    for (const type of ['application/grpc', 'application/grpc+proto', 'Application/GRPC; a=b']) {
      const answer = await send(gateway.port, {
        method: 'POST',
        path: UNARY,
        headers: { 'content-type': type },
        body: 'x',
      })
      assert.equal(answer.status, 415)
      assert.equal(answer.json().code, 'WG_UNSUPPORTED_MEDIA')
    }
  })

  test('a call has a line in the access log and counts in the metrics', async () => {
    await client.call('Unary', { fail: { code: 9 } }, { metadata: { 'x-request-id': 'seen-1' } })
    const line = await gateway.logged('seen-1')
    assert.deepEqual(
      [
        line.method,
        line.path,
        line.status,
        line.route,
        line.service,
        line.rpc,
        line.grpcStatus,
        line.transcoded,
      ],
      ['POST', UNARY, 200, 'echo', 'echo', `${ECHO}/Unary`, 9, undefined],
    )
    const { text } = await send(gateway.adminPort, { path: '/metrics' })
    assert.match(
      text,
      /^waygate_grpc_calls_total\{route="echo",service="echo",method="[\w./]+",grpc_status="9"\} \d+$/m,
    )
    assert.match(
      text,
      /^waygate_grpc_calls_total\{route="none",service="",method="other",grpc_status="12"\} \d+$/m,
    )
  })

  test('a client that leaves ends its call at the node, and is logged', async () => {
    const call = client.start('ServerStream', { metadata: { 'x-request-id': 'left-1' } })
    call.send({ count: 1_000, delayMs: 20 })
    await until('a reply is there', () => call.replies.length > 0)
    call.cancel()
    const seen = node.calls.findLast(({ metadata }) => metadata.get('x-request-id')[0] === 'left-1')!
    await until('the node has noticed', () => seen.isCancelled)
    const line = await gateway.logged('left-1')
    assert.equal(line.rpc, `${ECHO}/ServerStream`)
  })

  test('metadata that exceed the limit are refused as a gRPC status, wherever the content type is', async () => {
    const large = { a: 'x'.repeat(9_000), b: 'x'.repeat(9_000) }
    for (const headers of [
      large,
      Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`x-${i}`, ''])),
    ]) {
      const { httpStatus, grpcStatus } = await rawCall(gateway.port, 'grpc', { path: UNARY, headers })
      assert.deepEqual([httpStatus, grpcStatus], [200, 8])
    }
    using raw = await openRawHttp2(gateway.port)
    const many = Array.from({ length: 200 }, (_, i) => [`x-${i}`, 'x'.repeat(60)]).flat()
    const first = [...many, 'content-type', 'application/grpc', 'te', 'trailers']
    raw.write(headersFrame(1, requestLines(first, 'POST', UNARY)))
    await raw.receives('HEADERS 1 END_STREAM')
    const [head] = raw.fields.get(1)!
    assert.equal(head![head!.indexOf('grpc-status') + 1], '8')
  })

  test('a client that waits to be asked for its messages is asked, since servers of gRPC would never do it', async () => {
    const headers = { expect: '100-continue', 'x-request-id': 'asked-1' }
    const { grpcStatus } = await rawCall(gateway.port, 'grpc', { path: UNARY, headers })
    assert.equal(grpcStatus, 0)
    const seen = node.calls.find(({ metadata }) => metadata.get('x-request-id')[0] === 'asked-1')!
    assert.equal(seen.requests.length, 1)
    assert.deepEqual(seen.metadata.get('expect'), [])
  })

  test('a node that is lost in the middle of an answer ends the call with UNAVAILABLE', async () => {
    const call = client.start('ServerStream')
    call.send({ count: 1_000, delayMs: 20 })
    await until('a reply is there', () => call.replies.length > 0)
    node.breakConnections()
    const { status, message } = await call.result
    assert.equal(status, 'UNAVAILABLE')
    assert.match(message, /the service ended the connection/)
  })
})

suite('answers of odd nodes', () => {
  type Frames = (id: number) => Buffer[]
  type Ending = readonly [grpcStatus: number, message: string | RegExp]
  const GRPC = [':status', '200', 'content-type', 'application/grpc']
  const message = (id: number) => [
    headersFrame(id, GRPC, { isEnd: false }),
    dataFrame(id, writeMessage(Buffer.from('a'))),
  ]
  const head =
    (...lines: string[]): Frames =>
    id => [headersFrame(id, lines)]
  const reset =
    (code: number): Frames =>
    id => [...message(id), rstStreamFrame(id, code)]
  const NO_STATUS = 'the service ended the call without a status'
  const RESET = 'the service reset the call'
  const CASES: Readonly<Record<string, readonly [Frames, Ending]>> = {
    'HTTP 404': [head(':status', '404', 'content-type', 'text/html'), [12, /HTTP 404/]],
    'HTTP 401': [head(':status', '401'), [16, /HTTP 401/]],
    'HTTP 200 that is not gRPC': [
      id => [
        headersFrame(id, [':status', '200', 'content-type', 'text/plain'], { isEnd: false }),
        dataFrame(id, 'hi', { isEnd: true }),
      ],
      [2, /HTTP 200/],
    ],
    'no status': [id => [...message(id), dataFrame(id, '', { isEnd: true })], [2, NO_STATUS]],
    'a head without a status': [head(...GRPC), [2, NO_STATUS]],
    'an unknown status': [
      id => [...message(id), headersFrame(id, ['grpc-status', '99', 'grpc-message', 'odd'])],
      [2, 'odd'],
    ],
    'an unknown status in the head': [head(...GRPC, 'grpc-status', '17'), [2, '']],
    'two statuses': [
      id => [...message(id), headersFrame(id, ['grpc-status', '0', 'grpc-status', '0'])],
      [13, 'the answer of the service is not valid HTTP/2'],
    ],
    'two statuses in the head': [head(...GRPC, 'grpc-status', '0', 'grpc-status', '5'), [13, /invalid/]],
    'a head without a content type': [head(':status', '200', 'grpc-status', '5'), [5, '']],
    'reset: CANCEL': [reset(ERROR.cancel), [1, RESET]],
    'reset: ENHANCE_YOUR_CALM': [reset(ERROR.enhanceYourCalm), [8, RESET]],
    'reset: NO_ERROR': [reset(ERROR.noError), [13, RESET]],
    'reset before the head': [id => [rstStreamFrame(id, ERROR.enhanceYourCalm)], [8, /could not be reached/]],
    'a lost connection': [message, [14, 'the service ended the connection']],
  }

  test('each becomes one valid status', async t => {
    const gateway = await startTestGateway(t, { config: { accessLog: true } })
    const nodes = await Promise.all(Object.keys(CASES).map(() => startRawNode(t)))
    for (const [index, { port }] of nodes.entries())
      await registerNaming(gateway.registry, `odd${index}`, port)
    await until('all nodes are known', () => gateway.gateway.nodeCount() === nodes.length)
    for (const [index, [name, [frames, [grpcStatus, told]]]] of Object.entries(CASES).entries()) {
      for (const door of ['grpc', 'web over HTTP/1'] as const) {
        const method = `/odd.Service/${door.slice(0, 3)}`
        const id = `odd-${index}-${door.slice(0, 3)}`
        const call = rawCall(gateway.port, door, {
          path: `/odd${index}${method}`,
          headers: { 'x-request-id': id },
        })
        const connection = await until('it is connected', () =>
          nodes[index]!.connections.find(({ socket }) => !socket.destroyed),
        )
        connection.write(...frames(await requestFor(connection, method)))
        if (name === 'a lost connection') connection.socket.destroy()
        const answer = await call
        const what = `${name}, ${door}`
        assert.deepEqual([answer.httpStatus, answer.grpcStatus], [200, grpcStatus], what)
        if (typeof told === 'string') assert.equal(answer.grpcMessage ?? '', told, what)
        else assert.match(answer.grpcMessage ?? '', told, what)
        const line = await gateway.logged(id)
        assert.equal(line.grpcStatus, grpcStatus, what)
        if (name.startsWith('an unknown')) assert.match(String(line.reason), /grpc-status "(?:99|17)"/, what)
      }
    }
  })
})
