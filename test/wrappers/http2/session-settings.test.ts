import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERROR, SETTING } from '../../../internal/http2/frames.ts'
import { dataFrame, headersFrame, rstStreamFrame, settingsFrame } from '../../support/raw-http2.ts'
import { until } from '../../support/until.ts'
import { answerFrames, requestFor, startRawNode } from './raw-node.ts'
import { startSessionScene } from './session-scene.ts'

test('push is off, and the windows are those of the configuration once an answer is taken', async t => {
  const node = await startRawNode(t)
  const { send } = startSessionScene(t, node.port, {
    streamWindowBytes: 70_000,
    connectionWindowBytes: 100_000,
  })
  const call = send()
  const connection = await until('it is connected', () => node.connections[0])
  const id = await requestFor(connection, '/')
  const settings = (await connection.receives('SETTINGS')).payload
  const pairs = new Map<number, number>()
  for (let at = 0; at < settings.length; at += 6)
    pairs.set(settings.readUInt16BE(at), settings.readUInt32BE(at + 2))
  assert.equal(pairs.get(SETTING.enablePush), 0)
  assert.equal(pairs.get(SETTING.initialWindowSize), 65_536)
  assert.ok(connection.described.includes(`WINDOW_UPDATE 0 by ${100_000 - 65_535}`))
  const half = dataFrame(id, Buffer.alloc(16_384))
  connection.write(headersFrame(id, [':status', '200'], { isEnd: false }), half, half)
  await connection.receives(`WINDOW_UPDATE ${id} by ${32_768 + 70_000 - 65_536}`)
  connection.write(dataFrame(id, Buffer.from('!'), { isEnd: true }))
  assert.equal((await call.text).length, 32_769)
})

test('when a node lowers its limit, what it refuses was not acted on, and further calls get another connection', async t => {
  const node = await startRawNode(t)
  const { send } = startSessionScene(t, node.port)
  const calls = [send({ target: '/0' }), send({ target: '/1' })]
  const connection = await until('it is connected', () => node.connections[0])
  const [, second] = await Promise.all([requestFor(connection, '/0'), requestFor(connection, '/1')])
  connection.write(
    settingsFrame([SETTING.maxConcurrentStreams, 1]),
    rstStreamFrame(second!, ERROR.refusedStream),
  )
  assert.equal(await calls[1]!.result, 'refused')
  send({ target: '/2' })
  const other = await until('another connection is made', () => node.connections[1])
  await requestFor(other, '/2')
})

test('a node that allows no streams gets none, on no further connection, until it allows some', async t => {
  const node = await startRawNode(t)
  const { send } = startSessionScene(t, node.port)
  const first = send({ target: '/0' })
  const connection = await until('it is connected', () => node.connections[0])
  connection.write(settingsFrame([SETTING.maxConcurrentStreams, 0]))
  connection.write(answerFrames(await requestFor(connection, '/0'), 'hello'))
  assert.equal(await first.text, 'hello')
  const waiting = send({ target: '/1' })
  await new Promise(setImmediate)
  assert.equal(node.connections.length, 1)
  connection.write(settingsFrame([SETTING.maxConcurrentStreams, 5]))
  connection.write(answerFrames(await requestFor(connection, '/1'), 'at last'))
  assert.equal(await waiting.text, 'at last')
})
