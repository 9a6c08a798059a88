import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jitteredBackoffMs } from '../../../discovery/etcd/clock.ts'
import { UnreachableError } from '../../../discovery/etcd/transport.ts'
import type { FakeClock } from './fake-clock.ts'
import type { ScriptedStore } from './scripted-store.ts'
import { setUp, setUpFollowed } from './scripted-sync.ts'

/** How long after the end of its stream the sync opens the next one, to 10 ms. */
async function waitAfter(store: ScriptedStore, clock: FakeClock, end: () => void): Promise<number> {
  const before = store.streams.length
  end()
  let waited = 0
  while (store.streams.length === before) {
    await clock.advance(10)
    waited += 10
  }
  return waited
}

async function waitsAfter(
  times: number,
  store: ScriptedStore,
  clock: FakeClock,
  end: () => void,
): Promise<readonly number[]> {
  const waits: number[] = []
  for (let i = 0; i < times; i++) waits.push(await waitAfter(store, clock, end))
  return waits
}

test('a wait is anything from nothing to twice the one before, up to the cap', () => {
  for (const [cap, given] of [
    [3_000, undefined],
    [400, 400],
  ] as const) {
    for (let attempt = 0; attempt < 2_000; attempt++) {
      const most = Math.min(cap, 100 * 2 ** attempt)
      assert.equal(
        jitteredBackoffMs(attempt, () => 0, given),
        0,
      )
      assert.equal(
        jitteredBackoffMs(attempt, () => 0.5, given),
        most / 2,
      )
      const longest = jitteredBackoffMs(attempt, () => 1 - Number.EPSILON, given)
      assert.ok(longest > most * 0.999 && longest < most)
    }
  }
})

test('tries that the store refuses are spaced up to 3 s, and begin anew once it follows', async t => {
  const { store, clock } = await setUpFollowed(t)
  const end = () => store.stream.end()
  assert.deepEqual(await waitsAfter(7, store, clock, end), [100, 200, 400, 800, 1_600, 3_000, 3_000])
  store.stream.created()
  assert.equal(await waitAfter(store, clock, end), 100)
})

test('tries that nobody answers are spaced up to 400 ms, so that a store that is back is found at once', async t => {
  const { store, clock } = await setUpFollowed(t)
  const lose = () => store.stream.lose()
  assert.deepEqual(await waitsAfter(6, store, clock, lose), [100, 200, 400, 400, 400, 400])
  assert.equal(await waitAfter(store, clock, () => store.stream.end('permission denied')), 100, 'it is back')
})

test('a store that hangs is tried again soon after each try was given up', async t => {
  const { store, clock } = await setUpFollowed(t)
  const hang = () => {}
  assert.equal(await waitAfter(store, clock, hang), 500 + 2_000 + 100, 'silence, and no answer when asked')
  assert.deepEqual(
    await waitsAfter(4, store, clock, hang),
    [1_700, 1_900, 3_400, 3_400],
    'never created; who may just be slow is given more time',
  )
})

test('a store that was unreachable and comes back without its data is read anew after one short wait', async t => {
  const { store, clock, said } = await setUpFollowed(t)
  await waitsAfter(20, store, clock, () => store.stream.lose())
  said()
  store.keys.clear()
  store.revision = 1n
  store.clusterId = 'c2'
  store.stream.created()
  await clock.advance(100)
  assert.deepEqual(said(), ['all@1: '])
})

test('reading everything is tried again like watching: soon when nobody answers, later when it is refused', async t => {
  const { store, clock } = await setUpFollowed(t)
  const readsWithin = async (ms: number, failure: Error) => {
    store.failure = failure
    const before = store.reads.length
    await clock.advance(ms)
    return store.reads.length - before
  }
  store.stream.send({ canceled: true, compactRevision: 6n })
  assert.equal(await readsWithin(100 + 100 + 200 + 400 + 400, new UnreachableError('refused')), 5)
  assert.equal(await readsWithin(400 + 100 + 200 + 400 + 800 + 1_600 + 3_000, new Error('denied')), 7)
})

test('a watch created and canceled in one breath, as without permission, does not shorten the wait', async t => {
  const { store, clock } = await setUp(t)
  for (let i = 0; i < 4; i++) {
    store.stream.send({ created: true, canceled: true, cancelReason: 'etcdserver: permission denied' })
    await clock.advance(100 * 2 ** i)
  }
  assert.equal(store.streams.length, 5)
  await clock.advance(800)
  assert.equal(store.streams.length, 5)
})
