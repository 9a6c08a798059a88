import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'
import { type Lock, type LockOptions, lock } from '../../../index.ts'
import { etcdctl, requireEtcd, startEtcd } from '../../support/etcd.ts'
import { askEtcd, setUpUsers } from '../../support/etcd-json.ts'
import { startTcpProxy } from '../../support/tcp-proxy.ts'
import { until } from '../../support/until.ts'
import { type Store, storeAt } from '../store.ts'

const HOLDER_PROGRAM = join(import.meta.dirname, '../../support/lock-process.ts')
const QUEUE = '/waygate/locks/job/'

function look(t: TestContext, url: string): Store {
  const store = storeAt(url)
  t.after(() => store.close())
  return store
}

/** Requests the lock and waits until its place in the queue exists. */
async function ask(
  store: Store,
  etcd: string,
  options: LockOptions = {},
): Promise<{ readonly got: Promise<Lock> }> {
  const before = (await store.list(QUEUE)).size
  const got = lock('job', { etcd, ...options })
  got.catch(() => {})
  await until('it is in the queue', async () => (await store.list(QUEUE)).size > before)
  return { got }
}

/** Returns the number of transactions that etcd has received. */
async function transactions(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(/grpc_server_started_total\{grpc_method="Txn".*\} (\d+)/.exec(text)?.[1] ?? 0)
}

async function startHolder(t: TestContext, url: string, ttlSeconds: number) {
  const child = fork(HOLDER_PROGRAM, [url, 'job', String(ttlSeconds)])
  t.after(() => {
    child.kill('SIGKILL')
  })
  assert.deepEqual((await once(child, 'message'))[0], 'held')
  return child
}

for (const kind of ['a real etcd', 'the embedded etcd'] as const) {
  describe(`a lock in ${kind}`, { concurrency: 6 }, () => {
    const start = (t: TestContext) => {
      if (kind === 'the embedded etcd') return startEmbeddedEtcd({ port: 0 })
      return requireEtcd(t) ? startEtcd() : undefined
    }

    test('is held by one of 20 contenders at a time, each with a larger token', async t => {
      await using etcd = await start(t)
      if (!etcd) return
      let inside = 0
      const tokens: bigint[] = []
      const contend = async () => {
        await using held = await lock('job', { etcd: etcd.url })
        assert.equal(++inside, 1)
        tokens.push(held.fencingToken)
        await delay(2)
        assert.equal(held.lost.aborted, false)
        inside--
      }
      await Promise.all(Array.from({ length: 20 }, contend))
      assert.equal(tokens.length, 20)
      assert.deepEqual(
        tokens,
        [...new Set(tokens)].sort((a, b) => (a < b ? -1 : 1)),
      )
      assert.equal((await look(t, etcd.url).list('/')).size, 0, 'and nothing is left behind')
    })

    test('is granted in the order of the requests, and a release wakes the next waiter at once', async t => {
      await using etcd = await start(t)
      if (!etcd) return
      const store = look(t, etcd.url)
      const order: number[] = []
      const first = await lock('job', { etcd: etcd.url })
      const others: Promise<void>[] = []
      let released = 0
      for (let i = 0; i < 8; i++) {
        const { got } = await ask(store, etcd.url)
        others.push(
          got.then(async held => {
            order.push(i)
            t.diagnostic(`woken after ${Math.round(performance.now() - released)} ms`)
            // It would check by itself after 5 s.
            assert.ok(performance.now() - released < 3_000)
            released = performance.now()
            await held.release()
          }),
        )
      }
      released = performance.now()
      await first.release()
      await Promise.all(others)
      assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7])
    })

    test('keeps no place in the queue for a waiter that gives up, and lets the next one pass', async t => {
      await using etcd = await start(t)
      if (!etcd) return
      const store = look(t, etcd.url)
      const first = await lock('job', { etcd: etcd.url })
      const stop = new AbortController()
      const second = await ask(store, etcd.url, { signal: stop.signal })
      const third = await ask(store, etcd.url)
      stop.abort(new Error('no time'))
      await assert.rejects(second.got, /no time/)
      assert.equal((await store.list(QUEUE)).size, 2)
      assert.equal((await store.client.leaseClient.leaseLeases()).leases.length, 2)
      await first.release()
      await (await third.got).release()
    })

    test('goes to the next waiter when its holder is killed and the lease expires', async t => {
      await using etcd = await start(t)
      if (!etcd) return
      const holder = await startHolder(t, etcd.url, 2)
      const { got } = await ask(look(t, etcd.url), etcd.url)
      const killedAt = performance.now()
      holder.kill('SIGKILL')
      const held = await got
      const tookMs = performance.now() - killedAt
      t.diagnostic(`the next had it ${Math.round(tookMs)} ms after the kill, TTL 2 s`)
      assert.ok(tookMs > 1_000 && tookMs < 8_000, `took ${tookMs} ms`)
      await held.release()
    })

    test('whose key was cut from its lease is put back, so that nobody waits for a holder that is gone', async t => {
      await using etcd = await start(t)
      if (!etcd) return
      const store = look(t, etcd.url)
      const leaseOf = async (key: string) =>
        (await store.client.kv.range({ key: Buffer.from(key) })).kvs[0]?.lease
      const held = await lock('job', { etcd: etcd.url })
      const waiting = await ask(store, etcd.url)
      const keys = [...(await store.list(QUEUE)).keys()]
      const leases = await Promise.all(keys.map(leaseOf))
      const values = await store.list(QUEUE)
      for (const key of keys) await store.put(key, 'oops')
      for (const [i, key] of keys.entries()) {
        await until('it is under its lease again', async () => (await leaseOf(key)) === leases[i])
      }
      assert.deepEqual(await store.list(QUEUE), values)
      assert.equal(held.lost.aborted, false)
      await held.release()
      const next = await waiting.got
      await next.release()
      assert.equal((await store.list('/')).size, 0)
    })

    test('is lost when the lease is revoked or the key deleted by somebody else', async t => {
      await using etcd = await start(t)
      if (!etcd) return
      const store = look(t, etcd.url)
      for (const remove of [
        async (key: string) => void (await store.client.delete().key(key)),
        async (key: string) => {
          const ID = String(BigInt(`0x${key.slice(QUEUE.length)}`))
          await store.client.leaseClient.leaseRevoke({ ID })
        },
      ]) {
        const held = await lock('job', { etcd: etcd.url })
        const [key] = [...(await store.list(QUEUE)).keys()]
        const lost = once(held.lost, 'abort')
        await remove(key!)
        await lost
        assert.match(String(held.lost.reason), /LeaseLostError/)
        await held.release()
      }
    })
  })
}

describe('a lock', { concurrency: 4 }, () => {
  test('shows who holds it, and is not lost by its release', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const held = await lock('job', { etcd: etcd.url })
    assert.deepEqual([...(await look(t, etcd.url).list(QUEUE)).values()], [`${hostname()}:${process.pid}`])
    await Promise.all([held.release(), held.release()])
    assert.equal(held.lost.aborted, false)
  })

  test('wakes one waiter, not all', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const store = look(t, etcd.url)
    const first = await lock('job', { etcd: etcd.url })
    const second = await ask(store, etcd.url)
    const others = []
    for (let i = 0; i < 20; i++) others.push(await ask(store, etcd.url))
    const before = await transactions(etcd.url)
    await first.release()
    const held = await second.got
    const asked = (await transactions(etcd.url)) - before
    // One from the second waiter, and those by the clock, every 5 s from each waiter.
    assert.ok(asked >= 1 && asked < 15, `${asked} transactions`)
    await held.release()
    for (const { got } of others) await (await got).release()
  })

  test('is lost before another process can have it when etcd stops for longer than the TTL', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const ttlSeconds = 4
    const held = await lock('job', { etcd: etcd.url, ttlSeconds })
    const { got } = await ask(look(t, etcd.url), etcd.url, { ttlSeconds })
    let takenAt = 0
    const next = got.then(other => {
      takenAt = performance.now()
      return other
    })
    let lostAt = 0
    held.lost.addEventListener('abort', () => {
      lostAt = performance.now()
    })
    await etcd.kill('SIGSTOP')
    // No beat after this is answered, so the last answered one was sent before.
    const stoppedAt = performance.now()
    await once(held.lost, 'abort')
    t.diagnostic(`lost ${Math.round(lostAt - stoppedAt)} ms after etcd stood still, TTL ${ttlSeconds} s`)
    assert.ok(lostAt - stoppedAt <= ttlSeconds * 1_000, `${lostAt - stoppedAt} ms`)
    await delay(stoppedAt + ttlSeconds * 1_000 - performance.now())
    assert.equal(takenAt, 0)
    await etcd.kill('SIGCONT')
    const other = await next
    assert.ok(takenAt > lostAt)
    assert.ok(other.fencingToken > held.fencingToken)
    await Promise.all([held.release(), other.release()])
  })

  test('is lost before another process has it when only the holder is cut off from etcd', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    await using wire = await startTcpProxy(etcd.port)
    const held = await lock('job', { etcd: wire.url, ttlSeconds: 2 })
    const { got } = await ask(look(t, etcd.url), etcd.url)
    let lostAt = Number.POSITIVE_INFINITY
    held.lost.addEventListener('abort', () => {
      lostAt = performance.now()
    })
    wire.hold()
    const other = await got
    const aheadMs = performance.now() - lostAt
    assert.ok(aheadMs > 0, 'the holder knows')
    t.diagnostic(`lost ${Math.round(aheadMs)} ms before the next had it`)
    wire.mend()
    wire.drop('rst')
    assert.ok(other.fencingToken > held.fencingToken)
    await Promise.all([held.release(), other.release()])
  })

  test('is lost for a holder that was stopped meanwhile, and the next holder has a larger token', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const holder = await startHolder(t, etcd.url, 2)
    holder.kill('SIGSTOP')
    const held = await lock('job', { etcd: etcd.url })
    const told = once(holder, 'message')
    const goneOnAt = performance.now()
    holder.kill('SIGCONT')
    assert.deepEqual((await told)[0], 'lost')
    t.diagnostic(`lost ${Math.round(performance.now() - goneOnAt)} ms after it went on`)
    assert.equal(held.lost.aborted, false)
    await held.release()
  })

  test('keeps its waiters in their places through a kill -9 of etcd', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const store = look(t, etcd.url)
    const first = await lock('job', { etcd: etcd.url })
    const order: string[] = []
    const second = (await ask(store, etcd.url)).got.finally(() => order.push('second'))
    const third = (await ask(store, etcd.url)).got.finally(() => order.push('third'))
    const places = [...(await store.list(QUEUE)).keys()]
    await etcd.restart()
    await until('etcd has the queue', async () => (await store.list(QUEUE)).size === 3)
    assert.deepEqual([...(await store.list(QUEUE)).keys()], places)
    await first.release()
    await (await second).release()
    await (await third).release()
    assert.deepEqual(order, ['second', 'third'])
    assert.equal(first.lost.aborted, false)
  })

  test('is lost for the holder when etcd loses its data, and its waiters enter the queue again', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const held = await lock('job', { etcd: etcd.url })
    const { got } = await ask(look(t, etcd.url), etcd.url)
    const lost = once(held.lost, 'abort')
    await etcd.restart({ wipe: true })
    await lost
    await (await got).release()
    await held.release()
  })

  test('has waiters while etcd is not up yet, until the signal aborts', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    await etcd.kill('SIGKILL')
    const got = lock('job', { etcd: etcd.url })
    const stop = new AbortController()
    const givenUp = lock('job', { etcd: etcd.url, signal: stop.signal })
    setImmediate(() => stop.abort())
    await assert.rejects(givenUp, { name: 'AbortError' })
    await etcd.restart()
    await (await got).release()
  })

  test('can share a queue with etcdctl', async t => {
    if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
    await using etcd = await startEtcd()
    const store = look(t, etcd.url)
    const held = await lock('job', { etcd: etcd.url })
    const other = etcdctl(etcd.url, 'lock', QUEUE.slice(0, -1), 'echo', 'got', 'it')
    await until('it waits', async () => (await store.list(QUEUE)).size === 2)
    const { got } = await ask(store, etcd.url)
    await held.release()
    assert.equal(await other, 'got it\n')
    await (await got).release()
  })

  test('is refused at once to a user without write permission', async t => {
    if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
    await using etcd = await startEtcd()
    await askEtcd(etcd.url, 'auth/user/add', { name: 'reader', password: 's3cret' })
    await setUpUsers(etcd.url, { rootPassword: 'toor', roles: {}, users: {} })
    await assert.rejects(lock('job', { etcd: etcd.url }), /user name is empty/)
    await assert.rejects(lock('job', { etcd: etcd.url, user: 'x', password: 'y' }), /authentication failed/)
    await assert.rejects(
      lock('job', { etcd: etcd.url, user: 'reader', password: 's3cret' }),
      /permission denied/,
    )
    await (await lock('job', { etcd: etcd.url, user: 'root', password: 'toor' })).release()
    const list = await etcdctl(etcd.url, '--user', 'root:toor', 'lease', 'list')
    assert.match(list, /found 0 leases/)
  })

  test('needs a name that is one segment of a key, and a TTL that etcd supports', async () => {
    for (const bad of ['', 'a/b', 'a\nb', 'x'.repeat(256)]) await assert.rejects(lock(bad), TypeError)
    for (const ttlSeconds of [1, 2.5, 86_401, 1e10, Number.NaN])
      await assert.rejects(lock('job', { ttlSeconds }), TypeError)
    await assert.rejects(lock('job', { prefix: '/' }), TypeError)
    await assert.rejects(lock('job', { signal: AbortSignal.abort() }), { name: 'AbortError' })
  })
})
