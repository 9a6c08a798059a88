import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { deadPort } from '../../support/node-server.ts'
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

/** Listens and then blocks: the system accepts as many connections as the backlog holds, and no more. */
const STANDS_STILL = `
  const { parentPort } = require('node:worker_threads')
  const server = require('node:net').createServer()
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })
`

test('a connection that is not made in time fails', {
  skip: process.platform !== 'linux',
}, async t => {
  const worker = new Worker(STANDS_STILL, { eval: true })
  t.after(() => worker.terminate())
  const [port]: number[] = await once(worker, 'message')
  const fillers = Array.from({ length: 6 }, () => connect(port!, '127.0.0.1').on('error', () => {}))
  t.after(() => fillers.forEach(filler => void filler.destroy()))
  await Promise.all(fillers.slice(0, 2).map(filler => once(filler, 'connect')))
  const timers = holdTimers(t, TIMEOUT_MS)
  const { get } = startPool(t, port!, { connectTimeoutMs: TIMEOUT_MS })
  const exchanges = [get('/0'), get('/1')]
  assert.equal(timers.length, 2)
  for (const timer of timers) timer.fire()
  for (const exchange of exchanges) {
    await exchange.over
    assert.deepEqual([exchange.calls, exchange.failure!.kind], [['failure'], 'connect'])
    assert.match(String(exchange.failure!.cause), /no connection to 127.0.0.1:\d+ within 123456 ms/)
  }
})
