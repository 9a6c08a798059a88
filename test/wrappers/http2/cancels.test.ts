import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeBody } from '../../support/bodies.ts'
import { startHttp2Node } from '../../support/http2-node.ts'
import { dataFrame, describeFrame, headersFrame } from '../../support/raw-http2.ts'
import { readAnswer, TestResponse } from '../../support/test-response.ts'
import { until } from '../../support/until.ts'
import { answerFrames, requestFor, startRawNode } from './raw-node.ts'
import { startSessionScene } from './session-scene.ts'

test('while the budget lasts, the node is told that a call was cancelled', async t => {
  const node = await startRawNode(t)
  const { peer, send } = startSessionScene(t, node.port)
  const cancelled = send({ target: '/cancelled' })
  const other = send({ target: '/other' })
  const connection = await until('it is connected', () => node.connections[0])
  const id = await requestFor(connection, '/cancelled')
  const otherId = await requestFor(connection, '/other')
  cancelled.cancel()
  assert.equal(await cancelled.result, 'aborted')
  assert.equal(peer.inFlight, 1)
  await connection.receives(`RST_STREAM ${id} CANCEL`)
  // What the node had already sent is ignored.
  connection.write(answerFrames(id, 'too late'), answerFrames(otherId, 'whole'))
  assert.equal(await other.text, 'whole')
  assert.equal(node.connections.length, 1)
})

test('beyond the budget, cancelled calls are dropped in silence, and the connection gets no further ones', async t => {
  const node = await startRawNode(t)
  const options = { cancels: { burst: 2, perSecond: 0 } }
  const { counts, peer, send } = startSessionScene(t, node.port, options)
  const cancelled = ['/0', '/1', '/2', '/3'].map(target => send({ target }))
  const long = send({ target: '/long' })
  const connection = await until('it is connected', () => node.connections[0])
  const ids = await Promise.all(['/0', '/1', '/2', '/3'].map(target => requestFor(connection, target)))
  const longId = await requestFor(connection, '/long')
  for (const call of cancelled) call.cancel()
  assert.equal(peer.inFlight, 1)
  assert.equal(counts.retired.cancels, 1)
  const next = send({ target: '/next' })
  const second = await until('another connection is made', () => node.connections[1])
  second.write(answerFrames(await requestFor(second, '/next'), 'next'))
  assert.equal(await next.text, 'next')
  // An answer that nobody wants takes no window from the others.
  connection.write(
    answerFrames(ids[2]!, 'x'.repeat(16_000)),
    headersFrame(ids[3]!, [':status', '200'], { isEnd: false }),
  )
  connection.write(answerFrames(longId, 'whole'))
  assert.equal(await long.text, 'whole')
  // The last call that somebody waited for is over, and with it the connection.
  await connection.closed
  const resets = connection.described.filter(line => line.startsWith('RST_STREAM'))
  assert.deepEqual(resets, [`RST_STREAM ${ids[0]} CANCEL`, `RST_STREAM ${ids[1]} CANCEL`])
  assert.equal(peer.inFlight, 0)
})

test('an unwanted answer is reset after 1 MiB', async t => {
  const node = await startRawNode(t)
  const { send } = startSessionScene(t, node.port, { cancels: { burst: 1, perSecond: 0 } })
  const [first, second] = [send({ target: '/0' }), send({ target: '/1' })]
  send({ target: '/long' })
  const connection = await until('it is connected', () => node.connections[0])
  const id = await requestFor(connection, '/1')
  await requestFor(connection, '/long')
  first.cancel()
  second.cancel()
  connection.write(headersFrame(id, [':status', '200'], { isEnd: false }))
  const piece = dataFrame(id, Buffer.alloc(16_384))
  let window = 65_536
  let sent = 0
  let seen = 0
  while (!connection.described.includes(`RST_STREAM ${id} CANCEL`)) {
    for (; window >= 16_384; window -= 16_384, sent += 16_384) connection.write(piece)
    await connection.until(({ frames }) => frames.length > seen)
    for (const frame of connection.frames.slice(seen)) {
      if (describeFrame(frame).startsWith(`WINDOW_UPDATE ${id} `)) window += frame.payload.readUInt32BE(0)
    }
    seen = connection.frames.length
  }
  assert.ok(sent > 1_048_576 && sent <= 1_048_576 + 262_144 + 16_384, `${sent} bytes`)
})

test('clients that leave cannot make a node of node:http2 end the calls of others', async t => {
  const node = await startHttp2Node(t, ({ stream, headers }) => {
    if (headers[':path'] !== '/long') return
    stream.respond({ ':status': 200 })
    stream.write('begun')
  })
  const { peer, send } = startSessionScene(t, node.port)
  const long = Array.from({ length: 10 }, () => send({ target: '/long' }))
  const answers = await Promise.all(long.map(each => each.answer))
  for (let round = 0; round < 60; round++) {
    const arrived = node.requests.length
    const calls = Array.from({ length: 50 }, () => send({ target: '/short', method: 'POST' }))
    await until('they have arrived', () => node.requests.length === arrived + 50)
    for (const call of calls) call.cancel()
  }
  for (const { stream, headers } of node.requests) if (headers[':path'] === '/long') stream.end(' and whole')
  for (const answer of answers) assert.equal((await readAnswer(answer)).text, 'begun and whole')
  assert.deepEqual(node.errors, [])
  assert.equal(peer.inFlight, 0)
})

test('a request that was cancelled in the middle of its body never looks whole', async t => {
  for (const burst of [200, 1]) {
    const node = await startRawNode(t)
    const { send } = startSessionScene(t, node.port, { cancels: { burst, perSecond: 0 } })
    const first = send({ target: '/first' })
    const body = new FakeBody()
    const call = send({ target: '/upload', method: 'POST', body })
    send({ target: '/other' })
    const connection = await until('it is connected', () => node.connections[0])
    const id = await requestFor(connection, '/upload')
    body.send('begun')
    await connection.receives(`DATA ${id} 5 bytes`)
    first.cancel()
    call.cancel()
    assert.ok(body.isStopped)
    const other = await requestFor(connection, '/other')
    connection.write(answerFrames(other, ''))
    if (burst === 1) await connection.closed
    else await connection.receives(`RST_STREAM ${id} CANCEL`)
    assert.ok(
      !connection.described.some(line => line.startsWith(`DATA ${id}`) && line.endsWith('END_STREAM')),
    )
  }
})

test('the client of an answer under way can leave, and the node is told', async t => {
  const node = await startRawNode(t)
  const { peer, send } = startSessionScene(t, node.port)
  const call = send()
  const connection = await until('it is connected', () => node.connections[0])
  const id = await requestFor(connection, '/')
  connection.write(headersFrame(id, [':status', '200'], { isEnd: false }), dataFrame(id, 'begun'))
  const answer = await call.answer
  answer.sendBody(new TestResponse())
  call.cancel()
  await connection.receives(`RST_STREAM ${id} CANCEL`)
  assert.equal(peer.inFlight, 0)
})
