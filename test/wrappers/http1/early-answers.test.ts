import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { UpstreamFailure } from '../../../internal/upstream-failure.ts'
import { openRaw, send } from '../../support/http.ts'
import { answer, type Script } from '../../support/node-server.ts'
import { until } from '../../support/until.ts'
import { startDispatchFront } from './dispatch-front.ts'
import { holdTimers } from './held-timer.ts'

// A node answers an upload before it has read it, and reads no more of it. Our next write fails while the answer is
// still to be read.

const UPLOAD_BYTES = 4_000_000
const FRAMINGS = {
  counted: { header: `Content-Length: ${UPLOAD_BYTES}`, before: '', after: '' },
  chunked: {
    header: 'Transfer-Encoding: chunked',
    before: `${UPLOAD_BYTES.toString(16)}\r\n`,
    after: '\r\n0\r\n\r\n',
  },
}
/** How a node ends the connection once it has answered. Each of them resets it, since the upload is left unread. */
const ENDINGS: Readonly<Record<string, (socket: Socket) => unknown>> = {
  'closes the connection': socket => socket.destroy(),
  'ends its side, and closes the connection later': socket => {
    socket.end()
    setImmediate(() => socket.destroy())
  },
  'resets the connection': socket => socket.resetAndDestroy(),
}

/** Sends an upload on its own connection. Resolves with everything received once `expected` has come. */
async function upload(port: number, expected: string | RegExp, framing: keyof typeof FRAMINGS = 'counted') {
  const { header, before, after } = FRAMINGS[framing]
  const client = await openRaw(port, `POST /up HTTP/1.1\r\nHost: h\r\n${header}\r\n\r\n${before}`)
  client.socket.write(Buffer.alloc(UPLOAD_BYTES))
  client.socket.write(after)
  const text = await client.until(expected)
  client.socket.destroy()
  return text
}

/** Writes an answer, reads nothing more, and ends the connection when the answer is on its way. */
const answerEarly =
  (bytes: string, end: (socket: Socket) => unknown): Script =>
  (socket, { method }) => {
    if (method === 'GET') return socket.write(answer('fine'))
    socket.pause()
    return socket.write(bytes, () => end(socket))
  }

for (const [what, end] of Object.entries(ENDINGS)) {
  for (const framing of ['counted', 'chunked'] as const) {
    test(`the client gets the early answer of a node that then ${what} (${framing} upload)`, async t => {
      const { front, peer, node } = await startDispatchFront(
        t,
        answerEarly(answer('too big', ['Connection: close'], '413 Too Large'), end),
      )
      for (let i = 0; i < 20; i++) {
        assert.match(await upload(front.port, 'too big', framing), /^HTTP\/1\.1 413 /)
      }
      await node.idle()
      assert.deepEqual([front.failures, peer.failures, peer.inFlight], [[], 0, 0])
    })
  }
}

test('an early answer is passed on whatever its status, also if it promises to keep the connection', async t => {
  let status = ''
  const { front, peer, node } = await startDispatchFront(t, (socket, request) =>
    answerEarly(answer('early', [], status), ENDINGS['closes the connection']!)(socket, request, 0),
  )
  for (status of ['200 OK', '401 Unauthorized', '413 Too Large', '429 Too Many', '503 Busy']) {
    for (let i = 0; i < 5; i++) {
      assert.ok((await upload(front.port, 'early')).startsWith(`HTTP/1.1 ${status.slice(0, 3)} `), status)
    }
  }
  await node.idle()
  assert.equal(peer.failures, 5, 'only the answers with 503 are failures')
})

test('an early answer on a connection that has carried answers before is passed on', async t => {
  const { front, node, get } = await startDispatchFront(
    t,
    answerEarly(answer('too big', [], '413 Too Large'), ENDINGS['closes the connection']!),
  )
  for (let i = 1; i <= 20; i++) {
    assert.equal((await get()).text, 'fine')
    assert.match(await upload(front.port, 'too big'), /^HTTP\/1\.1 413 /)
    await node.idle()
    assert.equal(node.connections, i, 'the upload took the connection of the GET')
  }
})

test('an early answer behind an interim one is passed on', async t => {
  const { front } = await startDispatchFront(
    t,
    answerEarly(
      `HTTP/1.1 100 Continue\r\n\r\n${answer('too big', [], '413 Too Large')}`,
      ENDINGS['closes the connection']!,
    ),
  )
  for (let i = 0; i < 20; i++) assert.match(await upload(front.port, 'too big'), /^HTTP\/1\.1 413 /)
})

test('an early answer that ends with its connection is whole', async t => {
  const { front } = await startDispatchFront(
    t,
    answerEarly(
      'HTTP/1.0 413 Too Large\r\n\r\ntoo big',
      ENDINGS['ends its side, and closes the connection later']!,
    ),
  )
  for (let i = 0; i < 20; i++) {
    assert.match(await upload(front.port, /too big(\r\n0\r\n\r\n)?$/), /^HTTP\/1\.1 413 /)
  }
  const whole = await send(front.port, { method: 'POST', body: Buffer.alloc(UPLOAD_BYTES) })
  assert.equal(whole.text, 'too big')
})

test('an early answer that is longer than one read goes on after the write has failed', async t => {
  const body = `${'x'.repeat(100_000)}its end`
  let received = 0
  const { front, node } = await startDispatchFront(t, (socket, request) =>
    answerEarly(answer(body, [], '413 Too Large'), async () => {
      await until('the client has most of it', () => received > 70_000)
      socket.resetAndDestroy()
    })(socket, request, 0),
  )
  for (let i = 0; i < 5; i++) {
    received = 0
    const client = await openRaw(
      front.port,
      `POST /up HTTP/1.1\r\nHost: h\r\n${FRAMINGS.counted.header}\r\n\r\n`,
    )
    client.socket.on('data', piece => {
      received += piece.length
    })
    client.socket.write(Buffer.alloc(UPLOAD_BYTES))
    assert.ok((await client.until('its end')).endsWith(body))
    client.socket.destroy()
    await node.idle()
  }
})

test('a node that breaks the connection of an upload without a whole head has failed', async t => {
  let said = ''
  const { front, peer } = await startDispatchFront(t, (socket, request) =>
    said === ''
      ? socket.resetAndDestroy()
      : answerEarly(said, ENDINGS['closes the connection']!)(socket, request, 0),
  )
  for (said of ['', 'HTTP/1.1 413 Too', 'HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n']) {
    assert.match(await upload(front.port, 'reset'), /^HTTP\/1\.1 599 /, said)
  }
  assert.deepEqual(
    front.failures.map(failure => (failure as UpstreamFailure).kind),
    ['reset', 'reset', 'reset'],
  )
  assert.deepEqual([peer.failures, peer.inFlight], [3, 0])
})

test('a counted answer that is cut by the reset never looks whole', async t => {
  const { front } = await startDispatchFront(
    t,
    answerEarly(
      'HTTP/1.1 413 Too Large\r\nContent-Length: 100\r\n\r\ncut',
      ENDINGS['closes the connection']!,
    ),
  )
  for (let i = 0; i < 5; i++) {
    await assert.rejects(send(front.port, { method: 'POST', body: Buffer.alloc(UPLOAD_BYTES) }))
  }
})

test('when a write fails and nothing more can be read, the try fails within a second', async t => {
  const timers = holdTimers(t, 1_000)
  const { _write: write } = Socket.prototype
  let isFailing = false
  t.mock.method(
    Socket.prototype,
    '_write',
    function (this: Socket, chunk: unknown, encoding: BufferEncoding, done: (error?: Error | null) => void) {
      const isOurs = isFailing && this.remotePort === node.port
      if (isOurs) done(new Error('the write failed'))
      else write.call(this, chunk, encoding, done)
    },
  )
  const { front, node, get } = await startDispatchFront(t, socket => socket.write(answer('fine')))
  assert.equal((await get()).text, 'fine')
  isFailing = true
  const failed = get()
  await until('the write has failed', () => timers.length === 1)
  assert.equal(front.failures.length, 0)
  timers[0]!.fire()
  assert.equal((await failed).text, 'reset')
  const failure = front.failures[0] as UpstreamFailure
  assert.ok(failure instanceof UpstreamFailure)
  assert.match(String(failure.cause), /the write failed/)
  await node.idle()
})
