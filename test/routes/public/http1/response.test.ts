import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Http1Response } from '../../../../routes/public/http1/response.ts'
import { openRaw } from '../../../support/http.ts'

/** Sends requests on one connection whose client reads nothing, and resolves with their responses. */
async function receive(t: TestContext, bytes: string, count: number) {
  const responses: Http1Response[] = []
  const arrived = Promise.withResolvers<void>()
  const server = createServer({ ServerResponse: Http1Response }, (_request, response) => {
    if (responses.push(response) === count) arrived.resolve()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = await openRaw((server.address() as AddressInfo).port)
  t.after(async () => {
    client.socket.destroy()
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  })
  client.socket.pause().write(bytes)
  await arrived.promise
  return { client, responses }
}

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n'
const HINTS = ['Link', 'x'.repeat(10_000)]

test('interim answers to a client that reads nothing take a bounded amount of memory', async t => {
  const { client, responses } = await receive(t, GET + GET, 2)
  const [current, next] = responses
  const { socket } = current!
  // More than the system takes for an unread connection.
  for (let i = 0; i < 3_000; i++) {
    current!.writeInterim(103, HINTS)
    next!.writeInterim(103, HINTS)
  }
  assert.ok(socket!.writableLength < 100_000, `${socket!.writableLength}`)
  client.socket.resume()
  current!.end('first')
  next!.end('second')
  const [first, second = ''] = (await client.until('second')).split('first')
  assert.ok(first!.includes(' 200 OK\r\n'))
  assert.ok(second.includes(' 200 OK\r\n'))
  assert.ok(second.length < 100_000, `${second.length}`)
})

test('nothing interim follows the head, or goes to a client that has left', async t => {
  const { client, responses } = await receive(t, GET, 1)
  const [response] = responses
  response!.writeHead(200, ['content-length', '2'])
  response!.writeInterim(103, ['x', '1'])
  client.socket.resume()
  response!.end('ok')
  assert.ok(!(await client.until('ok')).includes('103'))
  const second = await receive(t, GET, 1)
  const closed = once(second.responses[0]!, 'close')
  second.client.socket.destroy()
  await closed
  second.responses[0]!.writeInterim(103, ['x', '1'])
})

test('trailers are sent behind chunks, and left out where there are none', async t => {
  const one = await receive(t, GET, 1)
  one.client.socket.resume()
  one.responses[0]!.writeHead(200, ['trailer', 'X-Sum'])
  one.responses[0]!.write('a')
  one.responses[0]!.endWithTrailers(['X-Sum', 'caf\xe9', 'x-sum', '2'])
  assert.match(
    await one.client.until('x-sum: 2\r\n\r\n'),
    /\r\n1\r\na\r\n0\r\nX-Sum: caf\xe9\r\nx-sum: 2\r\n\r\n$/,
  )
  for (const request of [
    'GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n',
    'HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
  ]) {
    const { client, responses } = await receive(t, request, 1)
    client.socket.resume()
    assert.equal(responses[0]!.takesTrailers, false)
    responses[0]!.writeHead(200, [])
    responses[0]!.endWithTrailers(['X-Sum', '1'])
    assert.ok(!(await client.closed).includes('X-Sum'))
  }
})

/** Makes the ends of answers wait for the end of a turn, by ending two in one turn. */
async function beBusy(t: TestContext) {
  const { client, responses } = await receive(t, GET + GET, 2)
  for (const response of responses) response.end('x', 'latin1')
  client.socket.destroy()
  await new Promise(resolve => setImmediate(resolve))
}

test('an answer is ended once, by the first text that ends it', async t => {
  const { client, responses } = await receive(t, GET, 1)
  client.socket.resume()
  const [response] = responses
  await beBusy(t)
  response!.writeHead(200, ['content-length', '5'])
  response!.end('first', 'latin1')
  response!.end()
  response!.end('other', 'latin1')
  assert.match(await client.until(/\r\n\r\n.{5}/), /\r\n\r\nfirst$/)
})

test('a head that takes the place of one that was refused has a reason phrase of its own', async t => {
  const { client, responses } = await receive(t, GET, 1)
  const response = responses[0]!
  assert.throws(() => response.writeHead(200, ['x', 'a\0b']))
  response.writeHead(502, ['content-length', '3'])
  response.end('bad')
  client.socket.resume()
  assert.match(await client.until('bad'), /^HTTP\/1\.1 502 Bad Gateway\r\n/)
})
