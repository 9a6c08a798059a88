import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { after, before, suite, test } from 'node:test'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { ECHO, type EchoInput, type EchoReply, echoPackage } from '../support/grpc-echo.ts'
import { writeMessage } from '../support/grpc-message.ts'
import { type GrpcNode, startGrpcNode } from '../support/grpc-node.ts'
import { send } from '../support/http.ts'
import { registerNaming } from '../support/naming.ts'
import { answer, startNode } from '../support/node-server.ts'
import { type Door, rawCall } from '../support/raw-call.ts'
import { dataFrame, headersFrame } from '../support/raw-http2.ts'
import { until } from '../support/until.ts'
import { requestFor, startRawNode } from '../wrappers/http2/raw-node.ts'

const WEB: readonly Door[] = ['web over HTTP/1', 'web over HTTP/2', 'web-text']
const APP = 'https://app.example.com'

const service = echoPackage[ECHO] as Record<
  string,
  { requestSerialize(value: EchoInput): Buffer; responseDeserialize(bytes: Buffer): EchoReply }
>
const encode = (request: EchoInput) => service.Unary!.requestSerialize(request)
const decode = (message: Buffer) => service.Unary!.responseDeserialize(message)

suite('gRPC-web', () => {
  const closers: (() => unknown)[] = []
  let gateway: TestGateway
  let node: GrpcNode

  before(async () => {
    node = await startGrpcNode('n1', { reflection: true })
    closers.push(() => node.close())
    gateway = await startTestGateway(
      { after: close => void closers.push(close as () => unknown) },
      {
        config: { accessLog: true },
        routes: {
          echo: { path: `/${ECHO}/*`, service: 'echo', cors: { origins: [APP] }, grpc: { allow: ['*'] } },
          small: { path: '/small/*', service: 'echo', stripPrefix: '/small', maxBodyBytes: 100 },
          unwanted: { path: '/unwanted/*', service: 'echo', stripPrefix: '/unwanted', grpc: { web: false } },
          hides: {
            ...{ path: '/hides/*', service: 'echo', stripPrefix: '/hides' },
            responseHeaders: { remove: ['x-echo-a'] },
          },
        },
      },
    )
    await registerNaming(gateway.registry, 'echo', node.port)
    await until('the node is described', async () => {
      const { text } = await send(gateway.adminPort, { path: '/metrics' })
      return text.includes('waygate_descriptors{service="echo"')
    })
  })
  after(async () => {
    for (const close of closers.reverse()) await close()
  })

  test('unary calls and server streams pass, as bytes and as text, over HTTP/1.1 and HTTP/2', async () => {
    for (const door of WEB) {
      const unary = await rawCall(gateway.port, door, {
        path: `/${ECHO}/Unary`,
        message: encode({ text: 'hällo' }),
      })
      assert.deepEqual([unary.httpStatus, unary.grpcStatus], [200, 0], door)
      assert.deepEqual(
        unary.messages.map(decode).map(({ text }) => text),
        ['hällo'],
      )
      const stream = await rawCall(gateway.port, door, {
        path: `/${ECHO}/ServerStream`,
        message: encode({ count: 50, replyBytes: 1_000 }),
      })
      assert.equal(stream.grpcStatus, 0, door)
      assert.deepEqual(
        stream.messages.map(decode).map(({ index }) => index),
        [...Array(50).keys()],
      )
    }
  })

  test('the node sees a gRPC call, with the metadata of the client', async () => {
    for (const door of WEB) {
      const id = `web-${WEB.indexOf(door)}`
      const headers = {
        'x-request-id': id,
        'x-echo-a': 'b',
        'x-grpc-web': '1',
        'x-user-agent': 'web',
        'grpc-timeout': '5S',
      }
      const { trailers } = await rawCall(gateway.port, door, { path: `/${ECHO}/Unary`, headers })
      assert.equal(trailers['x-echo-a'], 'b', door)
      const { metadata } = node.calls.at(-1)!
      assert.deepEqual(metadata.get('x-echo-a'), ['b'])
      assert.deepEqual(metadata.get('x-request-id'), [id])
      assert.deepEqual(metadata.get('x-forwarded-for'), ['127.0.0.1'])
      for (const name of ['x-grpc-web', 'x-user-agent', 'content-length'])
        assert.deepEqual(metadata.get(name), [], name)
      const line = await gateway.logged(id)
      assert.deepEqual([line.rpc, line.grpcStatus, line.route], [`${ECHO}/Unary`, 0, 'echo'])
    }
  })

  test('a status comes in the trailers of the body, with its message and details', async () => {
    for (const door of WEB) {
      for (const after of [0, 1]) {
        const fail = { code: 5, message: 'no täsk', details: Buffer.from([8, 5]), after }
        const answer = await rawCall(gateway.port, door, {
          path: `/${ECHO}/ServerStream`,
          message: encode({ count: 2, fail }),
        })
        assert.deepEqual(
          [answer.httpStatus, answer.grpcStatus, answer.grpcMessage],
          [200, 5, 'no täsk'],
          door,
        )
        assert.equal(answer.trailers['grpc-status-details-bin'], 'CAU=')
        assert.equal(answer.messages.length, after)
        assert.equal(answer.headers['grpc-status'], undefined)
      }
    }
  })

  test('a refusal is a status in the body, too', async () => {
    for (const door of WEB) {
      const cases = [
        ['/no.such.Service/Method', 12],
        [`/${ECHO}/No/Such`, 12],
        ['/../x', 3],
        // The client of this method sends a stream.
        [`/${ECHO}/ClientStream`, 12],
        [`/${ECHO}/Bidi`, 12],
      ] as const
      for (const [path, status] of cases) {
        const refused = await rawCall(gateway.port, door, { path })
        assert.deepEqual([refused.httpStatus, refused.grpcStatus], [200, status], `${door} ${path}`)
        assert.match(String(refused.headers['content-type']), /^application\/grpc-web(?:-text)?\+proto$/)
        assert.notEqual(refused.trailers['grpc-status-details-bin'], undefined)
        assert.notEqual(refused.headers['x-request-id'], undefined)
      }
    }
  })

  test('a method that the descriptors do not know passes', async () => {
    const answer = await rawCall(gateway.port, 'web over HTTP/1', { path: `/${ECHO}/NotKnown` })
    assert.equal(answer.grpcStatus, 12)
    assert.match(String(answer.grpcMessage), /does not implement|unimplemented/i)
  })

  test('the messages of a stream come as the node sends them', async () => {
    for (const type of ['application/grpc-web', 'application/grpc-web-text']) {
      const framed = writeMessage(encode({ count: 100, delayMs: 50 }))
      const request = httpRequest({
        ...{
          host: '127.0.0.1',
          port: gateway.port,
          method: 'POST',
          path: `/${ECHO}/ServerStream`,
          agent: false,
        },
        headers: { 'content-type': type },
      })
      request.on('error', () => {})
      request.end(type.endsWith('text') ? framed.toString('base64') : framed)
      const [response] = await once(request, 'response')
      const [first] = await once(response, 'data')
      const bytes = type.endsWith('text') ? Buffer.from(String(first), 'base64') : (first as Buffer)
      assert.equal(bytes[0], 0)
      const seen = node.calls.at(-1)!
      assert.equal(seen.isOver, false)
      request.destroy()
      await until('the node has noticed that the client left', () => seen.isCancelled)
    }
  })

  test('text that is not base64 is refused', async () => {
    const good = writeMessage(encode({ text: 'a' })).toString('base64')
    for (const body of [`${good.slice(0, 4)}\r\n${good.slice(4)}`, good.slice(0, -1), `${good}*`, '====']) {
      const headers = { 'content-type': 'application/grpc-web-text+proto' }
      const refused = await send(gateway.port, { method: 'POST', path: `/${ECHO}/Unary`, headers, body })
      const trailers = Buffer.from(refused.text, 'base64').toString('latin1')
      assert.equal(refused.status, 200)
      assert.match(trailers, /grpc-status: 3\r\n/, JSON.stringify(body))
    }
  })

  test('a body in several padded parts is one message', async () => {
    const framed = writeMessage(encode({ text: 'hello' }))
    const body = [framed.subarray(0, 1), framed.subarray(1, 5), framed.subarray(5)]
      .map(part => part.toString('base64'))
      .join('')
    const headers = { 'content-type': 'application/grpc-web-text' }
    const got = await send(gateway.port, { method: 'POST', path: `/${ECHO}/Unary`, headers, body })
    assert.match(got.text, /^[\w+/=]+$/)
    assert.equal(node.calls.at(-1)!.requests[0]?.text, 'hello')
  })

  test('a body above the limit of the route is refused', async () => {
    const message = encode({ payload: Buffer.alloc(1_000) })
    for (const door of WEB) {
      const refused = await rawCall(gateway.port, door, { path: `/small/${ECHO}/Unary`, message })
      assert.equal(refused.grpcStatus, 8, door)
    }
  })

  test('what a policy removes is not in the trailers of the body either', async () => {
    for (const fail of [null, { code: 9 }]) {
      const { trailers, headers } = await rawCall(gateway.port, 'web over HTTP/1', {
        path: `/hides/${ECHO}/Unary`,
        headers: { 'x-echo-a': 'secret', 'x-echo-b': 'shown' },
        message: encode({ fail }),
      })
      assert.equal(trailers['x-echo-a'] ?? headers['x-echo-a'], undefined)
      assert.equal(trailers['x-echo-b'], 'shown')
    }
  })

  test('pages of a listed origin can read the status, and others get no leave', async () => {
    const preflight = await send(gateway.port, {
      method: 'OPTIONS',
      path: `/${ECHO}/Unary`,
      headers: {
        origin: APP,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,x-grpc-web,grpc-timeout',
      },
    })
    assert.equal(preflight.status, 204)
    assert.equal(preflight.headers['access-control-allow-headers'], 'content-type,x-grpc-web,grpc-timeout')
    for (const path of [`/${ECHO}/Unary`, `/${ECHO}/No/Such`]) {
      const own = await rawCall(gateway.port, 'web over HTTP/1', { path, headers: { origin: APP } })
      assert.equal(own.headers['access-control-allow-origin'], APP)
      const exposed = String(own.headers['access-control-expose-headers']).split(', ')
      for (const name of ['grpc-status', 'grpc-message', 'grpc-status-details-bin'])
        assert.ok(exposed.includes(name))
      const other = await rawCall(gateway.port, 'web over HTTP/1', {
        path,
        headers: { origin: 'https://evil.example' },
      })
      assert.equal(other.headers['access-control-allow-origin'], undefined)
    }
  })

  test('where gRPC-web is not wanted, it is a content type that the service does not take', async () => {
    const refused = await send(gateway.port, {
      ...{ method: 'POST', path: `/unwanted/${ECHO}/Unary`, body: 'x' },
      headers: { 'content-type': 'application/grpc-web+proto' },
    })
    assert.match(refused.text, /grpc-status: 12|WG_UNSUPPORTED_MEDIA/)
    assert.ok(node.calls.every(({ metadata }) => metadata.get('x-forwarded-prefix')[0] !== '/unwanted'))
  })

  test('nodes of HTTP get gRPC-web as it is', async t => {
    const plain = await startNode(t, socket =>
      socket.write(answer('own', ['content-type: application/grpc-web'])),
    )
    await gateway.registry.register({
      service: 'plain',
      id: 'p1',
      host: '127.0.0.1',
      port: plain.port,
      weight: 1,
    })
    await until('it is known', () => gateway.gateway.nodeCount() === 2)
    const headers = { 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1' }
    const got = await send(gateway.port, { method: 'POST', path: '/plain/a.B/C', headers, body: 'x' })
    assert.equal(got.text, 'own')
    assert.equal(plain.requests.at(-1)!.header('content-type'), 'application/grpc-web+proto')
    assert.equal(plain.requests.at(-1)!.header('x-grpc-web'), '1')
  })

  test('an answer that is cut in the middle of a message is broken off, not completed', async t => {
    const odd = await startRawNode(t)
    await registerNaming(gateway.registry, 'odd', odd.port)
    await until('it is known', () => gateway.gateway.nodeCount() >= 2)
    const call = rawCall(gateway.port, 'web over HTTP/1', { path: '/odd/odd.Service/Method' })
    const broken = assert.rejects(call, /aborted|hang up|ECONNRESET/)
    const connection = await until('it is connected', () => odd.connections[0])
    const id = await requestFor(connection, '/odd.Service/Method')
    const half = writeMessage(Buffer.from('hello')).subarray(0, 7)
    connection.write(
      headersFrame(id, [':status', '200', 'content-type', 'application/grpc'], { isEnd: false }),
      dataFrame(id, half),
    )
    connection.write(headersFrame(id, ['grpc-status', '0']))
    await broken
  })
})
