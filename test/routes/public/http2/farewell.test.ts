import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ClientSession, type SessionHost } from '../../../../routes/public/http2/client-session.ts'
import {
  describeFrames,
  headersFrame,
  pingFrame,
  requestLines,
  SETTINGS_ACK,
  settingsFrame,
} from '../../../support/raw-http2.ts'

/** A socket whose client takes nothing until `take` is called. */
function slowSocket() {
  const written: Buffer[] = []
  let onTaken: (() => void) | undefined
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk)
      onTaken = done
    },
  })
  const take = async () => {
    while (onTaken) {
      const done = onTaken
      onTaken = undefined
      done()
      await nextTurn()
    }
  }
  return { socket: socket as unknown as Socket, written, take }
}

test('the end of the last answer reaches a slow client, whatever it sends meanwhile', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { socket, written, take } = slowSocket()
  const session = new ClientSession(socket, {
    connectionOptions: {
      ...{ maxConcurrentStreams: 10, streamWindowBytes: 65_535, connectionWindowBytes: 65_535 },
      ...{ maxListBytes: 16_384, maxFields: 256, mayIndex: () => true, now: () => 0 },
    },
    limits: {
      headersTimeoutMs: 0,
      bodyIdleTimeoutMs: 0,
      sendIdleTimeoutMs: 0,
      minBytesPerSecond: 0,
    } as SessionHost['limits'],
    isDraining: () => false,
    isOverShare: () => false,
    hold() {},
    onRequest() {},
    onStreams() {},
    onClosed() {},
    serve(stream) {
      stream.writeHead(200, [])
      stream.end(Buffer.alloc(40_000))
    },
  } satisfies Partial<SessionHost> as unknown as SessionHost)
  const request = headersFrame(1, requestLines([], 'GET', '/'), { isEnd: true })
  session.receive(Buffer.concat([settingsFrame(), SETTINGS_ACK, request]))
  session.drain()
  session.receive(pingFrame('waygate ', true))
  await nextTurn()
  assert.ok(socket.writableEnded)
  session.receive(pingFrame())
  await nextTurn()
  t.mock.timers.tick(5_000)
  assert.equal(socket.destroyed, false)
  await take()
  const frames = describeFrames(Buffer.concat(written))
  assert.ok(frames.some(line => /^DATA 1 .*END_STREAM/.test(line)))
  t.mock.timers.tick(1_000)
  assert.ok(socket.destroyed)
})
