import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { startTestGateway } from '../../support/gateway.ts'
import { openRaw, sendRaw } from '../../support/http.ts'
import { answer, startNode } from '../../support/node-server.ts'

const LAST = 'Connection: close\r\n'
const get = (path: string, lines = '') => `GET ${path} HTTP/1.1\r\nHost: h\r\n${lines}\r\n`

for (const [what, isLarge] of [
  ['a large answer', true],
  ['a refusal', false],
] as const) {
  test(`100 Continue is not written into ${what} that was ready before`, async t => {
    const body = 'x'.repeat(20_000)
    const first = Promise.withResolvers<void>()
    const node = await startNode(t, async (socket, { target, whole }) => {
      if (target === '/first') {
        await first.promise
        socket.write(answer('first'))
        return
      }
      await whole.catch(() => {})
      if (isLarge) socket.write(answer(body))
      else socket.destroy()
    })
    const { port, logged } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
    const lines = `X-Request-Id: second\r\nContent-Length: 4\r\nExpect: 100-continue\r\n`
    const client = await openRaw(
      port,
      `${get('/user/first')}GET /user HTTP/1.1\r\nHost: h\r\n${lines}\r\nbody`,
    )
    await node.received(2)
    await node.requests[1]!.whole
    first.resolve()
    const text = await client.until(isLarge ? body : '"requestId":"second"}')
    client.socket.destroy()
    const second = text.slice(text.indexOf('first') + 'first'.length)
    const [, status, length = '', rest = ''] =
      /^HTTP\/1\.1 (\d+) .*?\r\ncontent-length: (\d+)\r\n.*?\r\n\r\n(.*)$/is.exec(second) ?? []
    assert.equal(status, isLarge ? '200' : '502')
    assert.equal(rest.length, Number(length))
    assert.ok(!second.includes('100 Continue'), second.slice(0, 400))
    await logged('second')
  })
}

test('the number of requests in flight on one connection is limited, and the last answer says that it is the last', async t => {
  const waiting: (() => void)[] = []
  const node = await startNode(t, (socket, { target }) => {
    waiting.push(() => socket.write(answer(target)))
  })
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  const paths = Array.from({ length: 100 }, (_, i) => `/${i}`)
  const client = await openRaw(port, paths.map(path => get(`/user${path}`)).join(''))
  // One that is to be answered next, and 32 ahead of their turn.
  await node.received(33)
  for (const reply of waiting) reply()
  const text = await client.closed
  assert.deepEqual(
    [...text.matchAll(/\r\n\r\n(\/\d+)/g)].map(([, path]) => path),
    paths.slice(0, 33),
  )
  assert.equal(text.match(/connection: close/gi)?.length, 1)
  assert.equal(node.requests.length, 33)
})

for (const [first, second] of [
  ['PUT', 'GET'],
  ['GET', 'DELETE'],
  ['POST', 'POST'],
] as const) {
  test(`a pipelined ${second} waits for the answer to a ${first}, and requests behind them do too`, async t => {
    const node = await startNode(t, async (socket, { target, whole }) => {
      await whole
      if (target === '/first') await other.promise
      socket.write(answer(`<${target}>`))
    })
    const other = Promise.withResolvers<void>()
    const { port, log } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
    const write = (method: string, path: string) =>
      method === 'GET' || method === 'DELETE'
        ? `${method} /user${path} HTTP/1.1\r\nHost: h\r\n\r\n`
        : `${method} /user${path} HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody`
    const client = await openRaw(
      port,
      write(first, '/first') + write(second, '/second') + write('GET', '/third') + get('/user/last', LAST),
    )
    await node.received(1)
    await sendRaw(port, get('/user/other', LAST))
    other.resolve()
    assert.deepEqual((await client.closed).match(/<.*?>/g), ['</first>', '</second>', '</third>', '</last>'])
    assert.deepEqual(
      node.requests.map(({ target }) => target),
      ['/first', '/other', '/second', '/third', '/last'],
    )
    assert.equal(log.filter(({ msg }) => msg === 'request').length, 5)
  })
}

test('a request that waits for its turn does not go to a connection that its node closes behind the answer before', async t => {
  const node = await startNode(t, async (socket, { target, whole }) => {
    await whole
    socket.end(answer(`<${target}>`))
  })
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  const paths = Array.from({ length: 20 }, (_, i) => `/${i}`)
  const post = (path: string) => `POST /user${path} HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx`
  const text = await sendRaw(port, paths.map(post).join('') + get('/user/last', LAST))
  assert.deepEqual(text.match(/HTTP\/1\.1 (?!200)\d+/g), null)
  assert.equal(text.match(/<.*?>/g)?.length, 21)
})

test('what follows a request for an upgrade is not served, even in the moment when the turn of that request comes', async t => {
  let afterTurns = 0
  const node = await startNode(t, async (socket, { target, whole }) => {
    await whole
    if (target === '/first') inTurns(afterTurns, () => client.socket.write(get('/user/stray')))
    socket.write(answer(`<${target}>`))
  })
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  let client = await openRaw(port)
  const put = 'PUT /user/first HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx'
  const upgrade = get('/user/upgrade', 'Connection: Upgrade\r\nUpgrade: h2c\r\n')
  for (; afterTurns < 8; afterTurns++) {
    client.socket.write(put + upgrade)
    assert.deepEqual((await client.closed).match(/<.*?>/g), ['</first>', '</upgrade>'])
    client = await openRaw(port)
  }
  client.socket.destroy()
  assert.ok(node.requests.every(({ target }) => target !== '/stray'))
})

function inTurns(turns: number, step: () => void): void {
  if (turns === 0) step()
  else setImmediate(() => inTurns(turns - 1, step))
}

test('requests that wait for their turn are limited as those in flight are', async t => {
  const node = await startNode(t, async (socket, { target, whole }) => {
    await whole
    socket.write(answer(`<${target}>`))
  })
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  const paths = Array.from({ length: 100 }, (_, i) => `/${i}`)
  const post = (path: string) => `POST /user${path} HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx`
  const text = await sendRaw(port, paths.map(post).join(''))
  assert.deepEqual(
    text.match(/<.*?>/g),
    paths.slice(0, 33).map(path => `<${path}>`),
  )
  assert.equal(text.match(/connection: close/gi)?.length, 1)
})

test('a long body that waits for its turn arrives whole, and nothing of it goes to a node before', async t => {
  const first = Promise.withResolvers<void>()
  const node = await startNode(t, async (socket, { target, whole }) => {
    if (target === '/first') await first.promise
    socket.write(answer(`<${target} ${(await whole).length}>`))
  })
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  const body = 'x'.repeat(1_000_000)
  const lines = `Content-Length: ${body.length}\r\nExpect: 100-continue\r\n`
  const client = await openRaw(
    port,
    `${get('/user/first')}PUT /user/long HTTP/1.1\r\nHost: h\r\n${lines}\r\n${body}${get('/user/last', LAST)}`,
  )
  await node.received(1)
  first.resolve()
  assert.deepEqual((await client.closed).match(/<.*?>/g), ['</first 0>', '</long 1000000>', '</last 0>'])
})

test('nothing is read behind a body that waits for its turn', async t => {
  const first = Promise.withResolvers<void>()
  const node = await startNode(t, async (socket, { target, whole }) => {
    if (target === '/0') await first.promise
    socket.write(answer(`<${target} ${(await whole).length}>`))
  })
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  const accepted = new Promise<Socket>(resolve => {
    const onSocket = (message: unknown) => resolve((message as { socket: Socket }).socket)
    subscribe('http.server.request.start', onSocket)
    t.after(() => unsubscribe('http.server.request.start', onSocket))
  })
  const bodies = Array.from({ length: 30 }, (_, i) => i)
  const post = (i: number) =>
    `POST /user/${i} HTTP/1.1\r\nHost: h\r\nContent-Length: 50000\r\n\r\n${'x'.repeat(50_000)}`
  const client = await openRaw(port, bodies.map(post).join('') + get('/user/last', LAST))
  const socket = await accepted
  await node.received(1)
  await sendRaw(port, get('/user/other', LAST))
  assert.ok(socket.bytesRead < 500_000, `${socket.bytesRead}`)
  first.resolve()
  assert.deepEqual((await client.closed).match(/<.*?>/g), [...bodies.map(i => `</${i} 50000>`), '</last 0>'])
})

test('a client that pipelines without a pause, but not too far ahead, keeps its connection', async t => {
  const node = await startNode(t, (socket, { target }) => socket.write(answer(target)))
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  const client = await openRaw(port)
  for (let batch = 0; batch < 10; batch++) {
    client.socket.write(Array.from({ length: 20 }, (_, i) => get(`/user/${batch}-${i}`)).join(''))
    await client.until(`/${batch}-19`)
  }
  client.socket.write(get('/user/last', LAST))
  assert.equal((await client.closed).match(/HTTP\/1\.1 200/g)?.length, 201)
})

test('a request with Connection: close is answered, whatever follows it', async t => {
  const node = await startNode(t, async (socket, request) => {
    await request.whole
    socket.write(answer(`<${request.target}>`))
  })
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  const head = `POST /user/one HTTP/1.1\r\nHost: h\r\n${LAST}Content-Length: 2\r\n\r\nab`
  for (const more of [' ', 'nonsense', '\r\n\r\n', get('/user/two'), '\x16\x03\x01']) {
    const text = await sendRaw(port, head + more)
    assert.deepEqual(text.match(/HTTP\/1\.1 \d+|<.*?>/g), ['HTTP/1.1 200', '</one>'], JSON.stringify(more))
  }
  assert.ok(node.requests.every(({ target }) => target === '/one'))
})

test('a client that is refused while it sends the body of its last request receives the whole answer', async t => {
  const node = await startNode(t, socket => socket.write(answer('no', [], '403 Forbidden')))
  const { port } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    routes: {
      small: { path: '/small', service: 'user', maxBodyBytes: 10 },
      user: { path: '/user', service: 'user' },
    },
  })
  const body = 'x'.repeat(5_000_000)
  for (const [path, status] of [
    ['/nowhere', 404],
    ['/small', 413],
    ['/user', 403],
  ]) {
    const head = `POST ${path} HTTP/1.1\r\nHost: h\r\n${LAST}Content-Length: ${body.length}\r\n\r\n`
    // Some clients read no answer before they have sent the whole request.
    const client = await openRaw(port)
    client.socket.pause()
    await new Promise(resolve => client.socket.write(head + body, resolve))
    client.socket.resume()
    const text = await client.closed
    assert.ok(text.startsWith(`HTTP/1.1 ${status} `), `${path}: ${JSON.stringify(text)}`)
    const length = Number(/content-length: (\d+)/i.exec(text)![1])
    assert.equal(text.slice(text.indexOf('\r\n\r\n') + 4).length, length)
  }
})

test('an empty Expect is ignored', async t => {
  const node = await startNode(t, socket => socket.write(answer()))
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  assert.match(await sendRaw(port, get('/user', `${LAST}Expect:\r\n`)), /^HTTP\/1\.1 200 /)
})
