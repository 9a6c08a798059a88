import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Etcd3 } from 'etcd3'
import { startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'
import { createEtcdClient } from '../../../discovery/etcd/client.ts'
import { EtcdRegistry, type EtcdRegistryOptions } from '../../../discovery/etcd/etcd-registry.ts'
import { farewell, heartbeat } from '../../../discovery/etcd/heartbeats.ts'
import { type HeartbeatOutcome, readWantedNode, type WantedNode } from '../../../discovery/heartbeat.ts'
import { requireEtcd, startEtcd } from '../../support/etcd.ts'
import { askEtcd, deleteKey, putKey, setUpUsers } from '../../support/etcd-json.ts'
import { until } from '../../support/until.ts'

const KEY = '/services/hello/h1'
const wanted = (body: object = {}): WantedNode =>
  readWantedNode('hello', 'h1', { address: '10.0.0.7:3000', ...body })

function openRegistry(t: TestContext, url: string, options: Partial<EtcdRegistryOptions> = {}) {
  const registry = new EtcdRegistry({ endpoints: [url], ...options })
  t.after(() => registry.close())
  const beat = (node?: WantedNode) => registry.heartbeat('hello', 'h1', node)
  return { registry, beat, leave: () => registry.farewell('hello', 'h1') }
}

/** Reads the key as etcd has it, over its JSON, which no registry speaks. */
async function stored(url: string) {
  const { kvs = [] } = await askEtcd<{ kvs?: { value: string; lease?: string; version: string }[] }>(
    url,
    'kv/range',
    {
      key: Buffer.from(KEY).toString('base64'),
    },
  )
  return kvs[0] && { ...kvs[0], node: JSON.parse(Buffer.from(kvs[0].value, 'base64').toString()) }
}

const leasesOf = async (url: string) =>
  ((await askEtcd<{ leases?: { ID: string }[] }>(url, 'lease/leases')).leases ?? []).map(({ ID }) => ID)

const outcomeOf = ({ outcome }: HeartbeatOutcome) => outcome

/** Runs a test against the embedded etcd, and against a real one where that is installed. */
function onBoth(name: string, run: (t: TestContext, url: string) => Promise<void>): void {
  test(`${name} (embedded)`, async t => {
    const etcd = await startEmbeddedEtcd({ port: 0 })
    t.after(() => etcd.close())
    await run(t, etcd.url)
  })
  test(`${name} (etcd)`, async t => {
    if (!requireEtcd(t)) return
    const etcd = await startEtcd()
    t.after(() => etcd.stop())
    await run(t, etcd.url)
  })
}

onBoth(
  'a node is registered under a lease, and renewed by whatever gateway hears the next heartbeat',
  async (t, url) => {
    const one = openRegistry(t, url)
    const other = openRegistry(t, url)
    assert.deepEqual(await one.beat(wanted()), { outcome: 'registered', leftSeconds: 10 })
    const first = await stored(url)
    assert.deepEqual([first!.node.ip, first!.node.port], ['10.0.0.7', 3000])
    for (const node of [wanted(), undefined]) {
      assert.deepEqual(await other.beat(node), { outcome: 'renewed', leftSeconds: 10 })
    }
    assert.deepEqual(await stored(url), first, 'a renewal writes nothing')
    // A gateway that has been started again knows the lease as well.
    await one.registry.close()
    assert.equal(outcomeOf(await openRegistry(t, url).beat()), 'renewed')

    assert.deepEqual(await other.leave(), { outcome: 'removed' })
    assert.equal(await stored(url), undefined)
    assert.deepEqual(await leasesOf(url), [])
    assert.equal(outcomeOf(await other.leave()), 'expired')
    assert.equal(outcomeOf(await other.beat()), 'expired')
  },
)

onBoth('many gateways that hear the same heartbeat at once agree on one lease', async (t, url) => {
  const gateways = Array.from({ length: 4 }, () => openRegistry(t, url))
  for (let round = 0; round < 3; round++) {
    const outcomes = (await Promise.all(gateways.map(({ beat }) => beat(wanted())))).map(outcomeOf)
    assert.ok(
      outcomes.every(outcome => ['registered', 'updated', 'renewed'].includes(outcome)),
      outcomes.join(),
    )
    assert.equal((await leasesOf(url)).length, 1)
    await gateways[round]!.leave()
  }
})

onBoth(
  'another body changes the node, and another TTL its lease, without a moment in which it is gone',
  async (t, url) => {
    const { beat } = openRegistry(t, url)
    await beat(wanted())
    const { lease } = (await stored(url))!
    assert.equal(outcomeOf(await beat(wanted({ weight: 7 }))), 'updated')
    const heavier = (await stored(url))!
    assert.deepEqual([heavier.node.weight, heavier.lease, heavier.version], [7, lease, '2'])

    assert.deepEqual(await beat(wanted({ weight: 7, ttlSeconds: 60 })), {
      outcome: 'updated',
      leftSeconds: 60,
    })
    const longer = (await stored(url))!
    assert.equal(longer.version, '3', 'the key was never deleted')
    assert.notEqual(longer.lease, lease)
    assert.deepEqual(await beat(), { outcome: 'renewed', leftSeconds: 60 })
  },
)

onBoth('a heartbeat that etcd carries out late changes nothing that came after it', async (t, url) => {
  const client = createEtcdClient({ endpoints: [url] })
  t.after(() => client.close())
  await heartbeat(client, KEY, wanted())
  const txn = client.kv.txn.bind(client.kv)
  let arrive: (() => Promise<unknown>) | undefined
  client.kv.txn = request => {
    client.kv.txn = txn
    arrive = () => txn(request)
    return Promise.reject(new Error('no answer'))
  }
  assert.equal(outcomeOf(await heartbeat(client, KEY, wanted({ weight: 3 }))), 'unreachable')
  assert.equal(outcomeOf(await heartbeat(client, KEY, wanted({ weight: 7 }))), 'updated')
  await arrive!()
  assert.equal((await stored(url))!.node.weight, 7)
  assert.equal(outcomeOf(await heartbeat(client, KEY)), 'renewed')
})

onBoth(
  'a node that has the lease of its former TTL again keeps it, whatever etcd carries out late',
  async (t, url) => {
    const client = createEtcdClient({ endpoints: [url] })
    t.after(() => client.close())
    await heartbeat(client, KEY, wanted())
    const late: (() => Promise<unknown>)[] = []
    const revoke = client.leaseClient.leaseRevoke.bind(client.leaseClient)
    client.leaseClient.leaseRevoke = request => {
      late.push(() => revoke(request))
      return Promise.reject(new Error('no answer'))
    }
    assert.equal(outcomeOf(await heartbeat(client, KEY, wanted({ ttlSeconds: 60 }))), 'updated')
    assert.equal(outcomeOf(await heartbeat(client, KEY, wanted())), 'updated')
    for (const arrive of late) await arrive()
    assert.equal(outcomeOf(await heartbeat(client, KEY)), 'renewed')
  },
)

onBoth('gateways that hear different heartbeats of a node at once write one of them', async (t, url) => {
  const gateways = Array.from({ length: 4 }, () => openRegistry(t, url))
  await gateways[0]!.beat(wanted())
  const outcomes = await Promise.all(gateways.map(({ beat }, i) => beat(wanted({ weight: i + 2 }))))
  assert.deepEqual(outcomes.map(outcomeOf), ['updated', 'updated', 'updated', 'updated'])
})

// Concurrently, because they mostly wait.
describe('a node whose heartbeats end', { concurrency: true }, () => {
  onBoth('is gone within its TTL, and says so to an empty one', async (t, url) => {
    const { beat } = openRegistry(t, url)
    await beat(wanted({ ttlSeconds: 6 }))
    await until('the key has expired', async () => (await stored(url)) === undefined)
    assert.equal(outcomeOf(await beat()), 'expired')
    assert.equal(outcomeOf(await beat(wanted({ ttlSeconds: 6 }))), 'registered')
  })
})

onBoth('a key of somebody else is never touched', async (t, url) => {
  const { registry, beat, leave } = openRegistry(t, url)
  const foreign = async (what: string) => {
    const before = await stored(url)
    for (const node of [wanted(), wanted({ ttlSeconds: 60 })])
      assert.equal(outcomeOf(await beat(node)), 'taken', what)
    assert.notEqual(outcomeOf(await beat()), 'renewed', what)
    assert.notEqual(outcomeOf(await leave()), 'removed', what)
    assert.deepEqual(await stored(url), before, what)
  }
  const registration = await registry.register({ service: 'hello', id: 'h1', host: '10.0.0.8', port: 1 })
  await foreign('a process that registers by itself')
  await registration.unregister()
  await putKey(url, KEY, '{"id":"h1","ip":"10.0.0.9","port":1}')
  await foreign('a key without a lease')
  await deleteKey(url, KEY)
  assert.equal(outcomeOf(await beat(wanted())), 'registered')
  assert.equal((await leasesOf(url)).length, 1, 'no lease is left behind')
})

onBoth('a key that was deleted, or put without its lease, is put back by the next body', async (t, url) => {
  const { beat } = openRegistry(t, url)
  await beat(wanted())
  await deleteKey(url, KEY)
  assert.equal(outcomeOf(await beat()), 'expired')
  assert.equal(outcomeOf(await beat(wanted())), 'registered')

  await putKey(url, KEY, '{"id":"h1","ip":"10.0.0.7","port":3000,"weight":0}')
  assert.equal(outcomeOf(await beat()), 'expired', 'it would stay when the process dies')
  assert.equal(outcomeOf(await beat(wanted())), 'updated')
  assert.notEqual((await stored(url))!.lease, undefined)
})

test('a user of etcd who may not write is told so, and one who may registers', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  await setUpUsers(etcd.url, {
    roles: { reads: [['read', '/services/']], writes: [['readwrite', '/services/']] },
    users: { reader: ['r', 'reads'], writer: ['w', 'writes'] },
    rootPassword: 'root',
  })
  const writer = openRegistry(t, etcd.url, { user: 'writer', password: 'w' })
  const reader = openRegistry(t, etcd.url, { user: 'reader', password: 'r' })
  const refused = await reader.beat(wanted())
  assert.deepEqual(refused, {
    outcome: 'read-only',
    detail: 'the user of etcd may not read and write /services/hello/h1; grant it that',
  })
  assert.equal(outcomeOf(await writer.beat(wanted())), 'registered')
  assert.equal(outcomeOf(await reader.leave()), 'read-only')
  assert.equal(outcomeOf(await writer.beat()), 'renewed')
  assert.equal(outcomeOf(await writer.leave()), 'removed')
})

test('an etcd that is away or hangs is told within four seconds, and afterwards all goes on', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  const { beat } = openRegistry(t, etcd.url)
  await beat(wanted({ ttlSeconds: 600 }))
  await etcd.kill('SIGSTOP')
  const hung = await beat(wanted({ ttlSeconds: 600 }))
  assert.equal(outcomeOf(hung), 'unreachable')
  assert.match('detail' in hung ? hung.detail : '', /^etcd does not answer; .* send the same call again/)
  await etcd.kill('SIGCONT')
  await until('it is renewed', async () => outcomeOf(await beat()) === 'renewed')
  await etcd.kill('SIGKILL')
  assert.equal(outcomeOf(await beat()), 'unreachable')
  await etcd.restart({ wipe: true })
  await until('the loss is told', async () => outcomeOf(await beat()) === 'expired')
  assert.equal(outcomeOf(await beat(wanted())), 'registered')
})

type Step = 'range' | 'leaseGrant' | 'txn' | 'leaseRevoke'

/** A client whose calls all reach etcd. The answers to one kind of them come when `answer` resolves, or not at all when it rejects. */
function answersOf(client: Etcd3, step: Step, answer: Promise<void>) {
  const called: Step[] = []
  const wrapped = (of: object): object =>
    new Proxy(of, {
      get(target, name) {
        const member = Reflect.get(target, name)
        if (name === 'kv' || name === 'leaseClient') return wrapped(member)
        if (typeof member !== 'function') return member
        return async (...args: unknown[]) => {
          called.push(name as Step)
          const answered = await Reflect.apply(member, target, args)
          if (name === step) await answer
          return answered
        }
      },
    })
  return { client: wrapped(client) as Etcd3, called }
}

const lost = () => {
  const answer = Promise.reject(new Error('14 UNAVAILABLE: Connection dropped'))
  answer.catch(() => {})
  return answer
}

/** Calls until etcd answers. A test process that is starved of CPU misses the 3 s now and then. */
async function answerOf(call: () => Promise<HeartbeatOutcome>): Promise<string> {
  let outcome = 'unreachable'
  await until('etcd answers', async () => {
    outcome = outcomeOf(await call())
    return outcome !== 'unreachable'
  })
  return outcome
}

test('a call that is answered as too late goes no further', async t => {
  await using etcd = await startEmbeddedEtcd({ port: 0 })
  const client = createEtcdClient({ endpoints: [etcd.url] })
  t.after(() => client.close())
  await answerOf(() => heartbeat(client, KEY))
  const late = Promise.withResolvers<void>()
  const slow = answersOf(client, 'leaseGrant', late.promise)
  assert.match(JSON.stringify(await heartbeat(slow.client, KEY, wanted())), /send the same call again/)
  late.resolve()
  await setImmediate()
  assert.deepEqual(slow.called, ['range', 'leaseGrant'])
  assert.equal(await stored(etcd.url), undefined)
})

test('the same call again comes to the same key under the same lease, whatever became of the first one', async t => {
  await using etcd = await startEmbeddedEtcd({ port: 0 })
  const client = createEtcdClient({ endpoints: [etcd.url] })
  t.after(() => client.close())
  const { beat, leave } = openRegistry(t, etcd.url)
  const leases = new Set<string | undefined>()
  for (const step of ['range', 'leaseGrant', 'txn'] as const) {
    const first = await heartbeat(answersOf(client, step, lost()).client, KEY, wanted())
    assert.match(JSON.stringify(first), /unreachable.*send the same call again/)
    if (step === 'txn') assert.notEqual(await stored(etcd.url), undefined, 'it has taken effect')
    assert.match(await answerOf(() => beat(wanted())), /^(registered|renewed)$/, step)
    leases.add((await stored(etcd.url))!.lease)
    assert.equal((await leasesOf(etcd.url)).length, 1)
    assert.match(await answerOf(leave), /^(removed|expired)$/)
  }
  assert.equal(leases.size, 1)
})

test('a node whose removal etcd does not answer is not said to be removed', async t => {
  await using etcd = await startEmbeddedEtcd({ port: 0 })
  const client = createEtcdClient({ endpoints: [etcd.url] })
  t.after(() => client.close())
  const { beat } = openRegistry(t, etcd.url)
  await answerOf(() => beat(wanted()))
  const { client: broken } = answersOf(client, 'leaseRevoke', lost())
  assert.equal(outcomeOf(await farewell(broken, KEY)), 'unreachable')
})

test('where the format of another software is read, nothing is registered', async t => {
  await using etcd = await startEmbeddedEtcd({ port: 0 })
  const { beat } = openRegistry(t, etcd.url, { format: 'kratos' })
  assert.deepEqual(await beat(wanted()), {
    outcome: 'read-only',
    detail: 'nodes below /services/ are not read in the format of Waygate',
  })
  const sources = [{ prefix: '/services/', service: 'user' }]
  assert.equal(outcomeOf(await openRegistry(t, etcd.url, { sources }).beat(wanted())), 'read-only')
})
