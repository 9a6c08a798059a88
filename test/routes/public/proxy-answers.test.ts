import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { startTestGateway } from '../../support/gateway.ts'
import { openRaw, send, sendRaw } from '../../support/http.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { UPSTREAM_HTTP2, UPSTREAM_TLS } from '../../support/sessions.ts'
import { until } from '../../support/until.ts'

/** Starts a node that answers every request with these bytes, and then ends the connection if `ends` is set. */
async function setUp(t: TestContext, bytes: () => string, ends = false) {
  const node = await startNode(t, socket => {
    socket.write(Buffer.from(bytes(), 'latin1'))
    if (ends) socket.end()
  })
  return { node, ...(await startTestGateway(t, { nodes: { 'user/u1': node.port } })) }
}

const OK = 'HTTP/1.1 200 OK\r\n'
const CHUNKED = 'Transfer-Encoding: chunked\r\n'

/** Answers with an invalid head, of which the client gets nothing. */
const INVALID: Readonly<Record<string, string>> = {
  'another protocol': 'SSH-2.0-OpenSSH\r\n\r\n',
  'another version': 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n',
  'no version': '200 OK\r\n\r\nok',
  'a status of two digits': 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n',
  'a status that begins with 0': 'HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n',
  'two lengths': `${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nok`,
  'two equal lengths': `${OK}Content-Length: 2\r\nContent-Length: 2\r\n\r\nok`,
  'a list of lengths': `${OK}Content-Length: 2, 2\r\n\r\nok`,
  'a length with a sign': `${OK}Content-Length: +2\r\n\r\nok`,
  'a negative length': `${OK}Content-Length: -2\r\n\r\nok`,
  'a length in hex': `${OK}Content-Length: 0x2\r\n\r\nok`,
  'an empty length': `${OK}Content-Length: \r\n\r\nok`,
  'a length that is too large': `${OK}Content-Length: 99999999999999999999\r\n\r\nok`,
  'a length and an encoding': `${OK}Content-Length: 2\r\n${CHUNKED}\r\n0\r\n\r\n`,
  'an encoding and a length': `${OK}${CHUNKED}Content-Length: 2\r\n\r\n0\r\n\r\n`,
  'an unknown encoding': `${OK}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
  'an encoding before chunked': `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  'two encodings': `${OK}${CHUNKED}${CHUNKED}\r\n0\r\n\r\n`,
  'an encoding in old HTTP': `HTTP/1.0 200 OK\r\n${CHUNKED}\r\n0\r\n\r\n`,
  'a folded line': `${OK}X: a\r\n b\r\nContent-Length: 2\r\n\r\nok`,
  'a bare line feed': `${OK}X: a\nContent-Length: 2\r\n\r\nok`,
  'a bare carriage return': `${OK}X: a\rb\r\nContent-Length: 2\r\n\r\nok`,
  'a NUL in a value': `${OK}X: a\0b\r\nContent-Length: 2\r\n\r\nok`,
  'an escape code in a value': `${OK}X: a\x1bb\r\nContent-Length: 2\r\n\r\nok`,
  'a space before the colon': `${OK}X : a\r\nContent-Length: 2\r\n\r\nok`,
  'a name with a space': `${OK}X Y: a\r\nContent-Length: 2\r\n\r\nok`,
  'no name': `${OK}: a\r\nContent-Length: 2\r\n\r\nok`,
  'no colon': `${OK}X\r\nContent-Length: 2\r\n\r\nok`,
  'a head without end': `${OK}X: ${'x'.repeat(20_000)}`,
  'a switch of protocols': 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n',
  'endless interim answers': 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100),
  'an interim answer with a body': `HTTP/1.1 103 Early Hints\r\nContent-Length: 2\r\n\r\nok${OK}\r\n`,
}

test('an answer that is invalid, or that two readers could frame differently, is 502 and one line in the log', async t => {
  let bytes = ''
  const { port, logged, log } = await setUp(t, () => bytes)
  for (const [index, [what, invalid]] of Object.entries(INVALID).entries()) {
    await t.test(what, async () => {
      bytes = invalid
      const id = `invalid-${index}`
      const got = await send(port, {
        method: 'POST',
        path: '/user',
        headers: { 'X-Request-Id': id, 'Content-Length': '0' },
      })
      // After enough failures the breaker opens.
      if (got.status !== 503) assert.deepEqual([got.status, got.json().code], [502, 'WG_UPSTREAM_INVALID'])
      assert.ok((await logged(id)).reason ?? got.status === 503)
      assert.equal(log.filter(each => each.requestId === id).length, 1)
    })
  }
  assert.deepEqual(
    log.filter(each => (each.level as number) >= 40),
    [],
  )
})

/** Answers with a valid head whose body breaks off or is invalid. */
const BROKEN: Readonly<Record<string, string>> = {
  'fewer bytes than its length': `${OK}Content-Length: 100\r\n\r\nbegun`,
  'no last chunk': `${OK}${CHUNKED}\r\n5\r\nbegun\r\n`,
  'fewer bytes than its length, which is hop-by-hop': `${OK}Connection: content-length\r\nContent-Length: 100\r\n\r\nbegun`,
  'half a chunk': `${OK}${CHUNKED}\r\n10\r\nbegun`,
  'a chunk without a size': `${OK}${CHUNKED}\r\n5\r\nbegun\r\nzz\r\n`,
  'a chunk longer than its size': `${OK}${CHUNKED}\r\n5\r\nbegun!!\r\n0\r\n\r\n`,
  'half of its trailers': `${OK}${CHUNKED}\r\n5\r\nbegun\r\n0\r\nX: 1`,
}

test('an answer without content has no length, even if the node sends one', async t => {
  let bytes = ''
  const { port } = await setUp(t, () => bytes)
  for (const length of [0, 2]) {
    bytes = `HTTP/1.1 204 No Content\r\nX: 1\r\nContent-Length: ${length}\r\n\r\n`
    const { status, headers } = await send(port, { path: '/user' })
    assert.deepEqual([status, headers.x, headers['content-length']], [204, '1', undefined])
  }
})

test('an answer that breaks off never looks whole, neither in HTTP/1.1 nor in HTTP/1.0', async t => {
  let bytes = ''
  const { port, logged, log } = await setUp(t, () => bytes, true)
  let index = 0
  for (const [what, broken] of Object.entries(BROKEN)) {
    for (const version of ['1.1', '1.0']) {
      await t.test(`${what}, HTTP/${version}`, async () => {
        bytes = broken
        const id = `broken-${index++}`
        const { text, error } = await exchange(
          port,
          `GET /user HTTP/${version}\r\nHost: h\r\nX-Request-Id: ${id}\r\n\r\n`,
        )
        await logged(id)
        assert.equal(log.filter(each => each.requestId === id).length, 1)
        if (text === '') return
        if (/^content-length: 100$/im.test(text)) assert.ok(text.endsWith('\r\n\r\nbegun'), text)
        else if (/^transfer-encoding: chunked$/im.test(text)) assert.ok(!text.endsWith('0\r\n\r\n'), text)
        // Without a length or chunks, only a reset shows that the answer is incomplete.
        else assert.equal(error, 'ECONNRESET', text)
      })
    }
  }
  assert.deepEqual(
    log.filter(each => (each.level as number) >= 40),
    [],
  )
})

test('an answer that breaks off before its turn ends the connection after the earlier answers', async t => {
  for (const ends of [true, false]) {
    const first = Promise.withResolvers<void>()
    const node = await startNode(t, async (socket, { target }) => {
      if (target === '/1') await first.promise
      socket.write(target === '/2' ? `${OK}Content-Length: 100\r\n\r\nbegun` : answer('whole'))
      if (target === '/2' && ends) socket.end()
    })
    const { port, log, logged } = await startTestGateway(t, {
      nodes: { 'user/u1': node.port },
      routes: { all: { path: '/*', service: 'user' } },
      config: {
        upstream: {
          connectTimeoutMs: 5_000,
          bodyIdleTimeoutMs: 50,
          keepAliveMs: 4_000,
          maxConnectionAgeMs: 0,
          dns: { servers: null, minTtlMs: 1_000, maxTtlMs: 60_000 },
          connectionsPerNode: null,
          answerHeadBytes: 16_384,
          http2: UPSTREAM_HTTP2,
          tls: UPSTREAM_TLS,
        },
      },
    })
    const client = await openRaw(
      port,
      ['/1', '/2', '/3']
        .map(path => `GET ${path} HTTP/1.1\r\nHost: h\r\nX-Request-Id: id${path.slice(1)}\r\n\r\n`)
        .join(''),
    )
    await node.received(3)
    // Only the connection of the second request ends.
    await until('the second is given up', () => node.open.size < 3)
    first.resolve()
    const text = await client.closed
    assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 1, text)
    assert.match(text, /whole$/)
    for (const id of ['id1', 'id2', 'id3']) await logged(id)
    assert.equal(log.filter(each => each.msg === 'request').length, 3)
  }
})

/** Sends bytes. Resolves with the data received until the connection closed, and with the code of its error. */
function exchange(port: number, bytes: string): Promise<{ text: string; error: string | undefined }> {
  return new Promise(resolve => {
    let text = ''
    let error: string | undefined
    const socket = connect(port, '127.0.0.1')
    socket.write(bytes)
    socket
      .on('data', piece => {
        text += piece.toString('latin1')
      })
      .on('error', (failure: NodeJS.ErrnoException) => {
        error = failure.code
      })
      .on('close', () => resolve({ text, error }))
  })
}

test('bytes that follow an answer are not part of any other answer', async t => {
  let count = 0
  const { port, node } = await setUp(t, () => `${answer(`n${++count}`)}${answer('forged')}`)
  const client = await openRaw(port)
  for (let i = 1; i <= 3; i++) {
    client.socket.write('GET /user HTTP/1.1\r\nHost: h\r\n\r\n')
    await client.until(`\r\n\r\nn${i}`)
  }
  assert.ok(!client.text().includes('forged'))
  assert.equal(node.connections, 3)
  client.socket.destroy()
})

test('a client that leaves in the middle of an answer is one log line, and the connection to the node is closed', async t => {
  const { port, node, logged, log } = await setUp(t, () => `${OK}Content-Length: 100\r\n\r\nbegun`)
  const client = await openRaw(port, 'GET /user HTTP/1.1\r\nHost: h\r\nX-Request-Id: left\r\n\r\n')
  await client.until('begun')
  client.socket.destroy()
  assert.equal((await logged('left')).status, 200)
  await node.idle()
  assert.deepEqual(
    log.filter(each => (each.level as number) >= 40),
    [],
  )
  assert.equal(log.filter(each => each.requestId === 'left').length, 1)
})

test('a file name that is not ASCII reaches the client in the bytes of its node, in front of a length and behind it', async t => {
  let bytes = ''
  const { port } = await setUp(t, () => bytes)
  for (const name of ['\xe9.txt', '\xc3\xa9.txt', '\xe4\xb8\xad.txt', '\xff\xfe.txt']) {
    const line = `Content-disposition: attachment; filename="${name}"`
    for (const head of [`Content-Length: 2\r\n${line}`, `${line}\r\nContent-Length: 2`]) {
      bytes = `${OK}X-First: 1\r\n${head}\r\n\r\nok`
      const text = await sendRaw(port, 'GET /user HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      assert.ok(text.startsWith(OK), text)
      assert.ok(text.includes(`\r\n${line}\r\n`), text)
      assert.match(text, /\r\ncontent-length: 2\r\n/i)
      assert.ok(text.endsWith('\r\n\r\nok'), text)
    }
  }
})
