import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { startTestGateway } from '../../support/gateway.ts'
import { openRaw, readRaw, send, sendRaw } from '../../support/http.ts'
import { answer, startNode } from '../../support/node-server.ts'

const CLOSE = 'Connection: close\r\n'

/** Requests, each sent on a new connection, and the expected statuses. */
const REFUSED: Readonly<Record<string, readonly [bytes: string, status: number]>> = {
  'a length and an encoding': [
    'POST /user HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  'an encoding and a length': [
    'POST /user HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n',
    400,
  ],
  'two lengths': ['POST /user HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 400],
  'two equal lengths': [
    'POST /user HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na',
    400,
  ],
  'a length with a sign': ['POST /user HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\na', 400],
  'a length in hex': ['POST /user HTTP/1.1\r\nHost: h\r\nContent-Length: 0x1\r\n\r\na', 400],
  'a list of lengths': ['POST /user HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\na', 400],
  'an encoding that is not chunked': [
    'POST /user HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  'an encoding after chunked': [
    'POST /user HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
    400,
  ],
  'an encoding before chunked': [
    'POST /user HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  'two encodings': [
    'POST /user HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  'chunked twice over': [
    'POST /user HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  // llhttp reads it as a request without a body, and its body as the next request.
  'an encoding followed by a tab, beside an Upgrade': [
    'GET /user HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nTransfer-Encoding: chunked\t\r\n\r\n' +
      '20\r\nGET /user/smuggled HTTP/1.1\r\nHost: h\r\n\r\n\r\n0\r\n\r\n',
    400,
  ],
  'an encoding in old HTTP': [
    'POST /user HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  'a space before the colon': ['GET /user HTTP/1.1\r\nHost: h\r\nX : 1\r\n\r\n', 400],
  'an encoding with a space before the colon': [
    'POST /user HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  'a folded line': ['GET /user HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n', 400],
  'a bare line feed': ['GET /user HTTP/1.1\r\nHost: h\r\nX: a\nY: b\r\n\r\n', 400],
  'a bare carriage return': ['GET /user HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n', 400],
  'a NUL in a value': ['GET /user HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n', 400],
  'a name with a space': ['GET /user HTTP/1.1\r\nHost: h\r\nX Y: 1\r\n\r\n', 400],
  'no name': ['GET /user HTTP/1.1\r\nHost: h\r\n: 1\r\n\r\n', 400],
  'no host': ['GET /user HTTP/1.1\r\n\r\n', 400],
  'two hosts': ['GET /user HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
  'two equal hosts': ['GET /user HTTP/1.1\r\nHost: h\r\nHOST: h\r\n\r\n', 400],
  'an empty host': ['GET /user HTTP/1.1\r\nHost:\r\n\r\n', 400],
  'an empty host in old HTTP': ['GET /user HTTP/1.0\r\nHost: \r\n\r\n', 400],
  'a host of a dot': ['GET /user HTTP/1.1\r\nHost: .\r\n\r\n', 400],
  'a host with an empty label': ['GET /user HTTP/1.1\r\nHost: a..b\r\n\r\n', 400],
  'a host with a port and no name': ['GET /user HTTP/1.1\r\nHost: :80\r\n\r\n', 400],
  'a port above 65535': ['GET /user HTTP/1.1\r\nHost: h:65536\r\n\r\n', 400],
  'a port that is a word': ['GET /user HTTP/1.1\r\nHost: h:http\r\n\r\n', 400],
  'brackets without an address': ['GET /user HTTP/1.1\r\nHost: [h]\r\n\r\n', 400],
  'an encoded host': ['GET /user HTTP/1.1\r\nHost: h%2e\r\n\r\n', 400],
  'a host of 254 characters': [`GET /user HTTP/1.1\r\nHost: ${'a.'.repeat(126)}bb\r\n\r\n`, 400],
  'a target whose port is another': ['GET http://h:81/user HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  'a target whose scheme has another default port': [
    'GET https://h/user HTTP/1.1\r\nHost: h:80\r\n\r\n',
    400,
  ],
  'a host with a space': ['GET /user HTTP/1.1\r\nHost: a b\r\n\r\n', 400],
  'a host with a path': ['GET /user HTTP/1.1\r\nHost: a/b\r\n\r\n', 400],
  'a host with user info': ['GET /user HTTP/1.1\r\nHost: u@h\r\n\r\n', 400],
  'a list of hosts': ['GET /user HTTP/1.1\r\nHost: a, b\r\n\r\n', 400],
  'an unknown method': ['FOO /user HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  'a method in lower case': ['get /user HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  'no version': ['GET /user\r\n\r\n', 400],
  'another version': ['GET /user HTTP/2.0\r\nHost: h\r\n\r\n', 400],
  'an odd version': ['GET /user HTTP/1.2\r\nHost: h\r\n\r\n', 400],
  'HTTP/2 behind an empty line': ['\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  'TLS on a plain port': ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  'another protocol': ['SSH-2.0-OpenSSH\r\n', 400],
  'the target of another host': ['GET http://other.example/user HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  'the target of another host in old HTTP, without Host': [
    'GET http://other.example/user HTTP/1.0\r\n\r\n',
    400,
  ],
  'a target whose host is longer': ['GET http://h.example/user HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  'a target with user info': ['GET http://h@other.example/user HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  'a target of another scheme': ['GET file://h/user HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  'a path that begins like a host after a scheme': [
    'GET http://h//other/user HTTP/1.1\r\nHost: h\r\n\r\n',
    400,
  ],
  'a target that begins like a host': ['GET //other.example/user HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  'a target without a slash': ['GET user HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  'the target of all': ['OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  'a dot segment': ['GET /x/../user HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  'an encoded dot segment': ['GET /user/%2e%2e/x HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  'an encoded slash': ['GET /user%2fx HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  'an encoded backslash': ['GET /user%5cx HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  'an encoded NUL': ['GET /user/%00 HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  'a broken escape': ['GET /user/%zz HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  'an escape that is cut off': ['GET /user/%f HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  'an overlong dot segment': ['GET /user/%c0%ae%c0%ae/x HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  'raw UTF-8': ['GET /user/\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  'a fragment': ['GET /user#x HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  'a trace': ['TRACE /user HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  'a tunnel': ['CONNECT other.example:443 HTTP/1.1\r\nHost: other.example:443\r\n\r\n', 400],
  'a tunnel with a body': [
    'CONNECT other.example:443 HTTP/1.1\r\nHost: other.example:443\r\nContent-Length: 4\r\n\r\nbody',
    400,
  ],
  'an unknown expectation': ['GET /user HTTP/1.1\r\nHost: h\r\nExpect: miracles\r\n\r\n', 417],
  'an unknown expectation beside a known one': [
    'POST /user HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue, miracles\r\n\r\n',
    417,
  ],
  'an expectation that has a known one in it': [
    'POST /user HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: no-100-continue\r\n\r\n',
    417,
  ],
  'a head that is too large': [`GET /user HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  'a target of 8 KB and more': [`GET /user/${'x'.repeat(8_192)} HTTP/1.1\r\nHost: h\r\n\r\n`, 414],
  'a target that is too large for a head': [
    `GET /user/${'x'.repeat(20_000)} HTTP/1.1\r\nHost: h\r\n\r\n`,
    414,
  ],
  'a target of 1 MB': [`GET /user/${'x'.repeat(1_000_000)} HTTP/1.1\r\nHost: h\r\n\r\n`, 414],
  'a head of 64 KB': [`GET /user HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(65_536)}\r\n\r\n`, 431],
  'a head of 64 KB behind a long target': [
    `GET /${'x'.repeat(4_000)} HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(65_536)}\r\n\r\n`,
    431,
  ],
  '10,000 header lines': [`GET /user HTTP/1.1\r\nHost: h\r\n${'a:1\r\n'.repeat(10_000)}\r\n`, 431],
  'too many header lines': [`GET /user HTTP/1.1\r\nHost: h\r\n${'a:1\r\n'.repeat(1_500)}\r\n`, 431],
}

test('requests that two servers could read differently are refused, and no node sees them', async t => {
  const node = await startNode(t, socket => socket.write(answer()))
  const { port, log } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  for (const [what, [bytes, status]] of Object.entries(REFUSED)) {
    await t.test(what, async () => {
      const before = node.requests.length
      const text = await sendRaw(port, bytes.replace('\r\n\r\n', `\r\n${CLOSE}\r\n`))
      assert.equal(text.slice(0, 13), `HTTP/1.1 ${status} `, text)
      assert.match(text, /content-type: application\/problem\+json/i)
      assert.equal(text.match(/HTTP\/1\.1 /g)?.length, 1)
      assert.equal(node.requests.length, before)
    })
  }
  assert.equal((await send(port, { path: '/user' })).status, 200)
  assert.deepEqual(
    log.filter(line => (line.level as number) >= 50),
    [],
  )
})

test('a target with scheme and host is routed by its path if Host agrees', async t => {
  const node = await startNode(t, (socket, request) => socket.write(answer(request.target)))
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  const text = await sendRaw(port, `GET http://H:80/user/x?y HTTP/1.1\r\nHost: h:80\r\n${CLOSE}\r\n`)
  assert.match(text, /^HTTP\/1\.1 200 .*\r\n\r\n\/x\?y$/s)
})

test('a target with scheme and host agrees with Host if they differ in spelling alone', async t => {
  const node = await startNode(t, (socket, request) => socket.write(answer(request.target)))
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  for (const [origin, host] of [
    ['http://h', 'h:80'],
    ['http://h:80', 'h'],
    ['https://h', 'H.:443'],
    ['http://[::1]:80', '[::1]'],
    ['http://a_b.example.', 'a_b.EXAMPLE'],
  ] as const) {
    const text = await sendRaw(port, `GET ${origin}/user/x HTTP/1.1\r\nHost: ${host}\r\n${CLOSE}\r\n`)
    assert.match(text, /^HTTP\/1\.1 200 .*\r\n\r\n\/x$/s, `${origin} ${host}`)
  }
})

test('old HTTP needs no Host', async t => {
  const node = await startNode(t, (socket, request) => socket.write(answer(request.target)))
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  assert.match(await sendRaw(port, 'GET /user/x HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 .*\r\n\r\n\/x$/s)
  assert.equal(node.requests[0]!.header('x-forwarded-host'), undefined)
})

test('a malformed host that a trusted proxy reports is replaced by Host', async t => {
  const node = await startNode(t, socket => socket.write(answer()))
  const { port } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    config: { trustedProxies: ['127.0.0.1'] },
  })
  for (const [line, expected] of [
    ['X-Forwarded-Host: shop.example:8443', 'shop.example:8443'],
    ['X-Forwarded-Host: a.example, b.example', 'b.example'],
    ['X-Forwarded-Host: a b', 'h'],
    ['X-Forwarded-Host: u@evil', 'h'],
    ['X-Forwarded-Host: evil/x', 'h'],
    ['X-Forwarded-Host: evil:99999', 'h'],
    ['X-Forwarded-Host:', 'h'],
    ['Forwarded: for=10.0.0.1;host="[::1"', 'h'],
    ['Forwarded: for=10.0.0.1;host="[::1]:80"', '[::1]:80'],
  ] as const) {
    await sendRaw(port, `GET /user HTTP/1.1\r\nHost: h\r\n${line}\r\n${CLOSE}\r\n`)
    assert.equal(node.requests.at(-1)!.header('x-forwarded-host'), expected, line)
  }
})

test('a node that reads paths in its own way serves nothing that a route guards', async t => {
  const node = await startNode(t, (socket, request) => socket.write(answer(request.target)))
  const { port } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    routes: {
      open: { path: '/x/*', service: 'user', auth: 'none' },
      shut: { path: '/x/admin/*', service: 'user', auth: 'jwt' },
    },
    withKey: true,
  })
  for (const [path, status] of [
    ['/x/admin/y', 401],
    ['/x//admin/y', 401],
    ['/x/%61dmin/y', 401],
    ['/x//%61dmin//y', 401],
    ['/x/Admin/y', 400],
    ['/x/admin;v=1/y', 400],
    ['/x/;v=1/admin/y', 400],
    ['/x/admin./y', 400],
    ['/x/admin%20/y', 400],
    ['/x/%2561dmin/y', 400],
    ['/x/a/%252e%252e/admin/y', 400],
    ['/x/a%2fadmin', 400],
  ] as const) {
    const text = await sendRaw(port, `GET ${path} HTTP/1.1\r\nHost: h\r\n${CLOSE}\r\n`)
    assert.equal(text.slice(9, 12), String(status), path)
    if (status === 400) assert.match(text, /two ways|plain path/, path)
  }
  assert.equal(node.requests.length, 0)
  for (const path of ['/x/Adm', '/x/a;v=1', '/x/caf%E9', '/x/%D6%D0', '/x/a.', '/x/b%20'])
    assert.equal((await send(port, { path })).text, path)
})

test('an encoded slash passes unchanged if the route allows it, and is never a separator', async t => {
  const node = await startNode(t, (socket, request) => socket.write(answer(request.target)))
  const { port } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    routes: {
      open: { path: '/files/*', service: 'user', stripPrefix: '/files', allowEncodedSlash: true },
      one: { path: '/one/:id', service: 'user', allowEncodedSlash: true },
      closed: { path: '/closed/*', service: 'user' },
    },
  })
  const ask = async (path: string) => {
    const { status, text } = await send(port, { path })
    return status === 200 ? text : status
  }
  assert.equal(await ask('/files/a%2Fb%2fc?d'), '/a%2Fb%2fc?d')
  assert.equal(await ask('/one/a%2Fb'), '/one/a%2Fb')
  for (const path of [
    '/closed/a%2Fb',
    '/user/a%2Fb',
    '/nowhere/a%2fb',
    '/files/a%2f..',
    '/files/..%2fclosed/x',
    '/files%2fx',
    // Decoded, the rest of the path would begin like a host.
    '/files/%2fother/x',
  ]) {
    assert.equal(await ask(path), 400, path)
  }
})

for (const [what, second, method] of [
  ['a malformed request', 'GARBAGE\r\n\r\n', '-'],
  ['CONNECT', 'CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n', 'CONNECT'],
  [
    'a malformed body',
    'POST /user HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n',
    '-',
  ],
] as const) {
  test(`${what} behind requests that wait for their answers is refused after them`, async t => {
    const refused = Promise.withResolvers<void>()
    const node = await startNode(t, async (socket, { target }) => {
      if (target === '/1') await refused.promise
      socket.write(answer(`<${target}>`))
    })
    const { port, logged, log } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
    const get = (path: string) => `GET /user${path} HTTP/1.1\r\nHost: h\r\n\r\n`
    const client = await openRaw(port, get('/1') + get('/2') + second)
    await node.received(2)
    // Nothing behind it is read as a request.
    client.socket.write(`${get('/3')}more`)
    refused.resolve()
    const text = await client.closed
    assert.deepEqual(text.match(/HTTP\/1\.1 \d+|<.*?>/g), [
      ...['HTTP/1.1 200', '</1>', 'HTTP/1.1 200', '</2>'],
      'HTTP/1.1 400',
    ])
    const [, id = ''] = /^X-Request-Id: (\w+-\w+)\r$/m.exec(text) ?? []
    const line = await logged(id)
    assert.deepEqual([line.method, line.status], [method, 400])
    assert.equal(log.filter(({ msg }) => msg === 'request').length, 3)
    assert.equal(node.requests.length, 2)
  })
}

test('a malformed request behind a body whose client waits for the answer does not cost it', async t => {
  const seen = Promise.withResolvers<void>()
  const node = await startNode(t, async (socket, { whole }) => {
    await whole
    await seen.promise
    socket.write(answer('saved'))
  })
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  // The length counts characters, and the body has bytes.
  const head = 'POST /user HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n'
  const client = await openRaw(port, Buffer.from(`${head}{"é":1}`))
  await node.received(1)
  client.socket.write('more')
  seen.resolve()
  assert.deepEqual((await client.closed).match(/HTTP\/1\.1 \d+|saved/g), [
    'HTTP/1.1 200',
    'saved',
    'HTTP/1.1 400',
  ])
})

test('a refused request has an id and a log line, even with an invalid target', async t => {
  const { port, logged } = await startTestGateway(t, {})
  for (const [index, path] of ['/%zz', '/%f', '/a%2fb', '/..'].entries()) {
    const id = `refused-${index}`
    const text = await sendRaw(port, `GET ${path} HTTP/1.1\r\nHost: h\r\nX-Request-Id: ${id}\r\n${CLOSE}\r\n`)
    assert.match(text, /^HTTP\/1\.1 400 /, path)
    assert.ok(text.includes(`x-request-id: ${id}`), text)
    const line = await logged(id)
    assert.deepEqual([line.status, line.code], [400, 'WG_BAD_REQUEST'])
  }
})

test('data that is not a request has an id and a log line, and is counted', async t => {
  const { port, adminPort, log, logged } = await startTestGateway(t, {})
  const cases: Readonly<
    Record<string, readonly [bytes: string, method: string, path: string, status: number]>
  > = {
    garbage: ['GARBAGE\r\n\r\n', '-', '-', 400],
    'a malformed field line': ['GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n', '-', '-', 400],
    'a head that is too large': [
      `GET / HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      '-',
      '-',
      431,
    ],
    CONNECT: ['CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n', 'CONNECT', 'h:1', 400],
  }
  for (const [what, [bytes, method, path, status]] of Object.entries(cases)) {
    const text = await sendRaw(port, bytes)
    const [, id = ''] = /^X-Request-Id: (.+)\r$/im.exec(text) ?? []
    const line = await logged(id)
    assert.deepEqual(
      [line.method, line.path, line.status, line.client],
      [method, path, status, '127.0.0.1'],
      what,
    )
    assert.ok(text.includes(`"code":"${line.code}"`) && text.includes(`"requestId":"${id}"`), text)
    if (method === '-') assert.match(String(line.reason), /^(?:Parse|Header)/, what)
  }
  const counted = await send(adminPort, { path: '/metrics' })
  assert.match(counted.text, /^waygate_requests_total\{route="none",service="",node="",status="400"\} 3$/m)
  // A client that connects and leaves without sending anything is not logged.
  ;(await openRaw(port)).socket.end()
  ;(await openRaw(port)).socket.resetAndDestroy()
  const last = await send(port, { headers: { 'x-request-id': 'the-last' } })
  assert.equal(last.status, 404)
  await logged('the-last')
  assert.equal(log.filter(({ msg }) => msg === 'request').length, 5)
})

test('a request whose body turns out to be malformed is logged with the status that its client received', async t => {
  const node = await startNode(t, () => {})
  const { port, logged } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  const head = 'POST /user HTTP/1.1\r\nHost: h\r\nX-Request-Id: broken\r\nTransfer-Encoding: chunked\r\n\r\n'
  const client = await openRaw(port, head)
  await node.received(1)
  client.socket.write('g\r\n')
  assert.match(await client.closed, /^HTTP\/1\.1 400 /)
  const line = await logged('broken')
  assert.deepEqual(
    [line.status, line.code, line.reason],
    [400, 'WG_BAD_REQUEST', 'Parse Error: Invalid character in chunk size'],
  )
  await node.idle()
})

test('a request whose body turns out to be malformed ends there, and what its node answers later is not logged', async t => {
  const asked = Promise.withResolvers<Socket>()
  const node = await startNode(t, (socket, { target }) => {
    if (target === '/next') socket.write(answer())
    else asked.resolve(socket)
  })
  const { port, logged, log } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  const head = 'POST /user HTTP/1.1\r\nHost: h\r\nX-Request-Id: broken\r\nTransfer-Encoding: chunked\r\n\r\n'
  // The client does not end its side when the gateway ends its own.
  const client = readRaw(connect({ port, host: '127.0.0.1', allowHalfOpen: true }))
  client.socket.write(`${head}2\r\nab\r\n`)
  const answering = await asked.promise
  const line = logged('broken')
  client.socket.write('g\r\n')
  await client.until('not valid HTTP')
  answering.write(answer('late'))
  const { status, code } = await line
  assert.deepEqual([status, code], [400, 'WG_BAD_REQUEST'])
  await node.idle()
  client.socket.destroy()
  await send(port, { path: '/user/next', headers: { 'X-Request-Id': 'next' } })
  await logged('next')
  assert.equal(log.filter(({ requestId }) => requestId === 'broken').length, 1)
})

test('malformed chunk sizes end the request and do not affect the next one', async t => {
  const node = await startNode(t, async (socket, request) => {
    await request.whole.catch(() => {})
    socket.write(answer())
  })
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  const head = 'POST /user HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n'
  const bodies = [
    '-1\r\nx\r\n',
    '0x1\r\nx\r\n',
    'g\r\nx\r\n',
    '1\nx\r\n0\r\n\r\n',
    '1 \r\nx\r\n0\r\n\r\n',
    'fffffffffffffffff\r\nx\r\n',
    '1\r\nxx\r\n0\r\n\r\n',
    '1;\n\r\nx\r\n0\r\n\r\n',
  ]
  for (const body of bodies) {
    const text = await sendRaw(port, `${head}${body}GET /user/smuggled HTTP/1.1\r\nHost: h\r\n\r\n`)
    assert.ok(!text.includes('200 OK'), JSON.stringify([body, text]))
  }
  assert.ok(node.requests.every(request => !request.target.includes('smuggled')))
  assert.equal((await send(port, { path: '/user' })).status, 200)
})

test('an identity in the trailers of a request is not forwarded', async t => {
  const node = await startNode(t, async (socket, request) => {
    await request.whole
    socket.write(answer())
  })
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  const text = await sendRaw(
    port,
    `POST /user HTTP/1.1\r\nHost: h\r\n${CLOSE}Transfer-Encoding: chunked\r\nTrailer: X-User-Id\r\n\r\n1\r\nx\r\n0\r\nX-User-Id: root\r\n\r\n`,
  )
  assert.match(text, /^HTTP\/1\.1 200 /)
  assert.equal(String(await node.requests[0]!.whole), 'x')
  assert.ok(!node.requests[0]!.lines.includes('root'))
  assert.equal(node.requests[0]!.header('trailer'), undefined)
  assert.deepEqual(node.requests[0]!.trailers(), [])
})

test('pipelined requests are answered in order', async t => {
  const node = await startNode(t, (socket, request) => socket.write(answer(request.target)))
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  const requests = ['/1', '/2', '/3'].map(
    path => `GET /user${path} HTTP/1.1\r\nHost: h\r\n${path === '/3' ? CLOSE : ''}\r\n`,
  )
  const text = await sendRaw(port, requests.join(''))
  assert.deepEqual(
    text.match(/\r\n\r\n(\/\d)/g)?.map(found => found.trim()),
    ['/1', '/2', '/3'],
  )
})

test('a client that sends its head too slowly is disconnected', async t => {
  const { port } = await startTestGateway(t, {
    config: { clientLimits: { headersTimeoutMs: 50 } },
  })
  const client = await openRaw(port, 'GET / HTTP/1.1\r\nHost: h\r\nX-Slow')
  assert.equal(await client.closed, '')
})
