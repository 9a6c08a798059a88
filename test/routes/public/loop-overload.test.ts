import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import { type TestContext, test } from 'node:test'
import { type LoopChange, LoopGuard } from '../../../middleware/request/loop-guard.ts'
import { keepBusy } from '../../support/busy-loop.ts'
import { startTestGateway } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { startService } from '../../support/service.ts'
import { until } from '../../support/until.ts'
import { openWebSocket, startWebSocketNode } from '../../support/websocket.ts'

/** Every turn of the busy loop takes longer than `loopDelayMs`. */
const TURN_MS = 12
const overload = { loopDelayMs: 5 }

/** Keeps the event loop busy until the returned function is called, or until the test ends. */
function busy(t: TestContext): () => void {
  const stop = keepBusy(TURN_MS)
  t.after(stop)
  return stop
}

test('while the event loop is overloaded, requests beyond those in flight are refused; after that, none is', async t => {
  const answers: (() => void)[] = []
  const node = await startService('n', (_request, response) => {
    answers.push(() => response.end('done'))
  })
  t.after(() => node.close())
  const gateway = await startTestGateway(t, { nodes: { 'slow/n': node.port }, config: { overload } })
  const { port, adminPort, log } = gateway
  const agent = new Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  const statuses: unknown[] = []
  for (let i = 0; i < 150; i++) {
    request({ host: '127.0.0.1', port, path: '/slow/', agent }, response => {
      statuses.push(response.statusCode)
      response.resume()
    })
      .on('error', ({ message }) => statuses.push(message))
      .end()
  }
  await until('they are in flight', () => answers.length === 150)

  const stop = busy(t)
  const logged = (msg: string) => until(msg, () => log.find(line => line.msg === msg))
  const begun = await logged('gateway overloaded')
  assert.deepEqual([begun.level, begun.inFlight], [30, 150])
  const refused = await send(port, { path: '/slow/' })
  assert.deepEqual(
    [refused.status, refused.headers['retry-after'], (refused.json() as { code: string }).code],
    [503, '1', 'WG_OVERLOADED'],
  )
  const line = await gateway.logged(String(refused.headers['x-request-id']))
  assert.equal(line.reason, 'event loop overloaded')
  assert.equal((await send(adminPort, { path: '/healthz' })).status, 200)
  assert.match(
    String((await send(adminPort, { path: '/metrics' })).body),
    /^waygate_loop_overloaded_total 1$/m,
  )

  stop()
  const over = await logged('gateway no longer overloaded')
  assert.equal(over.refused, 1)
  const later = send(port, { path: '/slow/' })
  await until('it reaches the node', () => answers.length === 151)
  for (const answer of answers) answer()
  assert.equal((await later).status, 200)
  await until('the others have their answers', () => statuses.length === 150)
  assert.deepEqual([...new Set(statuses)], [200])
})

test('WebSockets do not count as requests in flight', async t => {
  const node = await startWebSocketNode(t)
  const { port, log } = await startTestGateway(t, { nodes: { 'chat/c': node.port }, config: { overload } })
  await Promise.all(Array.from({ length: 110 }, () => openWebSocket(t, port, { path: '/chat/' })))
  busy(t)
  // Each of two guards that count them as requests notices the load, in the longest time that the gateway's takes for it.
  for (let i = 0; i < 2; i++) {
    const noticed = Promise.withResolvers<LoopChange>()
    const guard = new LoopGuard({
      targetMs: overload.loopDelayMs,
      inFlight: () => 110,
      onChange: noticed.resolve,
    })
    t.after(() => guard.close())
    assert.equal((await noticed.promise).isOverloaded, true)
    assert.equal((await send(port, { path: '/nowhere' })).status, 404)
  }
  assert.deepEqual(
    log.filter(({ msg }) => msg === 'gateway overloaded'),
    [],
  )
})
