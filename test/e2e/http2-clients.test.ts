import assert from 'node:assert/strict'
import { type ClientHttp2Session, connect } from 'node:http2'
import { test } from 'node:test'
import { askHttp2 } from '../support/http2-client.ts'
import { isRunning } from '../support/processes.ts'
import { until } from '../support/until.ts'
import { startWithWorkers } from '../support/workers.ts'

const REFUSED_STREAM = 7

interface Http2Load {
  readonly sent: number
  /** What is wrong with answers that are not 200. */
  readonly failures: readonly string[]
  /** Sends no request on new connections any more. Resolves when all are answered. */
  finish(): Promise<void>
  [Symbol.dispose](): void
}

/** Sends requests on kept connections of node:http2, each of which is replaced when the gateway asks for it. */
function startHttp2Load(port: number, connections: number, streams: number): Http2Load {
  const failures: string[] = []
  let sent = 0
  let isEnding = false
  const client = async () => {
    while (!isEnding) {
      const session: ClientHttp2Session = connect(`http://127.0.0.1:${port}`)
      session.on('error', error => {
        // Once the gateway is told to stop, it accepts no connections at some time.
        if (!isEnding) failures.push(String(error))
      })
      let isLeaving = false
      session.on('goaway', () => {
        isLeaving = true
      })
      const stream = async () => {
        while (!isLeaving && !session.closed && !session.destroyed) {
          sent++
          const { status, code } = await askHttp2(session, { ':path': '/echo/x', ':method': 'POST' }, 'hello')
          // The client's side refuses what it has queued when it hears that the gateway is leaving. It was never sent.
          if (status !== 200 && code !== REFUSED_STREAM) failures.push(`${status} ${code}`)
        }
      }
      await Promise.all(Array.from({ length: streams }, stream))
      session.close()
    }
  }
  const all = Promise.all(Array.from({ length: connections }, client))
  return {
    get sent() {
      return sent
    },
    failures,
    async finish() {
      isEnding = true
      await all
    },
    [Symbol.dispose]() {
      isEnding = true
    },
  }
}

test('clients of HTTP/2 lose no request when workers are replaced, and none when the gateway stops', async () => {
  await using scene = await startWithWorkers({ accessLog: false, drainMs: 500, shutdownTimeoutMs: 10_000 })
  const { gateway, workers, metric } = scene
  const before = await workers()
  using load = startHttp2Load(gateway.port, 6, 4)
  await until('all workers are busy', () => load.sent > 200)
  gateway.child.kill('SIGHUP')
  await gateway.logged('new configuration is active')
  await until('the old workers have ended', () => !before.some(isRunning))
  const sent = load.sent
  await until('the new ones are busy', () => load.sent > sent + 200)
  assert.equal(await metric('waygate_client_connections'), 6)
  const finished = load.finish()
  await gateway.stop()
  await finished
  assert.deepEqual(load.failures, [])
})
