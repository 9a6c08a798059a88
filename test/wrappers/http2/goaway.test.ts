import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERROR } from '../../../internal/http2/frames.ts'
import { MAX_STREAM_ID } from '../../../internal/http2/stream-table.ts'
import { goawayFrame, headersFrame, rstStreamFrame } from '../../support/raw-http2.ts'
import { until } from '../../support/until.ts'
import { answerFrames, requestFor, startRawNode } from './raw-node.ts'
import { startSessionScene } from './session-scene.ts'

async function startScene(t: Parameters<typeof startSessionScene>[0], count: number) {
  const node = await startRawNode(t)
  const scene = startSessionScene(t, node.port)
  const calls = Array.from({ length: count }, (_, i) => scene.send({ target: `/${i}`, method: 'POST' }))
  const connection = await until('it is connected', () => node.connections[0])
  const ids = await Promise.all(calls.map((_, i) => requestFor(connection, `/${i}`)))
  return { node, calls, connection, ids, ...scene }
}

test('calls above the last id were not acted on, those below go on, and new ones get another connection', async t => {
  const { node, calls, connection, ids, counts, peer, send } = await startScene(t, 3)
  connection.write(goawayFrame(ids[1]!))
  assert.equal(await calls[2]!.result, 'refused')
  const next = send({ target: '/next' })
  const second = await until('another connection is made', () => node.connections[1])
  second.write(answerFrames(await requestFor(second, '/next'), 'on the second'))
  assert.equal(await next.text, 'on the second')
  assert.equal(peer.sessions, 2)
  connection.write(answerFrames(ids[0]!, 'first'), answerFrames(ids[1]!, 'second'))
  assert.deepEqual(await Promise.all(calls.slice(0, 2).map(each => each.text)), ['first', 'second'])
  await connection.closed
  assert.deepEqual(counts, {
    goaways: 1,
    retired: { goaway: 1, cancels: 0, ids: 0, address: 0, age: 0, flood: 0 },
  })
  await until('the first connection is gone', () => peer.sessions === 1)
  assert.equal(peer.inFlight, 0)
})

test('a second GOAWAY may lower the last id', async t => {
  const { calls, connection, ids, counts } = await startScene(t, 2)
  connection.write(goawayFrame(MAX_STREAM_ID))
  await until('it was received', () => counts.goaways === 1)
  connection.write(goawayFrame(ids[0]!), answerFrames(ids[0]!, 'whole'))
  assert.equal(await calls[1]!.result, 'refused')
  assert.equal(await calls[0]!.text, 'whole')
  assert.equal(counts.retired.goaway, 1)
})

test('a GOAWAY with an error loses only the calls that the node may have acted on', async t => {
  const { calls, connection, ids } = await startScene(t, 3)
  connection.write(answerFrames(ids[0]!, 'whole'), goawayFrame(ids[1]!, ERROR.enhanceYourCalm))
  connection.socket.end()
  assert.equal(await calls[0]!.text, 'whole')
  assert.equal(await calls[1]!.result, 'reset')
  assert.equal(await calls[2]!.result, 'refused')
})

test('a GOAWAY is read although writing to the node fails', async t => {
  const { calls, connection, send } = await startScene(t, 1)
  connection.write(goawayFrame(0))
  connection.socket.resetAndDestroy()
  // It is written before the gateway reads again.
  const late = send({ method: 'POST', target: '/late' })
  assert.equal(await calls[0]!.result, 'refused')
  assert.equal(await late.result, 'refused')
})

test('a stream that the node refuses is not acted on, and the connection stays in use', async t => {
  const { node, calls, connection, ids, send } = await startScene(t, 2)
  connection.write(rstStreamFrame(ids[0]!, ERROR.refusedStream), answerFrames(ids[1]!, 'whole'))
  assert.equal(await calls[0]!.result, 'refused')
  assert.equal(await calls[1]!.text, 'whole')
  const next = send({ target: '/next' })
  connection.write(answerFrames(await requestFor(connection, '/next'), 'next'))
  assert.equal(await next.text, 'next')
  assert.equal(node.connections.length, 1)
})

test('a connection that the node closes fails its calls, as stale ones if it had carried others', async t => {
  const { calls, connection, ids, send } = await startScene(t, 1)
  connection.write(answerFrames(ids[0]!, 'whole'))
  assert.equal(await calls[0]!.text, 'whole')
  const stale = send({ target: '/stale' })
  await requestFor(connection, '/stale')
  connection.socket.destroy()
  await assert.rejects(stale.answer, { kind: 'reset', staleConnection: true })
})

test('an answer that the node breaks off after its head is never whole', async t => {
  const { calls, connection, ids } = await startScene(t, 2)
  const head = answerFrames(ids[0]!, 'begun').subarray(0, -14)
  connection.write(head)
  assert.equal(await calls[0]!.result, 200)
  connection.write(rstStreamFrame(ids[0]!, ERROR.internalError))
  assert.equal(await calls[0]!.text, 'aborted')
  assert.equal((await calls[0]!.answer).isBroken, true)
})

test('a connection whose node breaks the protocol too often gets no more calls, and those under way finish', async t => {
  const node = await startRawNode(t)
  const { counts, send } = startSessionScene(t, node.port, { maxSessions: 1 })
  const long = send({ target: '/long' })
  const connection = await until('it is connected', () => node.connections[0])
  const longId = await requestFor(connection, '/long')
  const fields = Array.from({ length: 300 }, () => ['a', 'b']).flat()
  const broken = Array.from({ length: 25 }, (_, i) => send({ target: `/${i}`, method: 'POST' }))
  for (const [i, call] of broken.entries()) {
    connection.write(headersFrame(await requestFor(connection, `/${i}`), [':status', '200', ...fields]))
    assert.equal(await call.result, 'invalid')
    if (counts.retired.flood > 0) break
  }
  assert.equal(counts.retired.flood, 1)
  const next = send({ target: '/next' })
  const second = await until('another connection is made', () => node.connections[1])
  second.write(answerFrames(await requestFor(second, '/next'), 'next'))
  assert.equal(await next.text, 'next')
  for (const call of broken) call.cancel()
  connection.write(answerFrames(longId, 'whole'))
  assert.equal(await long.text, 'whole')
  await connection.closed
})
