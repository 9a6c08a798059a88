import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type GatewaySetUp, startTestGateway } from '../../support/gateway.ts'
import { openRaw, send, sendRaw } from '../../support/http.ts'
import { answer, type Script, startNode } from '../../support/node-server.ts'
import { accepted, handshake, KEY } from '../../support/websocket.ts'

const GET = 'GET /user HTTP/1.1\r\nHost: h\r\n'
const LAST = 'Connection: close\r\n\r\n'
const HINT = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n'

async function setUp(t: TestContext, script: Script, more: GatewaySetUp = {}) {
  const node = await startNode(t, script)
  return { node, ...(await startTestGateway(t, { nodes: { 'user/u1': node.port }, ...more })) }
}

/** Returns the statuses of all heads that a client received, in order. */
function statusesOf(text: string): string[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status!)
}

test('interim answers reach the client before the node has given its answer, whatever their status', async t => {
  const answered = Promise.withResolvers<void>()
  const { port } = await setUp(t, async socket => {
    for (const head of [
      '102 Processing',
      '103 Early Hints\r\nLink: </a.css>; rel=preload',
      '199 Odd',
      '104',
    ]) {
      socket.write(`HTTP/1.1 ${head}\r\n\r\n`)
    }
    await answered.promise
    socket.write(answer('ok'))
  })
  const client = await openRaw(port, GET + LAST)
  const early = await client.until(' 104 ')
  assert.deepEqual(statusesOf(early), ['102', '103', '199', '104'])
  assert.match(
    early,
    /^HTTP\/1\.1 102 Processing\r\n\r\nHTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload\r\n\r\n/,
  )
  answered.resolve()
  assert.match(await client.closed, /HTTP\/1\.1 200 OK\r\n.*\r\n\r\nok$/s)
})

test('an interim answer loses its hop-by-hop fields, its length, and the names that only the gateway sets', async t => {
  const lines = [
    ...[
      'Connection: x-hop',
      'X-Hop: 1',
      'Keep-Alive: timeout=5',
      'Proxy-Authenticate: Basic',
      'Upgrade: h2c',
    ],
    ...['TE: trailers', 'Trailer: x', 'Content-Length: 0', 'X-Request-Id: forged', 'X-Waygate-Fallback: 1'],
    ...['X-Kept: caf\xe9', 'Link: <a>', 'link: <b>'],
  ]
  const { port } = await setUp(t, socket =>
    socket.write(`HTTP/1.1 103 Early Hints\r\n${lines.join('\r\n')}\r\n\r\n${answer('ok')}`, 'latin1'),
  )
  const text = await sendRaw(port, GET + LAST)
  assert.ok(
    text.startsWith(
      'HTTP/1.1 103 Early Hints\r\nX-Kept: caf\xe9\r\nLink: <a>\r\nlink: <b>\r\n\r\nHTTP/1.1 200 ',
    ),
    text,
  )
})

test('a field of an interim answer is hidden where a policy removes or sets it, and nothing is added', async t => {
  const { port } = await setUp(
    t,
    socket =>
      socket.write(
        `HTTP/1.1 103 Early Hints\r\nServer: secret\r\nX-Powered-By: secret\r\nX-Frame-Options: a\r\nAccess-Control-Allow-Origin: *\r\nLink: <a>\r\n\r\n${answer('ok')}`,
      ),
    {
      routes: {
        r: {
          ...{ path: '/user', service: 'user', cors: { origins: ['https://a.example'] } },
          responseHeaders: {
            remove: ['server', 'x-powered-*'],
            set: { 'x-frame-options': 'DENY' },
            add: { 'x-new': '1' },
          },
        },
      },
    },
  )
  const text = await sendRaw(port, GET + LAST)
  assert.ok(text.startsWith('HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 200 '), text)
})

test('100 Continue is not passed on to a client that did not ask for it, and 101 is refused', async t => {
  const { port } = await setUp(t, (socket, { target }) =>
    socket.write(`HTTP/1.1 10${target.slice(1)} X\r\n\r\n${answer('ok')}`),
  )
  const text = await sendRaw(port, `GET /user/0 HTTP/1.1\r\nHost: h\r\n${LAST}`)
  assert.deepEqual(statusesOf(text), ['200'])
  assert.equal((await send(port, { path: '/user/1' })).status, 502)
})

test('a client of HTTP/1.0 gets the final answer only', async t => {
  const { port } = await setUp(t, socket => socket.write(HINT + answer('ok')))
  const text = await sendRaw(port, 'GET /user HTTP/1.0\r\nHost: h\r\n\r\n')
  assert.deepEqual(statusesOf(text), ['200'])
  assert.match(text, /\r\n\r\nok$/)
})

test('an interim answer to a pipelined request follows the answer before it', async t => {
  const [early, first, second] = Array.from({ length: 3 }, () => Promise.withResolvers<void>())
  const { port, node } = await setUp(t, async (socket, { target }) => {
    if (target === '/1') {
      await first!.promise
      socket.write(answer('<1>'))
      return
    }
    socket.write(HINT)
    early!.resolve()
    await second!.promise
    socket.write(`${HINT}${answer('<2>')}`)
  })
  const client = await openRaw(
    port,
    `${GET.replace('/user', '/user/1')}\r\n${GET.replace('/user', '/user/2')}${LAST}`,
  )
  await node.received(2)
  await early!.promise
  assert.equal(client.text(), '')
  first!.resolve()
  await client.until('103')
  second!.resolve()
  const text = await client.closed
  assert.deepEqual(statusesOf(text), ['200', '103', '103', '200'])
  assert.match(text, /<1>HTTP\/1\.1 103 Early Hints\r\n.*<2>$/s)
})

test('interim answers that came with their answer before its turn keep their place', async t => {
  const first = Promise.withResolvers<void>()
  const { port, logged } = await setUp(t, async (socket, { target }) => {
    if (target === '/1') await first.promise
    socket.write(`${HINT.repeat(12)}${answer(`<${target}>`)}`)
  })
  const client = await openRaw(
    port,
    ['/1', '/2', '/3']
      .map(path => `GET /user${path} HTTP/1.1\r\nHost: h\r\nX-Request-Id: id${path.slice(1)}\r\n\r\n`)
      .join(''),
  )
  first.resolve()
  const text = await client.until('</3>')
  const each = [...Array<string>(12).fill('103'), '200']
  assert.deepEqual(statusesOf(text), [...each, ...each, ...each])
  client.socket.destroy()
  await logged('id3')
})

for (const [what, interim] of Object.entries({
  'too many': HINT.repeat(33),
  'too large': `HTTP/1.1 103 Early Hints\r\nLink: ${'x'.repeat(16_000)}\r\n\r\n`.repeat(5),
})) {
  test(`a node that sends ${what} interim answers gives no answer`, async t => {
    const { port } = await setUp(t, socket => socket.write(interim + answer('ok')))
    const text = await sendRaw(port, `POST /user HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n${LAST}`)
    assert.equal(statusesOf(text).at(-1), '502')
    assert.match(text, /"WG_UPSTREAM_INVALID"/)
    assert.ok(text.length < 70_000, `${text.length}`)
  })
}

test('the client of a WebSocket gets interim answers before the 101', async t => {
  const { port } = await setUp(t, socket => socket.write(HINT + accepted(KEY)))
  const client = await openRaw(port, handshake('/user'))
  assert.deepEqual(statusesOf(await client.until('Sec-WebSocket-Accept')), ['103', '101'])
  client.socket.destroy()
})

test('interim answers do not put off the timeout of an answer', async t => {
  const timers: NodeJS.Timeout[] = []
  t.after(() => timers.forEach(clearInterval))
  const { port } = await setUp(t, socket => timers.push(setInterval(() => socket.write(HINT), 50)), {
    routes: { r: { path: '/user', service: 'user', timeoutMs: 300, retries: 0 } },
  })
  const text = await sendRaw(port, GET + LAST)
  const statuses = statusesOf(text)
  assert.equal(statuses.pop(), '504')
  assert.ok(statuses.length > 1 && statuses.every(status => status === '103'), `${statuses}`)
})

test('a try whose interim answers were passed on is still retried, and so are those of the next try passed on', async t => {
  let asked = 0
  const script: Script = socket => {
    asked++
    socket.write(`HTTP/1.1 103 Early Hints\r\nX-Try: ${asked}\r\n\r\n`)
    socket.write(asked === 1 ? answer('failed', [], '503 Busy') : answer('ok'))
  }
  const [one, two] = [await startNode(t, script), await startNode(t, script)]
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': one.port, 'user/u2': two.port } })
  const text = await sendRaw(port, GET + LAST)
  assert.deepEqual(statusesOf(text), ['103', '103', '200'])
  assert.deepEqual(text.match(/X-Try: \d/g), ['X-Try: 1', 'X-Try: 2'])
})

test('of a hedged request, the interim answers of the node that wins are passed on, and no others', async t => {
  let release = () => {}
  const slow: Script = socket => {
    socket.write('HTTP/1.1 103 Early Hints\r\nX-By: slow\r\n\r\n')
    release = () => void socket.write(answer('slow'))
  }
  const fast: Script = socket =>
    socket.write(`HTTP/1.1 103 Early Hints\r\nX-By: fast\r\n\r\n${answer('fast')}`)
  let asked = 0
  const script: Script = (...given) => (asked++ === 0 ? slow : fast)(...given)
  const [one, two] = [await startNode(t, script), await startNode(t, script)]
  const { port } = await startTestGateway(t, {
    nodes: { 'user/u1': one.port, 'user/u2': two.port },
    routes: { r: { path: '/user', service: 'user', hedge: { afterMs: 20 } } },
  })
  const text = await sendRaw(port, GET + LAST)
  release()
  assert.deepEqual(statusesOf(text), ['103', '200'])
  assert.match(text, /^HTTP\/1\.1 103 Early Hints\r\nX-By: fast\r\n\r\n.*fast$/s)
})
