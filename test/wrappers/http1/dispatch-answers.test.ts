import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamFailure } from '../../../internal/upstream-failure.ts'
import { openRaw, send, sendRaw } from '../../support/http.ts'
import { answer } from '../../support/node-server.ts'
import { startDispatchFront } from './dispatch-front.ts'

const tick = () => new Promise(resolve => setImmediate(resolve))

test('an answer arrives unchanged, in one piece or in many', async t => {
  const text = answer('hello', [
    'Content-Type: text/plain',
    'Set-Cookie: a=1',
    'Set-Cookie: b=2',
    'X-Bytes: caf\xe9',
  ])
  const { get } = await startDispatchFront(t, async (socket, request) => {
    if (request.target === '/one') return socket.write(text, 'latin1')
    for (const byte of text) {
      socket.write(byte, 'latin1')
      await tick()
    }
  })
  for (const path of ['/one', '/many']) {
    const got = await get(path)
    assert.equal(got.status, 200)
    assert.equal(got.text, 'hello')
    assert.equal(got.headers['content-type'], 'text/plain')
    assert.deepEqual(got.headers['set-cookie'], ['a=1', 'b=2'])
    assert.equal(got.headers['x-bytes'], 'caf\xe9')
    assert.equal(got.headers['content-length'], '5')
  }
})

test('bodies of every size come through byte for byte', async t => {
  const sizes = [0, 1, 100, 16_384, 16_385, 65_536, 65_537, 300_000, 3_000_000]
  const bodyOf = (size: number) =>
    Buffer.from(Array.from({ length: 256 }, (_, i) => i))
      .toString('latin1')
      .repeat(size / 256 + 1)
      .slice(0, size)
  const { get, peer } = await startDispatchFront(t, (socket, request) => {
    const body = bodyOf(Number(request.target.slice(1)))
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`, 'latin1')
  })
  for (const size of sizes) {
    const { body } = await get(`/${size}`)
    assert.ok(body.equals(Buffer.from(bodyOf(size), 'latin1')), `${size} bytes`)
  }
  assert.equal(peer.inFlight, 0)
  assert.equal(peer.failures, 0)
})

test('a chunked answer arrives whole, with its trailers', async t => {
  const { front, get } = await startDispatchFront(t, socket =>
    socket.write(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n',
    ),
  )
  assert.equal((await get()).text, 'abcde')
  const text = await sendRaw(front.port, 'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
  assert.match(text, /\r\n0\r\nX-T: 1\r\n\r\n$/)
})

test('an answer that ends with its connection arrives whole', async t => {
  const { get } = await startDispatchFront(t, socket => socket.end('HTTP/1.1 200 OK\r\n\r\nto the end'))
  assert.equal((await get()).text, 'to the end')
})

test('answers without a body have none, and the connection stays open', async t => {
  const { front } = await startDispatchFront(t, (socket, request) => {
    const status = { '/204': '204 No Content', '/304': '304 Not Modified\r\nContent-Length: 7' }[
      request.target
    ]
    if (request.method === 'HEAD') socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nX-H: 1\r\n\r\n')
    else socket.write(status ? `HTTP/1.1 ${status}\r\n\r\n` : answer('body'))
  })
  const head = await send(front.port, { method: 'HEAD' })
  assert.deepEqual(
    [head.status, head.headers['content-length'], head.headers['x-h'], head.text],
    [200, '1000', '1', ''],
  )
  for (const status of [204, 304]) {
    const got = await send(front.port, { path: `/${status}` })
    assert.deepEqual([got.status, got.text], [status, ''])
  }
  assert.equal((await send(front.port)).text, 'body')
})

test('interim answers are not taken for the final answer', async t => {
  const interim = ['100 Continue', '102 Processing', '103 Early Hints\r\nLink: </a>; rel=preload']
  const { get } = await startDispatchFront(t, async socket => {
    for (const line of interim) {
      socket.write(`HTTP/1.1 ${line}\r\n\r\n`)
      await tick()
    }
    socket.write(answer('real'))
  })
  const got = await get()
  assert.deepEqual([got.status, got.text, got.headers.link], [200, 'real', undefined])
})

test('hop-by-hop fields of the answer are not passed on', async t => {
  const lines = [
    'Connection: keep-alive, X-Hop',
    'X-Hop: 1',
    'Keep-Alive: timeout=3',
    'Upgrade: h2c',
    'Proxy-Authenticate: Basic',
    'X-Kept: 1',
  ]
  const { get } = await startDispatchFront(t, socket => socket.write(answer('ok', lines)))
  const { headers } = await get()
  assert.equal(headers['x-kept'], '1')
  for (const name of ['x-hop', 'upgrade', 'proxy-authenticate']) assert.equal(headers[name], undefined, name)
  assert.notEqual(headers['keep-alive'], 'timeout=3')
})

test('a Trailer announced beside a Content-Length is harmless', async t => {
  const { get } = await startDispatchFront(t, socket => socket.write(answer('ok', ['Trailer: X-T'])))
  for (let i = 0; i < 2; i++) {
    const got = await get()
    assert.deepEqual([got.status, got.text, got.headers.trailer], [200, 'ok', undefined])
  }
})

test('the head of an answer is passed on before its body arrives', async t => {
  const { front, node } = await startDispatchFront(t, socket =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'),
  )
  const client = await openRaw(front.port, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n')
  await client.until('text/event-stream')
  const [socket] = node.open
  socket!.write('5\r\nfirst\r\n')
  await client.until('first')
  socket!.write('6\r\nsecond\r\n0\r\n\r\n')
  await client.until('second')
  client.socket.destroy()
})

const INVALID: Readonly<Record<string, string>> = {
  'no HTTP at all': 'SSH-2.0-OpenSSH_9.6\r\n\r\n',
  'an HTTP/0.9 body': '<html>hello</html>\r\n\r\n',
  'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk',
  'two equal lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok',
  'a list of lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok',
  'a length that is not a number': 'HTTP/1.1 200 OK\r\nContent-Length: 2x\r\n\r\nok',
  'a negative length': 'HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok',
  'a length that is too large': 'HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok',
  'a length and an encoding':
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  'an encoding and a length':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  'an unknown encoding': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nConnection: close\r\n\r\nok',
  'an encoding before chunked':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  'an encoding after chunked':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\nConnection: close\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  'two encodings':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  'a space before the colon': 'HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok',
  'a folded line': 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok',
  'a bare line feed': 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok',
  'a NUL in a value': 'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok',
  'an invalid status': 'HTTP/1.1 99 Odd\r\nContent-Length: 2\r\n\r\nok',
  'a switch of protocols that was not requested':
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n',
  'a head without end': `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
}

for (const [what, bytes] of Object.entries(INVALID)) {
  test(`an invalid answer is refused: ${what}`, async t => {
    const { get, front, peer } = await startDispatchFront(t, socket => socket.write(bytes, 'latin1'))
    const got = await get()
    assert.deepEqual([got.status, got.text], [599, 'invalid'])
    assert.ok(front.failures[0] instanceof UpstreamFailure)
    assert.deepEqual([peer.inFlight, peer.failures], [0, 1])
  })
}

test('a connection that ends before the head is a reset', async t => {
  const { get, peer } = await startDispatchFront(t, (socket, request) => {
    if (request.target === '/end') socket.end()
    else if (request.target === '/half') socket.end('HTTP/1.1 200 OK\r\nConte')
    else socket.resetAndDestroy()
  })
  for (const path of ['/end', '/half', '/reset']) {
    const got = await get(path)
    assert.deepEqual([got.status, got.text], [599, 'reset'], path)
  }
  assert.equal(peer.inFlight, 0)
})

test('a body that breaks off does not look whole', async t => {
  const beginnings: Readonly<Record<string, string>> = {
    '/length': 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf',
    '/chunked': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
    '/garbage': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n',
    '/size': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n-1\r\n',
  }
  const { front, peer } = await startDispatchFront(t, (socket, request) => {
    socket.write(beginnings[request.target]!)
    if (request.target === '/length' || request.target === '/chunked') socket.end()
  })
  for (const path of Object.keys(beginnings)) {
    const text = await sendRaw(front.port, `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`)
    assert.ok(!/\r\n0\r\n\r\n$/.test(text), `${path}: ${text}`)
    assert.ok(!text.includes('Content-Length: 4\r\n'), path)
  }
  assert.equal(peer.inFlight, 0)
})

test('bytes beyond the length are neither part of the answer nor of the next one', async t => {
  const { get } = await startDispatchFront(t, socket => socket.write(`${answer('ok')}${answer('smuggled')}`))
  for (let i = 0; i < 3; i++) {
    const got = await get()
    if (got.status === 200) assert.equal(got.text, 'ok')
    else assert.equal(got.status, 599)
  }
})

test('a slow reader slows the node down instead of filling our memory', async t => {
  const size = 64 * 1024 * 1024
  let written = 0
  let stalled: () => void = () => {}
  const isStalled = new Promise<void>(resolve => {
    stalled = resolve
  })
  const { front } = await startDispatchFront(t, socket => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
    const piece = Buffer.alloc(65_536, 'x')
    let quiet: NodeJS.Timeout | undefined
    const pump = () => {
      clearTimeout(quiet)
      while (written < size) {
        written += piece.length
        if (!socket.write(piece)) {
          // Nothing has been read for this long, so all buffers to the client are full.
          quiet = setTimeout(stalled, 300)
          return
        }
      }
    }
    socket.on('drain', pump)
    pump()
  })
  const client = await openRaw(front.port, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n')
  client.socket.pause()
  await isStalled
  assert.ok(written < size / 2, `${written} bytes had been taken`)
  assert.ok(front.responses[0]!.writableLength < 1024 * 1024)
  let received = 0
  client.socket.removeAllListeners('data')
  client.socket.on('data', chunk => {
    received += chunk.length
    if (received >= size) client.socket.destroy()
  })
  client.socket.resume()
  await client.closed
  assert.ok(received >= size)
})
