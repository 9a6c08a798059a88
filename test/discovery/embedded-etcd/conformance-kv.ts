import type { Case } from './conformance.ts'
import { b } from './conversation.ts'

const ALL = { range_end: b('\0') }

export const kvCases: Record<string, Case> = {
  'a key that was never written is not found': async etcd => {
    await etcd.range('nothing')
  },

  'each put is one revision, counts the version and keeps the creation': async etcd => {
    await etcd.put('a', '1')
    await etcd.put('a', '2')
    await etcd.put('b', '')
    await etcd.range('a')
    await etcd.range('b')
  },

  'a deleted key that is written again starts anew': async etcd => {
    await etcd.put('a', '1')
    await etcd.put('a', '2')
    await etcd.delete('a')
    await etcd.range('a')
    await etcd.put('a', '3')
    await etcd.range('a')
  },

  'put returns what was there when asked': async etcd => {
    await etcd.put('a', '1', { prev_kv: true })
    await etcd.put('a', '2', { prev_kv: true })
  },

  'put keeps the value or the lease when asked': async etcd => {
    await etcd.grant(7001)
    await etcd.put('a', 'kept', { lease: 7001 })
    await etcd.put('a', '', { ignore_value: true })
    await etcd.range('a')
    await etcd.put('a', 'kept', { lease: 7001 })
    await etcd.put('a', 'new', { ignore_lease: true, prev_kv: true })
    await etcd.range('a')
    await etcd.put('a', '', { ignore_lease: true, ignore_value: true })
    await etcd.range('a')
  },

  'put is refused when it contradicts itself or what there is': async etcd => {
    await etcd.put('', 'no key')
    await etcd.put('a', 'x', { ignore_value: true })
    await etcd.put('a', 'x', { ignore_lease: true, lease: 7001 })
    await etcd.put('missing', '', { ignore_value: true })
    await etcd.put('missing', 'x', { ignore_lease: true })
    await etcd.put('a', 'x', { lease: 404 })
    await etcd.range('a')
  },

  'range reads a key, a half-open interval, a prefix, and everything from a key on': async etcd => {
    for (const key of ['a', 'a/1', 'a/2', 'a0', 'b', '\xff']) await etcd.put(key, key)
    await etcd.range('a/1')
    await etcd.range('a', { range_end: b('a0') })
    await etcd.range('a/', { range_end: b('a0') })
    await etcd.range('a0', ALL)
    await etcd.range('\0', ALL)
    await etcd.range('b', { range_end: b('a') })
    await etcd.range('b', { range_end: b('b') })
    await etcd.range('')
    await etcd.range('', ALL)
  },

  'keys are ordered by their bytes': async etcd => {
    const keys = [[0xff], [0x7f], [0x80], [0x80, 0x00], [0xc3, 0xa9], [0x61], [0x00, 0x01]]
    for (const key of keys) await etcd.call('KV', 'Put', { key: Buffer.from(key), value: b(key.join(' ')) })
    await etcd.call('KV', 'Range', { key: b('\0'), ...ALL }, ['key'])
    await etcd.call('KV', 'Range', { key: Buffer.from([0x80]), range_end: Buffer.from([0xff]) }, ['key'])
  },

  'a limit says whether there is more and counts all': async etcd => {
    for (const key of ['a', 'b', 'c']) await etcd.put(key, key)
    for (const limit of [1, 2, 3, 4, -1]) await etcd.range('a', { ...ALL, limit })
    await etcd.range('a', { ...ALL, count_only: true })
    await etcd.range('a', { ...ALL, count_only: true, limit: 1 })
    await etcd.range('a', { ...ALL, keys_only: true, limit: 2 })
  },

  'a range is sorted by whatever is asked for, before the limit cuts': async etcd => {
    for (const [key, value] of ['c3', 'a1', 'b2', 'a4', 'b5', 'a0']) await etcd.put(key!, value!)
    for (const sort_target of ['Key', 'Version', 'Create', 'Mod', 'Value']) {
      for (const sort_order of ['None', 'Ascend', 'Descend']) {
        await etcd.range('a', { ...ALL, sort_target, sort_order })
        if (sort_order !== 'None') await etcd.range('a', { ...ALL, sort_target, sort_order, limit: 2 })
      }
    }
  },

  'a range is filtered by revisions and still counts all': async etcd => {
    for (const key of ['a', 'b', 'c', 'a', 'd']) await etcd.put(key, key)
    await etcd.range('a', { ...ALL, min_mod_revision: etcd.at(3) })
    await etcd.range('a', { ...ALL, max_mod_revision: etcd.at(3) })
    await etcd.range('a', { ...ALL, min_mod_revision: etcd.at(3), max_mod_revision: etcd.at(4), limit: 1 })
    await etcd.range('a', { ...ALL, min_create_revision: etcd.at(2) })
    await etcd.range('a', { ...ALL, max_create_revision: etcd.at(2), keys_only: true })
    await etcd.range('a', { ...ALL, max_create_revision: etcd.at(2), count_only: true })
  },

  'a range at a revision sees what was true then': async etcd => {
    await etcd.put('a', '1')
    await etcd.put('b', '1')
    await etcd.put('a', '2')
    await etcd.delete('b')
    await etcd.put('c', '1')
    for (const n of [0, 1, 2, 3, 4, 5]) await etcd.range('a', { ...ALL, revision: etcd.at(n) })
    await etcd.range('a', { ...ALL, revision: etcd.at(2), limit: 1 })
    await etcd.range('a', { ...ALL, revision: etcd.at(6) })
    await etcd.range('a', { ...ALL, revision: '9223372036854775807' })
    await etcd.range('a', { revision: -1 })
  },

  'delete removes a key, an interval, or everything from a key on': async etcd => {
    for (const key of ['a', 'b', 'c', 'd', 'e']) await etcd.put(key, key)
    await etcd.delete('nothing')
    await etcd.delete('a')
    await etcd.delete('b', { range_end: b('d'), prev_kv: true })
    await etcd.delete('', {})
    await etcd.range('\0', ALL)
    await etcd.delete('d', { ...ALL, prev_kv: true })
    await etcd.range('\0', ALL)
  },

  'compaction forgets the past and keeps the present': async etcd => {
    await etcd.put('a', '1')
    await etcd.put('a', '2')
    await etcd.put('b', '1')
    await etcd.delete('b')
    await etcd.put('c', '1')
    await etcd.put('a', '3')
    await etcd.compact(4)
    await etcd.range('a', { ...ALL, revision: etcd.at(3) })
    await etcd.range('a', { ...ALL, revision: etcd.at(4) })
    await etcd.range('a', { ...ALL, revision: etcd.at(5) })
    await etcd.range('a', ALL)
    await etcd.compact(4)
    await etcd.compact(3)
    await etcd.compact(7)
    await etcd.compact(6)
    await etcd.range('a', ALL)
    await etcd.put('b', '2')
    await etcd.range('b')
  },

  'a request beyond the size limit is refused, one below it is stored': async etcd => {
    const value = Buffer.alloc(1.5 * 1024 * 1024 - 100, 'v')
    await etcd.call('KV', 'Put', { key: b('a'), value })
    await etcd.range('a')
    await etcd.call('KV', 'Put', { key: b('a'), value: Buffer.alloc(1.5 * 1024 * 1024 + 100, 'v') })
    const half = { request_put: { key: b('b'), value: Buffer.alloc(800 * 1024, 'v') } }
    const otherHalf = { request_put: { key: b('c'), value: Buffer.alloc(800 * 1024, 'v') } }
    await etcd.txn([], [half, otherHalf])
    await etcd.range('b')
  },

  'a quiet cluster of one says who serves': async etcd => {
    const { version, dbSize, raftTerm, errors, leader } = await etcd.ask('Maintenance', 'Status')
    etcd.note('errors', errors)
    etcd.note('version', /^3\.4\.\d+/.test(version))
    etcd.note('size and term', Number(dbSize) > 0 && Number(raftTerm) > 0)
    const { alarms } = await etcd.ask('Maintenance', 'Alarm')
    etcd.note('alarms', alarms)
    const { members, header } = await etcd.ask('Cluster', 'MemberList')
    const [{ ID, name, clientURLs, isLearner }] = members
    etcd.note('the leader is the one member, which answered', ID === leader && ID === header.member_id)
    etcd.note('member', { name: name !== '', clientURLs: clientURLs[0] === etcd.url, isLearner })
  },
}
