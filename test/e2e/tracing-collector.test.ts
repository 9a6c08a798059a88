import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { startCollector } from '../support/collector.ts'
import { type GatewaySetUp, startTestGateway } from '../support/gateway.ts'
import { send } from '../support/http.ts'
import { answer, deadPort, startNode } from '../support/node-server.ts'
import { until } from '../support/until.ts'

/** A collector that accepts connections and reads nothing. */
async function startHungCollector(t: TestContext): Promise<string> {
  const sockets: Socket[] = []
  const server = createServer(
    { pauseOnConnect: true },
    socket => void sockets.push(socket.on('error', () => {})),
  )
  server.listen(0, '127.0.0.1')
  await until('it listens', () => server.listening)
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

/** Starts a gateway that keeps all traces, and sends it requests. Returns what it said of its spans, and how long it took to stop. */
async function serve(
  t: TestContext,
  endpoint: string,
  whenHalfDone: () => unknown = () => {},
  spanTimes?: GatewaySetUp['spanTimes'],
) {
  const node = await startNode(t, socket => socket.write(answer()))
  const { port, adminPort, gateway, log } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    document: { tracing: { endpoint, sampleRatio: 1 } },
    spanTimes,
  })
  for (let round = 0; round < 12; round++) {
    if (round === 6) await whenHalfDone()
    const answers = await Promise.all(Array.from({ length: 30 }, () => send(port, { path: '/user' })))
    assert.ok(answers.every(({ status, text }) => status === 200 && text === 'ok'))
  }
  const { text } = await send(adminPort, { path: '/metrics' })
  const stoppedAt = performance.now()
  await gateway.stop()
  const stopMs = performance.now() - stoppedAt
  const errors = log.filter(({ level }) => Number(level) >= 50)
  assert.deepEqual(errors, [])
  return { text, stopMs, log }
}

test('a collector that is dead, hangs, refuses or dies shows in no request, and shutdown waits 2 s at most', async t => {
  const dying = await startCollector(t)
  const cases: readonly (readonly [name: string, endpoint: string, whenHalfDone?: () => unknown])[] = [
    ['dead', `http://127.0.0.1:${await deadPort()}`],
    ['hung', await startHungCollector(t)],
    [
      'slow',
      (await startCollector(t, response => void setTimeout(() => response.end(), 3_000).unref())).endpoint,
    ],
    ['busy', (await startCollector(t, r => r.writeHead(503, { 'retry-after': '30' }).end())).endpoint],
    ['refusing', (await startCollector(t, response => response.writeHead(400).end())).endpoint],
    ['dying', dying.endpoint, () => dying.close()],
  ]
  for (const [name, endpoint, whenHalfDone] of cases) {
    await t.test(name, async inner => {
      // One waits as long as documented.
      const times = name === 'hung' ? {} : { closeMs: 200 }
      const { stopMs } = await serve(inner, endpoint, whenHalfDone, times)
      // A stop without tracing takes next to nothing; a busy machine takes its time.
      assert.ok(stopMs < 4_000, `${Math.round(stopMs)} ms`)
    })
  }
})

test('the last spans are sent when the gateway stops', async t => {
  const collector = await startCollector(t)
  await serve(t, collector.endpoint)
  assert.equal(collector.spans.length, 12 * 30 * 2)
})
