import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Etcd3 } from 'etcd3'
import { createEtcdClient } from '../../../discovery/etcd/client.ts'
import { LeaseLostError, LeaseSession } from '../../../discovery/etcd/lease-session.ts'
import { type Logger, silentLogger } from '../../../discovery/logger.ts'
import { requireEtcd, startEtcd } from '../../support/etcd.ts'
import { startTcpProxy } from '../../support/tcp-proxy.ts'
import { FakeClock } from './fake-clock.ts'

const TTL_MS = 6_000

/** An etcd that grants, and answers a beat when and as the test says. */
class ScriptedLeases {
  readonly beatsAt: number[] = []
  readonly #clock: FakeClock
  #stream = new EventEmitter()

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  answer(ttl: number): void {
    this.#stream.emit('data', { TTL: String(ttl) })
  }

  get client(): Etcd3 {
    const leaseClient = {
      leaseGrant: async () => {},
      leaseKeepAlive: async () => this.#open(),
      leaseRevoke: async () => {},
    }
    return { leaseClient } as unknown as Etcd3
  }

  #open(): object {
    this.#stream = new EventEmitter()
    return Object.assign(this.#stream, {
      write: () => this.beatsAt.push(this.#clock.now()),
      end: () => {},
      cancel: () => {},
    })
  }
}

async function begin(marginMs = 0) {
  const clock = new FakeClock()
  const leases = new ScriptedLeases(clock)
  const session = new LeaseSession({
    client: leases.client,
    ttlMs: TTL_MS,
    marginMs,
    clock,
    random: () => 0.5,
  })
  await session.grant()
  return { clock, leases, session }
}

for (const marginMs of [0, 300]) {
  test(`a TTL counts from when the last answered beat was sent, less a margin of ${marginMs} ms`, async () => {
    const { clock, leases, session } = await begin(marginMs)
    await clock.advance(3_400)
    assert.deepEqual(leases.beatsAt, [2_000])
    leases.answer(6)
    await clock.advance(2_000 + TTL_MS - marginMs - 3_400 - 1)
    assert.ok(leases.beatsAt.length > 2, 'it went on trying')
    assert.equal(session.lost.aborted, false)
    assert.equal(session.isAlive(), true)
    await clock.advance(1)
    assert.equal(session.lost.aborted, true)
    assert.ok(session.lost.reason instanceof LeaseLostError)
    assert.equal(clock.pending, 0)
  })
}

test('a beat without an answer is made again on a new stream after a quarter of the TTL', async () => {
  const { clock, leases, session } = await begin()
  await clock.advance(2_000 + TTL_MS / 4)
  assert.deepEqual(leases.beatsAt, [2_000])
  await clock.advance(200)
  assert.equal(leases.beatsAt.length, 2)
  leases.answer(6)
  await clock.advance(2_000)
  assert.equal(leases.beatsAt.length, 3, 'and then every third of it')
  assert.equal(session.lost.aborted, false)
})

test('a lease that etcd does not know is lost with the answer', async () => {
  const { clock, leases, session } = await begin()
  await clock.advance(2_000)
  leases.answer(0)
  await clock.advance(0)
  assert.match(String(session.lost.reason), /expired or was revoked/)
  assert.equal(clock.pending, 0)
})

test('an answer read after the time is over, by a process that was stopped, does not bring it back', async () => {
  const fake = new FakeClock()
  let stoppedMs = 0
  const clock = { now: () => fake.now() + stoppedMs, after: fake.after.bind(fake) }
  const leases = new ScriptedLeases(fake)
  const session = new LeaseSession({ client: leases.client, ttlMs: TTL_MS, clock })
  await session.grant()
  await fake.advance(2_000)
  stoppedMs = TTL_MS
  leases.answer(6)
  await fake.advance(0)
  assert.equal(session.lost.aborted, true)
})

test('a process that goes on after it was stopped knows at once, before any timer has run', async () => {
  const fake = new FakeClock()
  let stoppedMs = 0
  const clock = { now: () => fake.now() + stoppedMs, after: fake.after.bind(fake) }
  const session = new LeaseSession({ client: new ScriptedLeases(fake).client, ttlMs: TTL_MS, clock })
  await session.grant()
  assert.equal(session.isAlive(), true)
  stoppedMs = TTL_MS
  assert.equal(session.isAlive(), false)
  assert.equal(session.lost.aborted, true)
})

test('an end is no loss', async () => {
  const { clock, session } = await begin()
  void session.end()
  await clock.advance(TTL_MS)
  assert.equal(session.lost.aborted, false)
  assert.equal(session.isAlive(), false)
})

test('a lease survives a member that hangs for longer than the TTL', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  await using first = await startTcpProxy(etcd.port)
  await using second = await startTcpProxy(etcd.port)
  // The client picks members at random. This makes it pick the first.
  const lots = t.mock.method(Math, 'random', () => 0)
  const client = createEtcdClient({ endpoints: [first.url, second.url] })
  const unanswered = Promise.withResolvers<void>()
  const logger: Logger = { ...silentLogger, debug: () => unanswered.resolve() }
  const ttlMs = 4_000
  const session = new LeaseSession({ client, ttlMs, logger })
  t.after(async () => {
    await session.end()
    client.close()
  })
  await session.grant()
  assert.equal(second.accepted, 0)
  const heldAt = performance.now()
  first.hold()
  await unanswered.promise
  lots.mock.restore()
  const hangLeftMs = heldAt + ttlMs + 500 - performance.now()
  await Promise.race([once(session.lost, 'abort'), delay(hangLeftMs)])
  assert.equal(session.lost.aborted, false)
})

// Concurrently, because they mostly wait.
describe('in a real etcd', { concurrency: 4 }, () => {
  test('ending a lease that was never granted logs no warning; failing to revoke a granted one does', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const client = createEtcdClient({ endpoints: [etcd.url] })
    t.after(() => client.close())
    const warnings: string[] = []
    const logger: Logger = { ...silentLogger, warn: (_details, message) => void warnings.push(message) }
    const granted = new LeaseSession({ client, ttlMs: TTL_MS, logger })
    await granted.grant()
    await etcd.kill('SIGKILL')
    const never = new LeaseSession({ client, ttlMs: TTL_MS, logger })
    await assert.rejects(never.grant())
    await never.end()
    assert.deepEqual(warnings, [])
    await granted.end()
    assert.deepEqual(warnings, ['revoking the lease failed'])
  })

  test('a lease that is ended while it is being requested is revoked', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const client = createEtcdClient({ endpoints: [etcd.url] })
    t.after(() => client.close())
    const session = new LeaseSession({ client, ttlMs: TTL_MS })
    const granting = session.grant()
    await Promise.all([assert.rejects(granting, /ended/), session.end()])
    assert.deepEqual((await client.leaseClient.leaseLeases()).leases, [])
  })
})
