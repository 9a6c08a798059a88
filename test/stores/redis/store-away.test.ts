import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { StoreUnavailable } from '../../../internal/limits/counters.ts'
import { startTestGateway } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { requireRedis, startRedis, type TestRedis } from '../../support/redis.ts'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'
import { until } from '../../support/until.ts'
import { chargeOf, openCounters, openUp, ruleOf, type TestCounters } from './counters.ts'

const HOUR_MICROS = 3_600_000_000
const charge = chargeOf(ruleOf({ limit: 1_000, windowMicros: HOUR_MICROS }))
/** Of the counters whose deadline is tested. */
const STRICT = { timeoutMs: 25 }

/** Whether the store is left alone: a call is refused before it is made. */
function isAway({ counters }: TestCounters): boolean {
  try {
    const answer = counters.take([charge])
    if (answer instanceof Promise) answer.catch(() => {})
    return false
  } catch (error) {
    assert.ok(error instanceof StoreUnavailable)
    return true
  }
}

async function untilAway(store: TestCounters): Promise<void> {
  await until('the store counts as away', () => isAway(store))
}

/** Takes one charge, again until the store has answered in time. */
async function untilTaken(store: TestCounters): Promise<void> {
  await until('the store answers', async () => (await store.take(charge))[0]!.allowed)
}

/** Resolves when two more connections were opened through `proxy`, so that what the first was for is over. */
async function untilTriedTwice(proxy: TcpProxy): Promise<void> {
  const { accepted } = proxy
  await until('the store is tried twice', () => proxy.accepted >= accepted + 2)
}

test('limit: store stopped (SIGSTOP) adds at most 25 ms, then nothing', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  await using store = openCounters(redis.url, { ...STRICT, retryMs: 60_000 })
  await untilTaken(store)
  await redis.kill('SIGSTOP')
  const before = store.results.timeout ?? 0
  let failures = 0
  while (!isAway(store)) {
    let isOver = false
    store.take(charge).catch(error => {
      assert.ok(error instanceof StoreUnavailable)
      isOver = true
      failures++
    })
    // A timer that was set at the same time, since a busy machine delays both. Sockets are looked at in between.
    await delay(30)
    await nextTurn()
    await nextTurn()
    assert.ok(isOver, 'the call is over 25 ms later')
  }
  // `isAway` has made a call in each round, too.
  assert.ok(failures <= 3, `${failures} calls waited`)
  assert.ok(store.results.timeout! - before <= 6, 'no call waits once the store is away')
  for (let i = 0; i < 1_000; i++) assert.ok(isAway(store))
  assert.equal(store.changes.at(-1), 'the limit store has not answered within 25 ms')
  await redis.kill('SIGCONT')
})

test('limit: store restarted, script gone, first call succeeds', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  await using store = await openUp(redis.url)
  assert.equal((await store.take(charge))[0]!.remaining, 999)
  await redis.cli('script', 'flush')
  assert.equal((await store.take(charge))[0]!.remaining, 998)

  await redis.kill('SIGKILL')
  await untilAway(store)
  const { error = 0 } = store.results
  await redis.restart()
  await store.untilUp()
  await redis.cli('script', 'flush')
  assert.equal((await store.take(charge))[0]!.remaining, 999, 'the store was empty')
  assert.equal(store.results.error ?? 0, error)
})

test('limit: a store that was killed is back within 2 s of its return, with one line for each change', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  await using store = await openUp(redis.url, { retryMs: 200 })
  await delay(220) // longer than retryMs: what is lost before is not opened at once
  const { length } = store.changes
  await redis.kill('SIGKILL')
  await untilAway(store)
  await delay(500) // two tries
  // A connection may still be accepted by what is about to end.
  const lost = store.changes.slice(length).map(kind)
  assert.equal(lost.length, 1, `${lost}`)
  assert.match(lost[0]!, /^(?:connect ECONNREFUSED|(?:read|write) ECONNRESET|write EPIPE)$/)
  await redis.restart()
  const began = performance.now()
  await store.untilUp()
  assert.ok(performance.now() - began < 2_000, `${performance.now() - began} ms`)
  // A Redis that starts may say so first.
  assert.equal(store.changes.at(-1), 'up')
  assert.ok(store.changes.length <= length + 3, `${store.changes}`)
})

test('limit: a stopped store is left alone until it goes on, and is used again then', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  await using store = openCounters(redis.url, { timeoutMs: 200 })
  await untilTaken(store)
  await redis.kill('SIGSTOP')
  await untilAway(store)
  await delay(200) // longer than retryMs
  assert.ok(isAway(store))
  await redis.kill('SIGCONT')
  await untilTaken(store)
  assert.equal(store.changes.at(-1), 'up')
})

test('limit: a store that takes 200 ms is left alone, and used again when it is quick', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  await using proxy = await startTcpProxy(redis.port)
  await using store = openCounters(`redis://127.0.0.1:${proxy.port}`, { timeoutMs: 150 })
  await untilTaken(store)
  proxy.delay(100)
  await untilAway(store)
  const { length } = store.changes
  for (const { accepted } = proxy; proxy.accepted < accepted + 2; ) {
    await delay(20)
    assert.ok(isAway(store), 'a connection that is slow as well changes nothing')
  }
  assert.equal(store.changes.length, length)
  proxy.delay(0)
  await untilTaken(store)
})

test('limit: a store that is full is away until it has room', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  await using proxy = await startTcpProxy(redis.port)
  await using store = await openUp(`redis://127.0.0.1:${proxy.port}`)
  await redis.cli('config', 'set', 'maxmemory', '1')
  await untilAway(store)
  await untilTriedTwice(proxy)
  assert.deepEqual(store.changes.map(kind), ['up', 'OOM command'])
  assert.ok(isAway(store))
  await redis.cli('config', 'set', 'maxmemory', '0')
  await untilTaken(store)
  assert.equal(store.changes.length, 3)
})

test('limit: a store that wants another password is away, and the reason is told once', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis({ args: ['--requirepass', 'right'], cliArgs: ['-a', 'right'] })
  await using proxy = await startTcpProxy(redis.port)
  await using store = openCounters(`redis://127.0.0.1:${proxy.port}`, { password: 'wrong' })
  await untilAway(store)
  await untilTriedTwice(proxy)
  assert.deepEqual(store.changes.map(kind), ['WRONGPASS invalid'])
  await redis.cli('config', 'set', 'requirepass', 'wrong')
  await untilTaken(store)
  assert.deepEqual(store.changes.slice(1), ['up'])

  await using without = openCounters(redis.url)
  await untilAway(without)
  assert.match(without.changes[0]!, /^NOAUTH/)
})

test('limit: the gateway does not wait for a store at its start, and finds it later', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  await redis.kill('SIGKILL')
  await using store = openCounters(redis.url)
  await untilAway(store)
  assert.deepEqual(store.changes.map(kind), ['connect ECONNREFUSED'])
  await redis.restart()
  await untilTaken(store)
})

test('limit: a call waits for a connection that was lost and is opened again, and nothing is logged', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  // A connection that has lasted for longer than retryMs is opened again at once.
  await using store = await openUp(redis.url, { retryMs: 1 })
  const { length } = store.changes
  await redis.cli('client', 'kill', 'type', 'normal')
  await untilTaken(store)
  assert.equal(store.changes.length, length)
  // The call that was made before the loss was noticed.
  assert.ok((store.results.error ?? 0) <= 1)
  assert.equal(store.results.away, undefined)
})

test('limit: a store that accepts connections only to end them is asked no more often than retryMs says', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  await using proxy = await startTcpProxy(redis.port)
  await using store = await openUp(`redis://127.0.0.1:${proxy.port}`, { retryMs: 100 })
  proxy.cut('fin')
  await untilAway(store)
  const before = proxy.accepted
  const began = performance.now()
  await delay(500)
  const most = (performance.now() - began) / 100 + 1
  assert.ok(proxy.accepted - before <= most, `${proxy.accepted - before} connections`)
  proxy.mend()
  await untilTaken(store)
})

test('limit: connections that a router has forgotten are replaced', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  await using proxy = await startTcpProxy(redis.port)
  await using store = openCounters(`redis://127.0.0.1:${proxy.port}`, { timeoutMs: 200 })
  await untilTaken(store)
  proxy.hold()
  await untilAway(store)
  proxy.mend()
  await untilTaken(store)
})

test('limit: three calls wait for a connection that is not made, and no more', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  await using proxy = await startTcpProxy(redis.port)
  proxy.hold()
  await using store = openCounters(`redis://127.0.0.1:${proxy.port}`, STRICT)
  let waited = 0
  while (!isAway(store)) {
    await store.take(charge).catch(() => waited++)
  }
  // `isAway` has made a call in each round, too.
  assert.ok(waited <= 3, `${waited} calls waited`)
  assert.deepEqual(store.changes, ['the limit store has not answered within 25 ms'])
  proxy.mend()
  await untilTaken(store)
})

test('limit: a pause of this process is no failure of the store', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  await using store = openCounters(redis.url, STRICT)
  await untilTaken(store)
  const { timeout = 0, answered = 0 } = store.results
  let inTime = 0
  for (let i = 0; i < 20; i++) {
    const answer = store.take(charge).then(
      () => inTime++,
      () => {},
    )
    await Promise.resolve()
    await nextTurn()
    // Redis answers meanwhile.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
    await answer
    if (!store.counters.isUp) await store.untilUp()
  }
  assert.ok(
    inTime >= 18,
    `${inTime} of 20; ${store.results.timeout! - timeout} timeouts, ${answered} answered`,
  )
})

test('quota: what is charged while the store is away is added on its return, for 10,000 keys', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  await redis.kill('SIGKILL')
  await using store = openCounters(redis.url)
  await untilAway(store)
  const rule = ruleOf({ algorithm: 'fixed', limit: 1_000_000, windowMicros: 0 })
  const windowEndsAt = Date.now() + 3_600_000
  const quotaOf = (key: string, endsAt = windowEndsAt) => chargeOf(rule, key, { windowEndsAt: endsAt })
  for (let i = 0; i < 10_000; i++) store.counters.add([quotaOf(`k${i}`)])
  for (let i = 0; i < 6; i++) store.counters.add([quotaOf('k5')])
  store.counters.add([quotaOf('one too many'), charge])
  await until('the surplus is reported', () => store.dropped === 1)

  await redis.restart()
  await store.untilUp()
  await until('all are added', async () => (await keysOf(redis)) === 10_000, { withinMs: 60_000 })
  const remaining = async (key: string) => (await store.take({ ...quotaOf(key), isTest: true }))[0]!.remaining
  assert.equal(await remaining('k5'), 1_000_000 - 7)
  assert.equal(await remaining('k9999'), 1_000_000 - 1)
  assert.equal(await remaining('one too many'), 1_000_000)
  assert.equal(store.dropped, 1)
})

test('quota: what is charged while a connection is lost is added when there is another', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  await using proxy = await startTcpProxy(redis.port)
  // A connection that has lasted for longer than retryMs is opened again at once.
  await using store = await openUp(`redis://127.0.0.1:${proxy.port}`, { retryMs: 1 })
  const { length } = store.changes
  const rule = ruleOf({ algorithm: 'fixed', limit: 10, windowMicros: 0 })
  const quota = chargeOf(rule, 'k', { windowEndsAt: Date.now() + 3_600_000 })
  await redis.kill('SIGSTOP')
  store.counters.add([quota])
  await delay(50)
  proxy.drop('rst')
  await redis.kill('SIGCONT')
  await store.untilUp()
  await until('it is added', async () => {
    const [verdict] = await store.take({ ...quota, isTest: true })
    // The store may have read the charge before its connection ended.
    return verdict!.remaining === 9 || verdict!.remaining === 8
  })
  assert.equal(store.changes.length, length, 'nothing is logged')
})

test('quota: a request that a slow store reads late is charged once', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  await using store = openCounters(redis.url, { timeoutMs: 300, retryMs: 60_000 })
  const node = await startNode(t, socket => socket.write(answer('ok')))
  const gateway = await startTestGateway(t, {
    sharedCounters: store.counters,
    document: { rateLimits: { store: { url: redis.url } } },
    nodes: { 'user/u1': node.port },
    routes: {
      r: { path: '/*', service: 'user', auth: 'none', quota: { limit: 9, per: 'month', key: 'route' } },
    },
  })
  await untilTaken(store)
  await redis.kill('SIGSTOP')
  const got = await send(gateway.port, { path: '/' })
  await redis.kill('SIGCONT')
  assert.deepEqual([got.status, got.headers.ratelimit], [200, undefined], 'the store has not answered')
  await untilTaken(store)
  const next = await send(gateway.port, { path: '/' })
  assert.match(String(next.headers.ratelimit), /^"quota";r=7;/)
})

test('quota: calls that end because a slow store is given up may have counted, and later ones have not', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  await using store = openCounters(redis.url, { timeoutMs: 600, retryMs: 60_000 })
  await untilTaken(store)
  await redis.kill('SIGSTOP')
  const mayHaveCounted = (call: Promise<unknown>) =>
    call.then(
      () => assert.fail('it was answered'),
      (error: unknown) => {
        assert.ok(error instanceof StoreUnavailable)
        return error.mayHaveCounted
      },
    )
  const first = [1, 2, 3].map(() => mayHaveCounted(store.take(charge)))
  await delay(300)
  const later = mayHaveCounted(store.take(charge))
  assert.deepEqual(await Promise.all([...first, later]), [true, true, true, true])
  assert.equal(await mayHaveCounted(store.take(charge)), false)
  assert.equal(store.results.error, 1, 'one call was under way when the store was given up')
  await redis.kill('SIGCONT')
})

test('quota: a charge to a window that has ended is not added to the next', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  await redis.kill('SIGKILL')
  await using store = openCounters(redis.url)
  await untilAway(store)
  const rule = ruleOf({ algorithm: 'fixed', limit: 10, windowMicros: 0 })
  store.counters.add([chargeOf(rule, 'short', { windowEndsAt: Date.now() + 200 })])
  store.counters.add([chargeOf(rule, 'long', { windowEndsAt: Date.now() + 3_600_000 })])
  await delay(250)
  await redis.restart()
  await store.untilUp()
  await until('what is owed is added', async () => (await keysOf(redis)) === 1)
})

test('limit: counters that are closed leave no connection and make none', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  const connected = async () => (await redis.cli('client', 'list')).split('\n').length - 1
  const store = await openUp(redis.url)
  assert.equal(await connected(), 1)
  store.counters.close()
  store.counters.close()
  await until('the connection is closed', async () => (await connected()) === 0)
  assert.ok(isAway(store))
  const opening = openCounters(redis.url)
  opening.counters.close()
  await delay(100)
  assert.equal(await connected(), 0)
  assert.deepEqual(opening.changes, [])
})

/** Counts the keys that have not expired. DBSIZE also counts those that have, such as that of the probe, until Redis finds them. */
async function keysOf(redis: TestRedis): Promise<number> {
  return Number(await redis.cli('eval', "return #redis.call('keys', '*')", '0'))
}

/** Returns the first two words of a reason. */
function kind(reason: string): string {
  return reason.split(' ', 2).join(' ')
}
