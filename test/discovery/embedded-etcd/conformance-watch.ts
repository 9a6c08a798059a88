import type { Case } from './conformance.ts'
import { b } from './conversation.ts'

const put = (key: string, value = '') => ({ request_put: { key: b(key), value: b(value) } })
const del = (key: string) => ({ request_delete_range: { key: b(key) } })
const ONE_KEY = { range_end: b('') }

export const watchCases: Record<string, Case> = {
  'a watch tells puts and deletions from its creation on': async etcd => {
    await etcd.put('a', 'before')
    using watch = await etcd.watch({})
    await etcd.put('a', '1')
    await watch.next()
    await etcd.put('b', '1')
    await watch.next()
    await etcd.delete('a')
    await watch.next()
    await etcd.put('a', '2')
    await watch.next()
  },

  'a watch tells of its key or range and no other': async etcd => {
    using one = await etcd.watch({ key: b('b'), ...ONE_KEY })
    using some = await etcd.watch({ key: b('b'), range_end: b('d') })
    using prefix = await etcd.watch({ key: b('c/'), range_end: b('c0') })
    for (const key of ['a', 'b', 'b1', 'c', 'c/1', 'c0', 'd', 'b', 'c/2', 'c']) await etcd.put(key, key)
    await one.events(2)
    await some.events(8)
    await prefix.events(2)
  },

  'the events of a transaction come in one message': async etcd => {
    await etcd.put('gone', '1')
    using watch = await etcd.watch({ prev_kv: true })
    await etcd.txn([], [put('b', '1'), put('a', '1'), del('gone'), del('nothing')])
    await watch.next()
    await etcd.delete('\0', { range_end: b('\0') })
    await watch.next()
  },

  'an event has what it replaced only when asked': async etcd => {
    using plain = await etcd.watch({})
    using full = await etcd.watch({ prev_kv: true })
    await etcd.put('a', '1')
    await etcd.put('a', '2')
    await etcd.delete('a')
    await etcd.put('a', '3')
    await plain.events(4)
    await full.events(4)
  },

  'puts or deletions can be left out': async etcd => {
    using deletions = await etcd.watch({ filters: ['Noput'] })
    using puts = await etcd.watch({ filters: ['Nodelete'] })
    using nothing = await etcd.watch({ filters: ['Noput', 'Nodelete'] })
    await etcd.put('a', '1')
    await etcd.delete('a')
    await etcd.txn([], [put('a', '2'), put('b', '1')])
    await etcd.txn([], [del('a'), put('b', '2')])
    await deletions.events(2)
    await puts.events(4)
    nothing.send({ progress_request: {} })
    await nothing.next()
  },

  'a watch from a past revision tells everything since, then goes on': async etcd => {
    await etcd.put('a', '1')
    await etcd.put('a', '2')
    await etcd.delete('a')
    await etcd.txn([], [put('a', '3'), put('b', '3')])
    for (const n of [1, 2, 4]) {
      using watch = await etcd.watch({ start_revision: etcd.at(n), prev_kv: true })
      await watch.events(6 - n)
    }
    using watch = await etcd.watch({ start_revision: etcd.at(3) })
    await watch.events(3)
    await etcd.put('c', '1')
    await watch.next()
  },

  'a watch from a coming revision waits for it': async etcd => {
    using watch = await etcd.watch({ start_revision: etcd.at(3) })
    for (const value of ['1', '2', '3', '4']) await etcd.put('a', value)
    await watch.next()
    await watch.next()
  },

  'a watch from a compacted revision is cancelled with the revision to go on from': async etcd => {
    for (const value of ['1', '2', '3', '4']) await etcd.put('a', value)
    await etcd.compact(3)
    using late = await etcd.watch({ start_revision: etcd.at(2) })
    await late.next()
    using first = await etcd.watch({ start_revision: etcd.at(3) })
    await first.events(2)
  },

  'a watch that is up to date does not mind compaction': async etcd => {
    using watch = await etcd.watch({ key: b('a'), ...ONE_KEY, start_revision: etcd.at(1) })
    await etcd.put('a', '1')
    await watch.next()
    for (const value of ['1', '2', '3']) await etcd.put('b', value)
    await etcd.compact(4)
    await etcd.put('a', '2')
    await watch.next()
  },

  'one stream carries many watches, with ids of their own': async etcd => {
    using watch = await etcd.watch({ key: b('a'), ...ONE_KEY })
    watch.send({ create_request: { key: b('a'), range_end: b('c') } })
    await watch.next()
    watch.send({ create_request: { key: b('b'), watch_id: 70 } })
    await watch.next()
    await etcd.put('a', '1')
    await watch.nextOfEach(2)
    await etcd.put('b', '1')
    await watch.nextOfEach(2)
  },

  'an id in use and an empty range are refused': async etcd => {
    using watch = await etcd.watch({ watch_id: 5 })
    watch.send({ create_request: { key: b('a'), watch_id: 5 } })
    await watch.next()
    watch.send({ create_request: { key: b('b'), range_end: b('a') } })
    await watch.next()
    watch.send({ create_request: { key: b('b'), range_end: b('b') } })
    await watch.next()
    watch.send({ create_request: { key: b('b'), range_end: b('c') } })
    await watch.next()
  },

  'without a key a watch is for the smallest, or from it on': async etcd => {
    using watch = await etcd.watch({ key: b(''), range_end: b('\0') })
    using smallest = await etcd.watch({ key: b(''), range_end: b('') })
    await etcd.put('a', '1')
    await watch.next()
    await etcd.put('\0', '1')
    await smallest.next()
  },

  'a cancelled watch is silent, its neighbours go on': async etcd => {
    using watch = await etcd.watch({})
    watch.send({ create_request: { key: b('a') } })
    await watch.next()
    watch.send({ cancel_request: { watch_id: 0 } })
    await watch.next()
    watch.send({ cancel_request: { watch_id: 99 } })
    await etcd.put('b', 'unheard')
    await etcd.put('a', '1')
    await watch.next()
    watch.send({ create_request: { key: b('a') } })
    await watch.next()
  },

  'progress is told on request, for the stream as a whole': async etcd => {
    using watch = await etcd.watch({ key: b('a'), ...ONE_KEY })
    await etcd.put('b', '1')
    await etcd.put('b', '2')
    watch.send({ progress_request: {} })
    await watch.next()
    await etcd.put('a', '1')
    await watch.next()
    watch.send({ progress_request: {} })
    await watch.next()
  },

  'a quiet watch hears of progress at intervals when it asked to': async etcd => {
    using watch = await etcd.watch({ key: b('a'), ...ONE_KEY, progress_notify: true })
    await etcd.put('b', '1')
    // The first interval may have begun before the put.
    let answer = await watch.next(['revision'])
    while (answer.header.revision !== etcd.at(1)) answer = await watch.next(['revision'])
    etcd.transcript.splice(2)
    etcd.note('progress', answer)
  },

  'a client that has no more to ask goes on listening': async etcd => {
    using watch = await etcd.watch({})
    watch.end()
    await etcd.put('a', '1')
    await watch.next()
  },

  'a large revision comes in fragments to those who asked for it': async etcd => {
    const value = 'v'.repeat(900 * 1024)
    for (const key of ['a', 'b', 'c']) await etcd.put(key, value)
    using whole = await etcd.watch({ prev_kv: true })
    using fragments = await etcd.watch({ prev_kv: true, fragment: true })
    await etcd.delete('\0', { range_end: b('\0') })
    await whole.next()
    await fragments.next()
    await fragments.next()
  },
}
