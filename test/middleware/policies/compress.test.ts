import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { connect, type IncomingHttpHeaders } from 'node:http2'
import type { Socket } from 'node:net'
import { Transform } from 'node:stream'
import { type TestContext, test } from 'node:test'
import zlib, {
  brotliDecompressSync,
  createBrotliDecompress,
  createGunzip,
  createZstdDecompress,
  gunzipSync,
  zstdDecompressSync,
} from 'node:zlib'
import { Http1Response } from '../../../routes/public/http1/response.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { type GatewaySetUp, startTestGateway } from '../../support/gateway.ts'
import { type ClientAnswer, openRaw, send, sendRaw } from '../../support/http.ts'
import { askHttp2, openHttp2 } from '../../support/http2-client.ts'
import { answer, type Script, startNode } from '../../support/node-server.ts'
import { openHttp2Tls } from '../../support/tls-connections.ts'
import { until, untilSteady } from '../../support/until.ts'
import { policyContract } from './policy-contract.ts'

policyContract('compress', {
  rule: { etags: 'weaken' },
  bad: { rule: { levels: { br: 11 } }, path: '$.compress.levels.br' },
  headers: { 'accept-encoding': 'gzip' },
  shows: ({ answer }) => answer.headers.vary === 'Accept-Encoding',
  onRefusals: false,
  handshake: 101,
})

const DECODERS: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  gzip: gunzipSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
}

/** Text of about so many bytes, in which few words repeat. */
const textOf = (bytes: number): string =>
  Array.from({ length: Math.ceil(bytes / 13) }, (_, i) => `{"item":${i % 97}} `)
    .join('')
    .slice(0, bytes)

const SMALL = textOf(2_000)
const JSON_LINE = 'Content-Type: application/json'

interface SetUp extends Omit<GatewaySetUp, 'nodes'> {
  readonly compress?: unknown
  /** Further fields of the route `r`, which takes every path. */
  readonly route?: object
  readonly script?: Script
}

async function setUp(t: TestContext, { compress = true, route, script, ...rest }: SetUp = {}) {
  const node = await startNode(t, script ?? (socket => socket.write(answer(SMALL, [JSON_LINE]))))
  const gateway = await startTestGateway(t, {
    ...rest,
    nodes: { 'user/u1': node.port },
    routes: { r: { path: '/*', service: 'user', auth: 'none', compress, ...route } },
  })
  const { port, adminPort } = gateway
  return {
    ...gateway,
    node,
    ask: (
      headers: Readonly<Record<string, string>> = { 'accept-encoding': 'gzip' },
      method = 'GET',
      path = '/',
    ) => send(port, { method, path, headers }),
    /** Returns the samples of a metric of compression, without what all their names begin with. */
    async samples(): Promise<string[]> {
      const { text } = await send(adminPort, { path: '/metrics' })
      const lines = text.split('\n').filter(line => line.startsWith('waygate_compress_'))
      return lines.map(line => line.slice('waygate_compress_'.length))
    },
  }
}

/** The body as its coding says; fails when it has none of ours. */
function decode({
  headers,
  body,
}: Pick<ClientAnswer, 'body'> & { readonly headers: ClientAnswer['headers'] }): string {
  return DECODERS[String(headers['content-encoding'])]!(body).toString()
}

const linesOf = ({ rawHeaders }: ClientAnswer, name: string): string[] =>
  rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === name)

/** The answer in chunks. */
const chunked = (pieces: readonly string[], lines: readonly string[] = [JSON_LINE], trailers = ''): string =>
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${lines.map(line => `${line}\r\n`).join('')}\r\n` +
  `${pieces.map(piece => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')}0\r\n${trailers}\r\n`

test('compress: every coding is read back as the node has sent it, by HTTP/1, HTTP/2 and TLS, short and long', async t => {
  const authority = makeAuthority(t)
  const server = authority.issue('shop.example')
  const bodies: Record<string, string> = { '/short': SMALL, '/long': textOf(300_000) }
  const { port, tlsPort } = await setUp(t, {
    script: (socket, { target }) => socket.write(answer(bodies[target], [JSON_LINE])),
    document: { tls: { port: 0, ...server } },
    config: { shutdownTimeoutMs: 0 },
  })
  const tls = { ca: authority.pem, servername: 'shop.example' }
  const sessions = [openHttp2(t, port), openHttp2Tls(t, tlsPort, tls)]
  for (const [path, body] of Object.entries(bodies)) {
    for (const encoding of ['gzip', 'br', 'zstd']) {
      const headers = { 'accept-encoding': encoding, host: 'shop.example' }
      const got = [
        await send(port, { path, headers }),
        await send(tlsPort, { path, headers, tls }),
        ...(await Promise.all(
          sessions.map(session =>
            askHttp2(session, {
              ...{ ':path': path, ':authority': 'shop.example', 'accept-encoding': encoding },
            }),
          ),
        )),
      ]
      for (const each of got) {
        assert.equal(each.headers['content-encoding'], encoding)
        assert.equal(decode(each), body)
        assert.ok(each.body.length < body.length / 3, `${each.body.length}`)
        const length = each.headers['content-length']
        assert.equal(length, path === '/short' ? String(each.body.length) : undefined)
      }
    }
  }
})

test('compress: Vary is there once', async t => {
  let lines: readonly string[] = []
  const { ask } = await setUp(t, { script: socket => socket.write(answer(SMALL, [JSON_LINE, ...lines])) })
  for (const [given, expected] of [
    [[], ['Accept-Encoding']],
    [['Vary: accept-encoding'], ['accept-encoding']],
    [['Vary: Origin'], ['Origin, Accept-Encoding']],
    [
      ['Vary: Origin', 'vary: Cookie, Accept-Encoding'],
      ['Origin', 'Cookie, Accept-Encoding'],
    ],
  ] as const) {
    lines = given
    // Compressed or not, a cache must know.
    for (const headers of [{ 'accept-encoding': 'br' }, {}] as Record<string, string>[]) {
      assert.deepEqual(linesOf(await ask(headers), 'vary'), expected)
    }
  }
})

test('compress: identity;q=0 with nothing else acceptable is answered identity, not 406', async t => {
  const { ask } = await setUp(t)
  for (const accept of ['identity;q=0', 'identity;q=0, deflate', '*;q=0', 'zstd;q=0, br;q=0, gzip;q=0, *']) {
    const got = await ask({ 'accept-encoding': accept })
    assert.deepEqual([got.status, got.headers['content-encoding'], got.text], [200, undefined, SMALL], accept)
  }
})

test('compress: the coding is the one that the client likes best, and without Accept-Encoding there is none', async t => {
  const { ask, node } = await setUp(t, { compress: { encodings: ['br', 'gzip'] } })
  for (const [accept, encoding] of [
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip;q=0.8, br;q=0.7', 'gzip'],
    ['zstd', undefined],
  ] as const) {
    const got = await ask({ 'accept-encoding': accept })
    assert.equal(got.headers['content-encoding'], encoding, accept)
    // The node may compress itself.
    assert.equal(node.requests.at(-1)!.header('accept-encoding'), accept)
  }
  assert.equal((await ask({})).headers['content-encoding'], undefined)
})

test('compress: 206 and ETag with If-Range are untouched', async t => {
  const tag = 'ETag: "v1"'
  const { ask } = await setUp(t, {
    script: (socket, { target }) => {
      if (target === '/part') {
        socket.write(
          answer(SMALL, [JSON_LINE, tag, 'Content-Range: bytes 0-1999/9000'], '206 Partial Content'),
        )
      } else socket.write(answer(SMALL, [JSON_LINE, tag, 'Accept-Ranges: bytes']))
    },
  })
  const ranged = { 'accept-encoding': 'gzip', range: 'bytes=0-1999' }
  const part = await ask(ranged, 'GET', '/part')
  assert.deepEqual([part.status, part.text, part.headers.etag], [206, SMALL, '"v1"'])
  assert.equal(part.headers['content-encoding'], undefined)
  const whole = await ask({ ...ranged, 'if-range': '"v1"' })
  assert.deepEqual([whole.status, whole.text, whole.headers.etag], [200, SMALL, '"v1"'])
  assert.equal(whole.headers['accept-ranges'], 'bytes')
  // A node that ignores Range answers with the whole, which may be compressed.
  const ignored = await ask(ranged)
  assert.deepEqual([decode(ignored), ignored.headers.etag], [SMALL, 'W/"v1"'])
  assert.equal(ignored.headers['accept-ranges'], undefined)
})

test('compress: what must not be changed, and what gains nothing, is sent as it is', async t => {
  const cases: Readonly<Record<string, readonly [lines: readonly string[], reason: string, body?: string]>> =
    {
      '/encoded': [[JSON_LINE, 'Content-Encoding: gzip'], 'encoded'],
      '/range': [[JSON_LINE, 'Content-Range: bytes 0-1/2'], 'range'],
      '/image': [['Content-Type: image/png'], 'type'],
      '/none': [[], 'type'],
      '/events': [['Content-Type: text/event-stream; charset=utf-8'], 'type'],
      '/grpc': [['Content-Type: application/grpc-web+json'], 'type'],
      '/no-transform': [[JSON_LINE, 'Cache-Control: max-age=5, No-Transform'], 'no-transform'],
      '/content-digest': [[JSON_LINE, 'Content-Digest: sha-256=:x:'], 'digest'],
      '/repr-digest': [[JSON_LINE, 'Repr-Digest: sha-256=:x:'], 'digest'],
      '/small': [[JSON_LINE], 'small', textOf(1_023)],
    }
  const { ask, port, samples } = await setUp(t, {
    script: (socket, { target }) => {
      const [lines, , body = SMALL] = cases[target] ?? [[JSON_LINE], '']
      socket.write(answer(body, [...lines, 'ETag: "v1"']))
    },
  })
  const counts = new Map<string, number>()
  for (const [path, [, reason, body = SMALL]] of Object.entries(cases)) {
    const got = await ask({ 'accept-encoding': 'gzip' }, 'GET', path)
    assert.deepEqual([got.text, got.headers.etag], [body, '"v1"'], path)
    assert.equal(got.headers['content-length'], String(body.length), path)
    assert.equal(got.headers.vary, 'Accept-Encoding', path)
    counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  await ask({ 'accept-encoding': 'gzip', 'cache-control': 'no-transform' })
  await ask({})
  counts.set('no-transform', 2).set('not-accepted', 1).set('http-1.0', 1)
  const old = await sendRaw(port, 'GET / HTTP/1.0\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n')
  assert.ok(old.endsWith(`\r\n\r\n${SMALL}`), old)
  const expected = [...counts].map(([reason, count]) => `skipped_total{reason="${reason}"} ${count}`)
  assert.deepEqual((await samples()).filter(line => line.startsWith('skipped')).sort(), expected.sort())
})

test('compress: a body that grows by it is sent as it is', async t => {
  const noise = randomBytes(3_000).toString('latin1')
  const { port } = await setUp(t, {
    script: socket =>
      void socket.write(
        Buffer.from(
          `HTTP/1.1 200 OK\r\n${JSON_LINE}\r\nETag: "v1"\r\nContent-Length: 3000\r\n\r\n${noise}`,
          'latin1',
        ),
      ),
  })
  const got = await send(port, { headers: { 'accept-encoding': 'gzip' } })
  assert.deepEqual([got.body.toString('latin1'), got.headers.etag], [noise, '"v1"'])
  assert.equal(got.headers['content-encoding'], undefined)
})

test('compress: HEAD has the headers of GET, and no body', async t => {
  const long = textOf(50_000)
  const { ask, port } = await setUp(t, {
    script: (socket, { method, target }) => {
      const whole = answer(target === '/long' ? long : 'short', [
        JSON_LINE,
        'ETag: "v1"',
        'Accept-Ranges: bytes',
      ])
      socket.write(method === 'HEAD' ? whole.slice(0, whole.indexOf('\r\n\r\n') + 4) : whole)
    },
  })
  const shown = ({ headers }: { readonly headers: ClientAnswer['headers'] }) => {
    // Node leaves out Transfer-Encoding where there is no body.
    const { date: _, 'x-request-id': __, 'transfer-encoding': ___, ...others } = headers
    return others
  }
  const session = openHttp2(t, port)
  for (const path of ['/long', '/short']) {
    const headers = { 'accept-encoding': 'br' }
    const [get, head] = [await ask(headers, 'GET', path), await ask(headers, 'HEAD', path)]
    assert.deepEqual(shown(head), shown(get))
    assert.equal(head.body.length, 0)
    assert.equal(head.headers['content-encoding'], path === '/long' ? 'br' : undefined)
    const [get2, head2] = [
      await askHttp2(session, { ':path': path, ...headers }),
      await askHttp2(session, { ':path': path, ':method': 'HEAD', ...headers }),
    ]
    assert.deepEqual([head2.code, head2.body.length], [0, 0])
    assert.deepEqual(shown(head2), shown(get2))
  }
})

test('compress: a weak ETag is confirmed as the client has it, and a strong one stays strong for others', async t => {
  const { ask } = await setUp(t, {
    script: (socket, request) => {
      const held = request.header('if-none-match')
      socket.write(
        held?.includes('"v1"')
          ? 'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\n\r\n'
          : answer(SMALL, [JSON_LINE, 'ETag: "v1"']),
      )
    },
  })
  const first = await ask()
  assert.equal(first.headers.etag, 'W/"v1"')
  for (const held of [first.headers.etag, '"v1"']) {
    const again = await ask({ 'accept-encoding': 'gzip', 'if-none-match': held })
    assert.deepEqual([again.status, again.headers.etag, again.headers.vary], [304, held, 'Accept-Encoding'])
  }
})

test('compress: with etags skip, an answer with a strong ETag is sent as it is, and others are compressed', async t => {
  let lines: readonly string[] = []
  const { ask } = await setUp(t, {
    compress: { etags: 'skip' },
    script: socket => socket.write(answer(SMALL, [JSON_LINE, ...lines])),
  })
  for (const [given, encoding] of [
    [['ETag: "v1"'], undefined],
    [['ETag: W/"v1"'], 'gzip'],
    [[], 'gzip'],
  ] as const) {
    lines = given
    const got = await ask()
    assert.equal(got.headers['content-encoding'], encoding)
    assert.equal(got.headers.etag, given[0]?.slice('ETag: '.length))
  }
})

const FOREIGN = { 'sec-fetch-site': 'cross-site' }
const COOKIE = { cookie: 'session=1' }
const BASIC = { authorization: 'Basic dTpw' }
const BEARER = { authorization: 'Bearer x' }

test('compress: cookie request cross-site stays plain', async t => {
  const { ask } = await setUp(t)
  const cases: readonly (readonly [headers: Record<string, string>, encoding: string | undefined])[] = [
    [{ ...COOKIE, ...FOREIGN }, undefined],
    [{ ...BASIC, ...FOREIGN }, undefined],
    [{ authorization: 'negotiate x', ...FOREIGN }, undefined],
    [{ ...COOKIE, 'sec-fetch-site': 'same-origin, cross-site' }, undefined],
    [{ ...COOKIE, 'sec-fetch-site': 'unknown' }, undefined],
    // Browsers before Fetch metadata.
    [{ ...COOKIE, origin: 'https://evil.example' }, undefined],
    [{ ...COOKIE, origin: 'null' }, undefined],
    [{ ...COOKIE, referer: 'http://evil.example/x' }, undefined],
    [{ ...COOKIE, referer: 'https://shop.example/x' }, undefined],
    [{ ...COOKIE, origin: 'http://shop.example', referer: 'http://evil.example/' }, undefined],
    // What no other site has caused, or what a browser does not send on its own.
    [{ ...COOKIE, referer: 'http://shop.example:8080/x' }, 'gzip'],
    [{ ...COOKIE, 'sec-fetch-site': 'same-site', referer: 'http://evil.example/x' }, 'gzip'],
    [{ ...COOKIE, 'sec-fetch-site': 'none' }, 'gzip'],
    [COOKIE, 'gzip'],
    [FOREIGN, 'gzip'],
    [{ ...BEARER, ...FOREIGN }, 'gzip'],
    [{ 'x-api-key': 'k', origin: 'https://evil.example' }, 'gzip'],
  ]
  for (const [headers, encoding] of cases) {
    const got = await ask({ 'accept-encoding': 'gzip', host: 'shop.example', ...headers })
    assert.equal(got.headers['content-encoding'], encoding, JSON.stringify(headers))
    assert.equal(encoding === undefined ? got.text : decode(got), SMALL)
  }
})

test('compress: what is public is compressed for pages of other sites too', async t => {
  const { ask } = await setUp(t, { compress: { public: true } })
  assert.equal(decode(await ask({ 'accept-encoding': 'gzip', ...COOKIE, ...FOREIGN })), SMALL)
})

test('compress: a client certificate counts as a credential of the browser', async t => {
  const authority = makeAuthority(t)
  const server = authority.issue('shop.example')
  const { tlsPort } = await setUp(t, {
    document: { tls: { port: 0, ...server, clientAuth: { ca: authority.ca, mode: 'optional' } } },
    config: { shutdownTimeoutMs: 0 },
  })
  const { cert, key } = authority.issue('client')
  const headers = { host: 'shop.example', 'accept-encoding': 'gzip', ...FOREIGN }
  const tls = { ca: authority.pem, servername: 'shop.example' }
  const with_ = { ...tls, cert: readFileSync(cert), key: readFileSync(key) }
  assert.equal((await send(tlsPort, { headers, tls: with_ })).headers['content-encoding'], undefined)
  assert.equal((await send(tlsPort, { headers, tls })).headers['content-encoding'], 'gzip')
})

/** A node whose answer to each request is one event stream, or whatever `type` says, that the test writes to. */
async function setUpStream(t: TestContext, compress: unknown, type: string) {
  const sockets: Socket[] = []
  const { port } = await setUp(t, {
    compress,
    script: socket => {
      sockets.push(socket)
      socket.write(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`)
    },
  })
  return {
    port,
    emit: (text: string) => sockets.at(-1)!.write(`${text.length.toString(16)}\r\n${text}\r\n`),
    end: () => sockets.at(-1)!.write('0\r\n\r\n'),
  }
}

/** Asks for a stream over HTTP/1. Resolves when the head has come. */
async function openStream(t: TestContext, port: number, encoding: string) {
  const asked = request({ port, headers: { 'accept-encoding': encoding }, agent: false }).end()
  t.after(() => asked.destroy())
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  const decoder = { gzip: createGunzip, br: createBrotliDecompress, zstd: createZstdDecompress }[encoding]!()
  let text = ''
  let isOver = false
  response.pipe(decoder).on('data', piece => {
    text += piece
  })
  decoder.on('end', () => {
    isOver = true
  })
  return { response, text: () => text, isOver: () => isOver }
}

test('compress: SSE events arrive one by one', async t => {
  const { port, emit, end } = await setUpStream(t, { events: true }, 'text/event-stream')
  for (const encoding of ['gzip', 'br', 'zstd']) {
    // The head comes before any event.
    const { response, text, isOver } = await openStream(t, port, encoding)
    assert.equal(response.headers['content-encoding'], encoding)
    let sent = ''
    for (let i = 1; i <= 5; i++) {
      sent += `data: ${i}\n\n`
      emit(`data: ${i}\n\n`)
      await until(`event ${i} has arrived`, () => text() === sent)
    }
    end()
    await until('the stream is over', isOver)
  }
})

test('compress: text that comes slowly is flushed, so that none of it waits for what follows', async t => {
  const { port, emit, end } = await setUpStream(t, true, 'text/plain')
  for (const encoding of ['gzip', 'br', 'zstd']) {
    const { response, text, isOver } = await openStream(t, port, encoding)
    assert.equal(response.headers['content-encoding'], encoding)
    let sent = ''
    for (let i = 1; i <= 3; i++) {
      sent += `line ${i}\n`
      emit(`line ${i}\n`)
      await until(`line ${i} has arrived`, () => text() === sent)
    }
    end()
    await until('the stream is over', isOver)
  }
})

test('compress: the first pieces decide about a body of unknown length', async t => {
  const { port, samples } = await setUp(t, {
    script: (socket, { target }) => socket.write(chunked(target === '/small' ? ['short'] : [SMALL, SMALL])),
  })
  const ask = (path: string) => send(port, { path, headers: { 'accept-encoding': 'gzip' } })
  const small = await ask('/small')
  assert.deepEqual([small.text, small.headers['content-encoding']], ['short', undefined])
  assert.equal(small.headers['transfer-encoding'], 'chunked')
  const long = await ask('/long')
  assert.equal(decode(long), SMALL + SMALL)
  assert.equal(long.headers['content-length'], String(long.body.length))
  assert.ok((await samples()).includes('skipped_total{reason="small"} 1'))
})

test('compress: trailers follow the body, except digests of the plain one', async t => {
  const long = textOf(40_000)
  const trailers = 'X-Sum: 1\r\nRepr-Digest: sha-256=:x:\r\n'
  const { port } = await setUp(t, {
    script: (socket, { target }) => {
      const lines = [JSON_LINE, `Trailer: X-Sum${target === '/announced' ? ', Repr-Digest' : ''}`]
      socket.write(chunked(target === '/short' ? [SMALL] : [long, long], lines, trailers))
    },
  })
  const session = openHttp2(t, port)
  for (const [path, body] of [
    ['/short', SMALL],
    ['/long', long + long],
  ] as const) {
    const got = await askHttp2(session, { ':path': path, 'accept-encoding': 'gzip' })
    assert.equal(decode(got), body)
    assert.deepEqual(got.trailers, { 'x-sum': '1' })
    const raw = await sendRaw(
      port,
      `GET ${path} HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n`,
    )
    assert.match(raw, /\r\n0\r\nX-Sum: 1\r\n\r\n$/i)
  }
  // Whoever announces a digest means it for the bytes that arrive.
  const kept = await askHttp2(session, { ':path': '/announced', 'accept-encoding': 'gzip' })
  assert.deepEqual([kept.text, kept.headers['content-encoding']], [long + long, undefined])
  assert.deepEqual(kept.trailers, { 'x-sum': '1', 'repr-digest': 'sha-256=:x:' })
})

test('compress: a node that breaks off ends the connection, not a tidy trailer', async t => {
  const half = textOf(60_000)
  const { port, ...rest } = await setUp(t, {
    script: async (socket, { target }) => {
      const framing = target === '/chunked' ? 'Transfer-Encoding: chunked' : 'Content-Length: 90000'
      const piece = target === '/chunked' ? `${half.length.toString(16)}\r\n${half}\r\n` : half
      socket.write(`HTTP/1.1 200 OK\r\n${JSON_LINE}\r\n${framing}\r\n\r\n${piece}`)
      await rest.node.received(1)
      setTimeout(() => socket.destroy(), 100)
    },
  })
  const session = openHttp2(t, port)
  for (const path of ['/length', '/chunked']) {
    const raw = await sendRaw(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n`)
    assert.match(raw, /content-encoding: gzip\r\n/)
    assert.doesNotMatch(raw, /\r\n0\r\n/)
    const got = await askHttp2(session, { ':path': path, 'accept-encoding': 'gzip' })
    assert.deepEqual([got.status, got.code], [200, 2])
  }
})

test('compress: 300 slow readers do not exceed maxStreams', async t => {
  // Noise in digits, so that the rest of what is compressed waits for the window of its stream.
  const body = randomBytes(40_000).toString('hex')
  const { port, samples } = await setUp(t, {
    script: socket => socket.write(answer(body, [JSON_LINE])),
    config: { clientLimits: { minBytesPerSecond: 0, sendIdleTimeoutMs: 0 } },
  })
  const answers = await Promise.all(
    [1, 2, 3].flatMap(() => {
      const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 1_000 } })
      t.after(() => session.destroy())
      return Array.from({ length: 100 }, async () => {
        const stream = session.request({ ':path': '/', 'accept-encoding': 'gzip' })
        const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders]
        return { stream, headers }
      })
    }),
  )
  const compressed = answers.filter(({ headers }) => headers['content-encoding'] === 'gzip')
  assert.equal(compressed.length, 256)
  assert.ok((await samples()).includes('skipped_total{reason="busy"} 44'))
  // They are served in the end, each as its head says.
  for (const { stream, headers } of answers) {
    const pieces: Buffer[] = []
    for await (const piece of stream) pieces.push(piece)
    const bytes = Buffer.concat(pieces)
    assert.equal(headers['content-encoding'] ? gunzipSync(bytes).toString() : bytes.toString(), body)
  }
  const again = await send(port, { headers: { 'accept-encoding': 'gzip' } })
  assert.equal(again.headers['content-encoding'], 'gzip')
})

test('compress: a client that leaves gives its place back', async t => {
  const { port, emit } = await setUpStream(t, { maxStreams: 1 }, 'text/plain')
  const first = await openStream(t, port, 'zstd')
  assert.equal(first.response.headers['content-encoding'], 'zstd')
  emit(SMALL)
  await until('the first piece has arrived', () => first.text() === SMALL)
  const encodingOf = async () => {
    const asked = request({ port, headers: { 'accept-encoding': 'zstd' }, agent: false }).end()
    const [{ headers }] = (await once(asked, 'response')) as [IncomingMessage]
    asked.destroy()
    return headers['content-encoding']
  }
  assert.equal(await encodingOf(), undefined)
  first.response.destroy()
  await until('the place is free', async () => (await encodingOf()) === 'zstd')
})

test('compress: a client that reads nothing pauses its node, and gets everything later', async t => {
  const body = randomBytes(8_000_000).toString('hex')
  let written = () => 0
  const { port } = await setUp(t, {
    script: socket => {
      written = () => socket.bytesWritten - socket.writableLength
      socket.write(answer(body, [JSON_LINE]))
    },
  })
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 1_000 } })
  t.after(() => session.destroy())
  const stream = session.request({ ':path': '/', 'accept-encoding': 'gzip' })
  await once(stream, 'response')
  const taken = await untilSteady(written)
  assert.ok(taken < body.length - 1_000_000, `${taken}`)
  const pieces: Buffer[] = []
  for await (const piece of stream) pieces.push(piece)
  assert.ok(gunzipSync(Buffer.concat(pieces)).equals(Buffer.from(body)))
})

test('compress: log and metrics say what was compressed', async t => {
  const long = textOf(100_000)
  const { ask, logged, samples } = await setUp(t, {
    script: (socket, { target }) => socket.write(answer(target === '/long' ? long : SMALL, [JSON_LINE])),
  })
  const short = await ask({ 'accept-encoding': 'br' })
  const streamed = await ask({ 'accept-encoding': 'br' }, 'GET', '/long')
  assert.equal((await logged(String(short.headers['x-request-id']))).encoding, 'br')
  assert.equal((await logged(String(streamed.headers['x-request-id']))).encoding, 'br')
  const plain = await ask({})
  assert.equal((await logged(String(plain.headers['x-request-id']))).encoding, undefined)
  assert.deepEqual(await samples(), [
    `bytes_total{route="r",encoding="br",side="in"} ${SMALL.length + long.length}`,
    `bytes_total{route="r",encoding="br",side="out"} ${short.body.length + streamed.body.length}`,
    'skipped_total{reason="not-accepted"} 1',
  ])
})

test('compress: an error of the encoder ends the connection', async t => {
  const failing = () =>
    new Transform({
      transform(_chunk, _encoding, done) {
        done(new Error('no memory'))
      },
    }) as unknown as ReturnType<typeof zlib.createGzip>
  t.mock.method(zlib, 'createGzip', failing)
  const { port, log } = await setUp(t, {
    script: socket => socket.write(answer(textOf(50_000), [JSON_LINE])),
  })
  const raw = await sendRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n')
  assert.match(raw, /^HTTP\/1\.1 200 OK\r\n/)
  assert.doesNotMatch(raw, /\r\n0\r\n/)
  const got = await askHttp2(openHttp2(t, port), { ':path': '/', 'accept-encoding': 'gzip' })
  assert.deepEqual([got.status, got.code], [200, 2])
  assert.equal(log.filter(({ msg }) => msg === 'internal error').length, 2)
})

test('compress: an encoder that gets no memory costs its request a 500, and keeps no place', async t => {
  const { port, ask, log } = await setUp(t, {
    compress: { maxStreams: 1 },
    script: async (socket, { target }) => {
      if (target === '/short') socket.write(answer(SMALL, [JSON_LINE]))
      else if (target === '/long') socket.write(answer(textOf(50_000), [JSON_LINE]))
      else {
        // It is decided when a piece has come, or when none comes.
        const piece = target === '/pieces' ? textOf(17_000) : SMALL
        const chunk = `${piece.length.toString(16)}\r\n${piece}\r\n`
        socket.write(`HTTP/1.1 200 OK\r\n${JSON_LINE}\r\nTransfer-Encoding: chunked\r\n\r\n`)
        setImmediate(() => socket.write(chunk))
      }
    },
  })
  const refuse = () => {
    throw new Error('Initialization failed')
  }
  const mocks = [t.mock.method(zlib, 'createGzip', refuse), t.mock.method(zlib, 'gzipSync', refuse)]
  const paths = ['/short', '/long', '/pieces', '/silent']
  for (const path of paths) {
    const got = await send(port, { path, headers: { 'accept-encoding': 'gzip' } })
    assert.deepEqual([got.status, got.json().code], [500, 'WG_INTERNAL'], path)
  }
  assert.equal(log.filter(({ msg }) => msg === 'internal error').length, paths.length)
  for (const mock of mocks) mock.mock.restore()
  assert.equal(decode(await ask(undefined, 'GET', '/long')), textOf(50_000))
})

test('compress: a head that cannot be sent costs its request a 502, whether its body is short or long', async t => {
  const { port, ask } = await setUp(t, {
    script: (socket, { target }) => {
      const body = target === '/long' ? textOf(50_000) : SMALL
      socket.write(target === '/chunks' ? chunked([body, body]) : answer(body, [JSON_LINE]))
    },
  })
  const original = Http1Response.prototype.writeHead as (status: number, headers: string[]) => Http1Response
  for (const path of ['/short', '/long', '/chunks']) {
    const bug = t.mock.method(
      Http1Response.prototype as unknown as { writeHead: typeof original },
      'writeHead',
      function (this: Http1Response, status: number, headers: string[]) {
        if (status === 200) throw new TypeError('invalid')
        return original.call(this, status, headers)
      },
    )
    const got = await send(port, { path, headers: { 'accept-encoding': 'gzip' } })
    assert.deepEqual([got.status, got.json().code], [502, 'WG_UPSTREAM_INVALID'], path)
    bug.mock.restore()
  }
  assert.equal(decode(await ask()), SMALL)
})

test('compress: a head that cannot be sent costs no connection, also when the node breaks off meanwhile', async t => {
  const { port } = await setUp(t, {
    script: socket => {
      socket.write(`HTTP/1.1 200 OK\r\n${JSON_LINE}\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n`)
      setImmediate(() => socket.destroy())
    },
  })
  const original = Http1Response.prototype.writeHead as (status: number, headers: string[]) => Http1Response
  t.mock.method(
    Http1Response.prototype as unknown as { writeHead: typeof original },
    'writeHead',
    function (this: Http1Response, status: number, headers: string[]) {
      if (status === 200) throw new TypeError('invalid')
      return original.call(this, status, headers)
    },
  )
  const ask = 'GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n'
  const client = await openRaw(port, ask)
  t.after(() => client.socket.destroy())
  await client.until(/^HTTP\/1\.1 502 .*"WG_UPSTREAM_INVALID"/s)
  client.socket.write(ask)
  await client.until(/HTTP\/1\.1 502 .*HTTP\/1\.1 502 /s)
})

test('compress: answers of other policies are compressed too, and refusals are not', async t => {
  const { port } = await startTestGateway(t, {
    routes: {
      r: {
        ...{ path: '/fixed', compress: true },
        respond: { status: 200, headers: { 'content-type': 'application/json' }, body: SMALL },
      },
      gone: { path: '/gone', service: 'gone', auth: 'none', compress: { minBytes: 0 } },
    },
  })
  const headers = { 'accept-encoding': 'gzip' }
  assert.equal(decode(await send(port, { path: '/fixed', headers })), SMALL)
  const refused = await send(port, { path: '/gone', headers })
  assert.deepEqual([refused.status, refused.json().code], [503, 'WG_NO_NODE'])
  assert.equal(refused.headers.vary, undefined)
})
