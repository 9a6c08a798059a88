import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { GatewayError } from '../../../internal/http/errors.ts'
import type { RequestBody } from '../../../internal/upstream.ts'
import { UpstreamFailure } from '../../../internal/upstream-failure.ts'
import { http1Bodies } from '../../../middleware/connection/http1-body.ts'
import { streamOf } from '../../support/bodies.ts'
import { openRaw, type RawClient } from '../../support/http.ts'
import { until } from '../../support/until.ts'

const HEAD = 'POST / HTTP/1.1\r\nHost: h\r\n'
const OK = 'HTTP/1.1 200 OK'

/** Returns a request whose head has arrived, as the gateway receives it. */
async function receive(
  t: TestContext,
  bytes: string,
): Promise<{ request: IncomingMessage; client: RawClient; finish: () => void }> {
  const server = createServer()
  server.on('clientError', (_error, socket) => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const arrived = once(server, 'request')
  const client = await openRaw((server.address() as AddressInfo).port, bytes)
  const [request, response] = await arrived
  t.after(async () => {
    client.socket.destroy()
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  })
  return { request, client, finish: () => response.end('done') }
}

function bodyOf(request: IncomingMessage, maxBytes = 0) {
  const pieces: number[] = []
  const body = http1Bodies.open(request, { maxBytes, onPiece: () => void pieces.push(1) })
  return { body, pieces }
}

test('nothing is read from the client before the body is read', async t => {
  const { request } = await receive(t, `${HEAD}Content-Length: 4\r\n\r\nbody`)
  const { body } = bodyOf(request)
  const first = streamOf(body)
  assert.equal(body.begun, false)
  first.destroy()
  // A try that never read leaves the body whole for the next one.
  const second = streamOf(body)
  assert.equal(body.begun, false)
  const chunks = await second.toArray()
  assert.equal(Buffer.concat(chunks).toString(), 'body')
  assert.equal(body.begun, true)
})

test('a client that waits to be asked for its body is asked when the first byte is taken, once', async t => {
  const { request, client, finish } = await receive(t, `${HEAD}Content-Length: 4\r\nX: 1\r\n\r\n`)
  let asked = 0
  const body = http1Bodies.open(request, {
    ...{ maxBytes: 0, onPiece: () => {} },
    sendContinue() {
      asked++
      client.socket.write('body')
    },
  })
  assert.deepEqual([body.awaitsContinue, bodyOf(request).body.awaitsContinue], [true, false])
  streamOf(body).destroy()
  assert.deepEqual([asked, body.awaitsContinue], [0, true])
  assert.equal(Buffer.concat(await streamOf(body).toArray()).toString(), 'body')
  assert.deepEqual([asked, body.awaitsContinue], [1, false])
  finish()
})

test('every piece that arrives is reported', async t => {
  const { request, client } = await receive(t, `${HEAD}Content-Length: 8\r\n\r\nfour`)
  const { body, pieces } = bodyOf(request)
  const stream = streamOf(body)
  const [piece] = await once(stream, 'data')
  assert.equal(String(piece), 'four')
  client.socket.write('more')
  await once(stream, 'end')
  assert.equal(pieces.length, 2)
})

test('after a body was abandoned, the client’s connection can be answered and used again', async t => {
  const { request, client, finish } = await receive(t, `${HEAD}Content-Length: 100000\r\n\r\nfirst`)
  const stream = streamOf(bodyOf(request).body)
  await once(stream, 'data')
  stream.destroy()
  client.socket.write('x'.repeat(100_000 - 5))
  finish()
  await client.until('done')
  client.socket.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
  assert.equal(client.socket.destroyed, false)
  assert.ok(client.text().startsWith(OK))
  assert.equal(request.socket.destroyed, false)
})

test('a chunked body over the limit is cut off, and one at the limit is whole', async t => {
  const chunked = (size: number) =>
    `${HEAD}Transfer-Encoding: chunked\r\n\r\n${size.toString(16)}\r\n${'x'.repeat(size)}\r\n0\r\n\r\n`
  const fits = bodyOf((await receive(t, chunked(1_000))).request, 1_000)
  assert.equal(Buffer.concat(await streamOf(fits.body).toArray()).length, 1_000)
  const over = bodyOf((await receive(t, chunked(1_001))).request, 1_000)
  await assert.rejects(
    streamOf(over.body).toArray(),
    (error: unknown) => error instanceof GatewayError && error.code === 'WG_BODY_TOO_LARGE',
  )
})

test('a reader that pauses makes the client wait', async t => {
  const size = 32 * 1024 * 1024
  const { request, client } = await receive(t, `${HEAD}Content-Length: ${size}\r\n\r\n`)
  const stream = streamOf(bodyOf(request).body)
  const paused = once(request, 'pause')
  stream.once('readable', () => {})
  client.socket.write(Buffer.alloc(size, 'x'))
  await paused
  assert.ok(stream.readableLength < 1024 * 1024)
  assert.ok(client.socket.writableLength > 0)
  let received = 0
  for await (const chunk of stream) received += chunk.length
  assert.equal(received, size)
})

test('a client that breaks off ends the body as aborted, read or not', async t => {
  const { request, client } = await receive(t, `${HEAD}Content-Length: 100\r\n\r\nhalf`)
  const { body } = bodyOf(request)
  const stream = streamOf(body)
  await once(stream, 'data')
  client.socket.destroy()
  const [error] = await once(stream, 'error')
  assert.ok(error instanceof UpstreamFailure)
  assert.equal(error.kind, 'aborted')
  // Opened afterwards, it ends in the same way.
  await assert.rejects(streamOf(body).toArray(), { kind: 'aborted' })
})

test('a body that breaks off without a reader is not an unhandled error', async t => {
  const { request, client } = await receive(t, `${HEAD}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n`)
  const stream = streamOf(bodyOf(request).body)
  stream.on('data', () => {})
  await once(stream, 'data')
  const ended = new Promise(resolve => stream.once('close', resolve))
  client.socket.write('zz\r\n')
  await ended
})

const BYTES = 300_000
/** The most chunks of one byte in what Node reads from a socket at once, and in the body that it keeps until it is read. */
const [CHUNKS_PER_READ, CHUNKS_KEPT] = [65_536 / '1\r\nx\r\n'.length, 65_536]
const MOST_PER_TURN = CHUNKS_KEPT + 4 * CHUNKS_PER_READ

/** Counts the chunks of a request that arrive in one turn of the event loop. */
function countPerTurn(request: IncomingMessage): { readonly most: number } {
  const counted = { most: 0 }
  let chunks = 0
  request.prependListener('data', () => {
    if (++chunks === 1) {
      setImmediate(() => {
        counted.most = Math.max(counted.most, chunks)
        chunks = 0
      })
    }
  })
  return counted
}

/** A request whose body comes in chunks of one byte, from another process, so that reading never has to wait for it. */
async function receiveFlood(t: TestContext): Promise<IncomingMessage> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const arrived = once(server, 'request')
  const script = `require('net').connect(${(server.address() as AddressInfo).port}, '127.0.0.1').write(
    ${JSON.stringify(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`)}
    + '1\\r\\nx\\r\\n'.repeat(${BYTES}) + '0\\r\\n\\r\\n')`
  const client = spawn(process.execPath, ['-e', script], { stdio: 'inherit' })
  t.after(async () => {
    client.kill()
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  })
  const [request] = await arrived
  // All of it waits to be read.
  await delay(250)
  return request
}

test('chunks of one byte are passed on together, and are not read for seconds in one turn', async t => {
  const request = await receiveFlood(t)
  const { body, pieces } = bodyOf(request)
  const stream = streamOf(body)
  let bytes = 0
  stream.on('data', (piece: Buffer) => {
    bytes += piece.length
  })
  const counted = countPerTurn(request)
  await once(stream, 'end')
  assert.equal(bytes, BYTES)
  assert.ok(pieces.length < BYTES / 1_000, `${pieces.length} pieces`)
  assert.ok(counted.most <= MOST_PER_TURN, `${counted.most} chunks in one turn`)
})

test('chunks of one byte that are discarded are not read for seconds in one turn', async t => {
  const request = await receiveFlood(t)
  let bytes = 0
  const counted = countPerTurn(request)
  http1Bodies.discard(request, size => {
    bytes += size
  })
  await once(request, 'end')
  assert.equal(bytes, BYTES)
  assert.ok(counted.most <= MOST_PER_TURN, `${counted.most} chunks in one turn`)
})

test('a chunk that arrives alone is passed on at once, in its place among large ones', async t => {
  const { request, client } = await receive(t, `${HEAD}Transfer-Encoding: chunked\r\n\r\n`)
  const stream = streamOf(bodyOf(request).body)
  const got: string[] = []
  stream.on('data', (piece: Buffer) => got.push(`${piece.length}${String.fromCharCode(piece[0]!)}`))
  client.socket.write('1\r\na\r\n')
  await once(stream, 'data')
  assert.deepEqual(got, ['1a'])
  client.socket.write(`1\r\nb\r\n1\r\nb\r\n800\r\n${'c'.repeat(2_048)}\r\n1\r\nd\r\n0\r\n\r\n`)
  await once(stream, 'end')
  assert.deepEqual(got, ['1a', '2b', '2048c', '1d'])
})

/** Opens the flow of a body, and notes what it delivers. */
function flowOf(body: RequestBody) {
  const got: string[] = []
  const flow = body.open({
    onData: chunk => void got.push(chunk.toString()),
    onEnd: () => void got.push('end'),
    onError: error => void got.push(error.message),
  })
  return { flow, got }
}

test('a flow that is paused delivers nothing until it is resumed', async t => {
  for (const head of [`${HEAD}Content-Length: 7\r\n\r\n`, `${HEAD}Transfer-Encoding: chunked\r\n\r\n`]) {
    const isChunked = head.includes('chunked')
    const { request, client } = await receive(t, head)
    const options = { maxBytes: 0, onPiece: () => {}, ...(!isChunked && { length: 7 }) }
    const { flow, got } = flowOf(http1Bodies.open(request, options))
    flow.resume()
    flow.pause()
    assert.equal(flow.isPaused, true)
    client.socket.write(isChunked ? '3\r\none\r\n4\r\nmore\r\n0\r\n\r\n' : 'onemore')
    await until('the body has arrived', () => request.readableLength === 7)
    assert.deepEqual(got, [])
    flow.resume()
    await until('the body has ended', () => got.at(-1) === 'end')
    assert.equal(got.join(''), 'onemoreend')
  }
})

test('a flow that is paused in the middle of small chunks keeps the others until it is resumed', async t => {
  const { request, client } = await receive(t, `${HEAD}Transfer-Encoding: chunked\r\n\r\n`)
  const got: string[] = []
  const flow = http1Bodies.open(request, { maxBytes: 0, onPiece: () => {} }).open({
    onData(chunk) {
      got.push(chunk.toString())
      flow.pause()
    },
    onEnd: () => void got.push('end'),
    onError: () => {},
  })
  flow.resume()
  client.socket.write(`1\r\na\r\n400\r\n${'b'.repeat(1_024)}\r\n1\r\nc\r\n0\r\n\r\n`)
  const large = 'b'.repeat(1_024)
  for (const expected of [['a'], ['a', large], ['a', large, 'c']]) {
    await until('a piece was delivered', () => got.length >= expected.length)
    assert.deepEqual([flow.isPaused, got.filter(piece => piece !== 'end')], [true, expected])
    flow.resume()
  }
  await until('the body has ended', () => got.at(-1) === 'end')
})

test('a body with a length ends with its last byte, and one that was stopped delivers nothing more', async t => {
  const { request, client, finish } = await receive(t, `${HEAD}Content-Length: 8\r\n\r\n`)
  const got: string[] = []
  const flow = http1Bodies.open(request, { maxBytes: 0, length: 8, onPiece: () => {} }).open({
    onData: chunk => void got.push(chunk.toString()),
    onEnd: () => void got.push(request.readableEnded ? 'late end' : 'end'),
    onError: () => {},
  })
  flow.resume()
  client.socket.write('four')
  await until('a piece was delivered', () => got.length === 1)
  client.socket.write('more')
  await once(request, 'end')
  assert.deepEqual(got, ['four', 'more', 'end'])
  flow.stop()

  const other = await receive(t, `${HEAD}Content-Length: 8\r\n\r\nfour`)
  const { flow: stopped, got: nothing } = flowOf(
    http1Bodies.open(other.request, { maxBytes: 0, length: 8, onPiece: () => {} }),
  )
  stopped.resume()
  stopped.stop()
  stopped.resume()
  other.client.socket.write('more')
  await once(other.request, 'end')
  assert.deepEqual(nothing, [])
  finish()
})

test('nothing of a body follows on its error, not even a short piece that came in the same turn', async t => {
  const { request, client } = await receive(t, `${HEAD}Transfer-Encoding: chunked\r\n\r\n`)
  const said: string[] = []
  const flow = bodyOf(request).body.open({
    onData: () => void said.push('data'),
    onEnd: () => void said.push('end'),
    onError: () => void said.push('error'),
  })
  flow.resume()
  request.once('data', () => request.destroy(new Error('gone')))
  client.socket.write('2\r\nab\r\n')
  await new Promise<void>(resolve => request.once('close', resolve))
  await new Promise(setImmediate)
  assert.deepEqual(said, ['error'])
})
