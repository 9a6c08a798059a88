import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, type TestContext, test } from 'node:test'
import { startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'
import { campaign, type Leadership, observeLeader } from '../../../index.ts'
import { etcdctl, requireEtcd, startEtcd } from '../../support/etcd.ts'
import { setUpUsers } from '../../support/etcd-json.ts'
import { until } from '../../support/until.ts'
import { type Store, storeAt } from '../store.ts'

const QUEUE = '/waygate/elections/chair/'

function look(t: TestContext, url: string): Store {
  const store = storeAt(url)
  t.after(() => store.close())
  return store
}

async function stand(store: Store, etcd: string, value: string): Promise<{ got: Promise<Leadership> }> {
  const got = campaign('chair', value, { etcd })
  await until('it stands', async () => [...(await store.list(QUEUE)).values()].includes(value))
  return { got }
}

for (const kind of ['a real etcd', 'the embedded etcd'] as const) {
  describe(`an election in ${kind}`, { concurrency: 4 }, () => {
    const start = (t: TestContext) => {
      if (kind === 'the embedded etcd') return startEmbeddedEtcd({ port: 0 })
      return requireEtcd(t) ? startEtcd() : undefined
    }

    test('has one leader at a time, in the order of standing, and observers hear of each', async t => {
      await using etcd = await start(t)
      if (!etcd) return
      const store = look(t, etcd.url)
      const stop = new AbortController()
      const observer = observeLeader('chair', { etcd: etcd.url, signal: stop.signal })
      const next = async () => (await observer.next()).value
      assert.equal(await next(), undefined)

      const ada = await campaign('chair', 'ada', { etcd: etcd.url })
      assert.equal(await next(), 'ada')
      const grace = await stand(store, etcd.url, 'grace')
      const joan = await stand(store, etcd.url, 'joan')
      await ada.resign()
      const second = await grace.got
      assert.equal(await next(), 'grace')
      assert.ok(second.fencingToken > ada.fencingToken)
      await second.resign()
      const third = await joan.got
      assert.equal(await next(), 'joan')

      const lost = once(third.lost, 'abort')
      await store.client.delete().prefix(QUEUE)
      await lost
      assert.equal(await next(), undefined)
      await third.resign()
      stop.abort()
      assert.deepEqual(await observer.next(), { done: true, value: undefined })
    })

    test('can be left by an observer in the middle, and ends with its leader', async t => {
      await using etcd = await start(t)
      if (!etcd) return
      {
        await using leadership = await campaign('chair', 'ada', { etcd: etcd.url })
        assert.equal(leadership.name, 'chair')
        for await (const leader of observeLeader('chair', { etcd: etcd.url })) {
          assert.equal(leader, 'ada')
          break
        }
      }
      assert.equal((await look(t, etcd.url).list('/')).size, 0)
    })
  })
}

describe('an election', { concurrency: 4 }, () => {
  test('is observed through a restart of etcd', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const observer = observeLeader('chair', { etcd: etcd.url })
    const ada = await campaign('chair', 'ada', { etcd: etcd.url })
    const grace = await stand(look(t, etcd.url), etcd.url, 'grace')
    assert.equal((await observer.next()).value, 'ada')
    const next = observer.next()
    await etcd.restart()
    await ada.resign()
    assert.equal((await next).value, 'grace')
    await (await grace.got).resign()
    await observer.return()
  })

  test('keeps its leader where etcdctl finds it', async t => {
    if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
    await using etcd = await startEtcd()
    await using _ = await campaign('chair', 'ada', { etcd: etcd.url })
    const found = await etcdctl(etcd.url, 'get', '--prefix', '--print-value-only', QUEUE)
    assert.equal(found, 'ada\n')
  })

  test('is refused where its name is none, or to a user who may not read', async t => {
    await assert.rejects(campaign('a/b', 'ada'), TypeError)
    await assert.rejects(observeLeader('a/b').next(), TypeError)
    if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
    await using etcd = await startEtcd()
    await setUpUsers(etcd.url, { rootPassword: 'toor', roles: {}, users: {} })
    await assert.rejects(observeLeader('chair', { etcd: etcd.url }).next(), /user name is empty/)
  })
})
