import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  dataFrame,
  headersFrame,
  listenRawHttp2,
  type RawHttp2,
  settingsFrame,
} from '../../support/raw-http2.ts'
import { TestResponse } from '../../support/test-response.ts'
import { until } from '../../support/until.ts'
import { answerFrames, requestFor, startRawNode } from './raw-node.ts'
import { startSessionScene } from './session-scene.ts'

const WINDOW = 65_535
const windows = (connection: RawHttp2, id: number) =>
  connection.described.filter(line => line.startsWith(`WINDOW_UPDATE ${id} `))

/** Sends an answer that fills the window of its stream. */
function fillWindow(connection: RawHttp2, id: number): void {
  connection.write(headersFrame(id, [':status', '200'], { isEnd: false }))
  for (let left = WINDOW; left > 0; left -= 16_384)
    connection.write(dataFrame(id, Buffer.alloc(Math.min(left, 16_384))))
}

for (const copiesChunks of [false, true]) {
  test(`a window comes back only as the client takes the answer, ${copiesChunks ? 'as views' : 'as copies'}`, async t => {
    const node = await startRawNode(t)
    const { send } = startSessionScene(t, node.port, { streamWindowBytes: WINDOW })
    const call = send()
    const connection = await until('it is connected', () => node.connections[0])
    const id = await requestFor(connection, '/')
    connection.write(headersFrame(id, [':status', '200'], { isEnd: false }), dataFrame(id, 'x'))
    const response = new TestResponse(copiesChunks)
    response.isStalled = true
    ;(await call.answer).sendBody(response)
    for (let left = WINDOW - 1; left > 0; left -= 16_384)
      connection.write(dataFrame(id, Buffer.alloc(Math.min(left, 16_384), 'y')))
    await until('it has all of the window', () => response.bytes.length === WINDOW)
    assert.deepEqual(windows(connection, id), [])
    response.drain()
    await connection.receives(`WINDOW_UPDATE ${id} by ${WINDOW}`)
    connection.write(dataFrame(id, 'z', { isEnd: true }))
    await response.over
    assert.equal(response.text, `x${'y'.repeat(WINDOW - 1)}z`)
  })
}

test('an answer that nobody has asked the body of is read up to the window', async t => {
  const node = await startRawNode(t)
  const { send } = startSessionScene(t, node.port, { streamWindowBytes: WINDOW })
  const call = send()
  const connection = await until('it is connected', () => node.connections[0])
  const id = await requestFor(connection, '/')
  fillWindow(connection, id)
  const answer = await call.answer
  connection.write(dataFrame(id, 'end', { isEnd: true }))
  const response = new TestResponse()
  answer.sendBody(response)
  await response.over
  assert.equal(response.bytes.length, WINDOW + 3)
})

test('when stalled clients hold half of a connection, new calls get another one, until the clients read', async t => {
  const node = await startRawNode(t)
  const { send } = startSessionScene(t, node.port, {
    streamWindowBytes: WINDOW,
    connectionWindowBytes: 2 * WINDOW,
  })
  const stalled = send({ target: '/stalled' })
  const connection = await until('it is connected', () => node.connections[0])
  const id = await requestFor(connection, '/stalled')
  connection.write(headersFrame(id, [':status', '200'], { isEnd: false }))
  const response = new TestResponse()
  response.isStalled = true
  ;(await stalled.answer).sendBody(response)
  for (let left = WINDOW; left > 0; left -= 16_384)
    connection.write(dataFrame(id, Buffer.alloc(Math.min(left, 16_384))))
  await until('the client holds its window', () => response.bytes.length === WINDOW)
  const other = send({ target: '/other' })
  const second = await until('another connection is made', () => node.connections[1])
  second.write(answerFrames(await requestFor(second, '/other'), 'not held up'))
  assert.equal(await other.text, 'not held up')
  response.drain()
  const [one, two] = [send({ target: '/1' }), send({ target: '/2' })]
  connection.write(answerFrames(await requestFor(connection, '/2'), 'two'))
  second.write(answerFrames(await requestFor(second, '/1'), 'one'))
  assert.deepEqual(await Promise.all([one.text, two.text]), ['one', 'two'])
  connection.write(dataFrame(id, '', { isEnd: true }))
  await response.over
})

test('a call whose client has left while it was stalled gives its window back', async t => {
  const node = await startRawNode(t)
  const { send } = startSessionScene(t, node.port, {
    streamWindowBytes: WINDOW,
    connectionWindowBytes: 2 * WINDOW,
  })
  const stalled = send({ target: '/stalled' })
  send({ target: '/other' })
  const connection = await until('it is connected', () => node.connections[0])
  const id = await requestFor(connection, '/stalled')
  fillWindow(connection, id)
  const response = new TestResponse()
  response.isStalled = true
  ;(await stalled.answer).sendBody(response)
  await until('the client holds its window', () => response.bytes.length === WINDOW)
  assert.deepEqual(
    windows(connection, 0).map(line => line.split(' ').at(-1)),
    [String(WINDOW)],
  )
  stalled.cancel()
  await connection.until(each => windows(each, 0).length === 2)
})

test('a call whose client has left while it was stalled gives its window back when the node is not told, too', async t => {
  const node = await startRawNode(t)
  const { counts, send } = startSessionScene(t, node.port, {
    streamWindowBytes: WINDOW,
    connectionWindowBytes: 2 * WINDOW,
    cancels: { burst: 1, perSecond: 0 },
  })
  const [first, stalled] = [send({ target: '/first' }), send({ target: '/stalled' })]
  const other = send({ target: '/other' })
  const connection = await until('it is connected', () => node.connections[0])
  const id = await requestFor(connection, '/stalled')
  const otherId = await requestFor(connection, '/other')
  connection.write(headersFrame(id, [':status', '200'], { isEnd: false }))
  const response = new TestResponse()
  response.isStalled = true
  ;(await stalled.answer).sendBody(response)
  for (let left = WINDOW; left > 0; left -= 16_384)
    connection.write(dataFrame(id, Buffer.alloc(Math.min(left, 16_384))))
  await until('the client holds its window', () => response.bytes.length === WINDOW)
  first.cancel()
  stalled.cancel()
  assert.equal(counts.retired.cancels, 1)
  await connection.receives(`WINDOW_UPDATE ${id} by ${WINDOW}`)
  assert.equal(windows(connection, 0).length, 2)
  connection.write(dataFrame(id, '', { isEnd: true }), answerFrames(otherId, 'whole'))
  assert.equal(await other.text, 'whole')
})

test('a call that waits for room on a full pool gets it when the stalled client reads, and the others in turn', async t => {
  const node = await startRawNode(t)
  const { send } = startSessionScene(t, node.port, {
    streamWindowBytes: WINDOW,
    connectionWindowBytes: 2 * WINDOW,
    maxSessions: 1,
  })
  const stalled = send({ target: '/stalled' })
  const connection = await until('it is connected', () => node.connections[0])
  const id = await requestFor(connection, '/stalled')
  connection.write(headersFrame(id, [':status', '200'], { isEnd: false }))
  const response = new TestResponse()
  response.isStalled = true
  ;(await stalled.answer).sendBody(response)
  for (let left = WINDOW; left > 0; left -= 16_384)
    connection.write(dataFrame(id, Buffer.alloc(Math.min(left, 16_384))))
  await until('the client holds its window', () => response.bytes.length === WINDOW)
  const waiting = [send({ target: '/1' }), send({ target: '/2' })]
  response.drain()
  for (const [i, { text }] of waiting.entries()) {
    connection.write(answerFrames(await requestFor(connection, `/${i + 1}`), `answer ${i}`))
    assert.equal(await text, `answer ${i}`)
  }
  connection.write(dataFrame(id, '', { isEnd: true }))
  await response.over
})

test('a call that waits behind those that wait for the connection moves up when one of them leaves', async t => {
  const node = await listenRawHttp2()
  t.after(() => node[Symbol.asyncDispose]())
  const { send } = startSessionScene(t, node.port, { streamsPerSession: 1, maxSessions: 1 })
  const first = send({ target: '/first' })
  const second = send({ target: '/second' })
  first.cancel()
  const connection = await until('it is connected', () => node.connections[0])
  // The node has not said yet how many streams it allows.
  const id = await requestFor(connection, '/second')
  connection.write(settingsFrame(), answerFrames(id, 'second'))
  assert.equal(await second.text, 'second')
})
