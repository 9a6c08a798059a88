import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type ClientAnswer, openRaw, send } from '../../support/http.ts'
import { answer, type Script } from '../../support/node-server.ts'
import { until } from '../../support/until.ts'
import { ok, resets, startScene } from './retry-scene.ts'

// The timer of deadlines does not keep the process alive. In a gateway, sockets do.
const alive = setInterval(() => {}, 1_000)
after(() => clearInterval(alive))

const silent: Script = () => {}
const busy: Script = socket => socket.write(answer('busy', [], '503 Busy'))
const longBusy: Script = socket => socket.write(answer('x'.repeat(200_000), [], '503 Busy'))
const breaksOff: Script = socket => socket.end('HTTP/1.1 503 Busy\r\nContent-Length: 9\r\n\r\nhalf')
const late: Script = (socket, request) => setTimeout(() => void ok(socket, request, 0), 8)

/** Follows one script after the other, each for one request to the node. */
const inTurn =
  (...scripts: readonly Script[]): Script =>
  (socket, request, index) =>
    scripts[index % scripts.length]!(socket, request, index)

test('whatever nodes and clients do, every client gets an answer and nothing stays in flight', async t => {
  const { front, table, budgets, nodes } = await startScene(
    t,
    {
      a: inTurn(ok, busy, silent, late, resets),
      b: inTurn(late, longBusy, ok, breaksOff, ok, silent, busy),
      c: inTurn(resets, ok, late),
      d: 'dead',
    },
    {
      retryOn: [503],
      retryBufferBytes: 1_000,
      tryTimeoutMs: 40,
      hedge: { afterMs: 5 },
      fallback: { type: 'stale', maxAgeMs: 60_000 },
    },
    { minimumRequests: 5, failureRatio: 0.6, openMs: 10, maxOpenMs: 20 },
  )
  const heard: (ClientAnswer | undefined)[] = []
  const clients = Array.from({ length: 10 }, async (_, client) => {
    for (let i = 0; i < 40; i++) {
      if ((client + i) % 7 === 0) {
        const leaver = await openRaw(front.port, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n')
        if (i % 2 === 0) await Promise.race([leaver.until('HTTP').catch(() => {}), leaver.closed])
        leaver.socket.destroy()
        continue
      }
      const method = ['GET', 'GET', 'PUT', 'POST'][i % 4]!
      const hasBody = method === 'PUT' || method === 'POST'
      // A body that breaks off ends the connection, because its head was already sent.
      heard.push(
        await send(front.port, { method, ...(hasBody && { body: 'payload' }) }).catch(() => undefined),
      )
    }
  })
  await Promise.all(clients)
  const statuses = Object.groupBy(heard, got => String(got?.status))
  assert.ok(
    statuses['200']!.length > 100,
    JSON.stringify(Object.entries(statuses).map(([k, v]) => [k, v?.length])),
  )
  for (const got of heard)
    assert.ok(got === undefined || [200, 503, 599].includes(got.status), `${got?.status}`)
  const peers = table.get('user')!.peers
  await until('nothing is in flight', () => peers.every(({ inFlight }) => inFlight === 0))
  const budget = budgets.of('user')
  await until('no request is under way', () => budget.active === 0)
  assert.equal(budget.retrying, 0)
  assert.ok(Object.values(nodes).every(({ requests }) => requests.length > 10))
})
