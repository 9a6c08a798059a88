import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deadPort } from '../../support/node-server.ts'
import { startSilentListener } from '../../support/silent-listener.ts'
import { holdTimers } from './held-timer.ts'
import { startPool } from './pool-scene.ts'

/** No other timer uses this time. */
const TIMEOUT_MS = 123_456

test('when nothing listens, all waiting exchanges fail', async t => {
  for (const maxConnections of [undefined, 1, 3]) {
    const { get, pool } = startPool(t, await deadPort(), { maxConnections })
    const exchanges = Array.from({ length: 20 }, (_, i) => get(`/${i}`))
    await Promise.all(exchanges.map(each => each.over))
    for (const { calls, failure } of exchanges) {
      assert.deepEqual([calls, failure!.kind], [['failure'], 'connect'])
      assert.equal((failure!.cause as NodeJS.ErrnoException).code, 'ECONNREFUSED')
    }
    await pool.close()
  }
})

test('an exchange that failed can request a connection again in the same call', async t => {
  const { get, pool } = startPool(t, await deadPort(), { maxConnections: 1 })
  let left = 5
  const first = get('/', function again(name) {
    assert.equal(name, 'failure')
    if (left-- > 0) pool.request(first)
  })
  while (left >= 0) await new Promise(setImmediate)
  assert.equal(first.calls.length, 6)
})

test('a connection that is not made in time fails', {
  skip: process.platform !== 'linux',
}, async t => {
  const port = await startSilentListener(t)
  const timers = holdTimers(t, TIMEOUT_MS)
  const { get } = startPool(t, port, { connectTimeoutMs: TIMEOUT_MS })
  const exchanges = [get('/0'), get('/1')]
  assert.equal(timers.length, 2)
  for (const timer of timers) timer.fire()
  for (const exchange of exchanges) {
    await exchange.over
    assert.deepEqual([exchange.calls, exchange.failure!.kind], [['failure'], 'connect'])
    assert.match(String(exchange.failure!.cause), /no connection to 127.0.0.1:\d+ within 123456 ms/)
  }
})
