import type { Case } from './conformance.ts'
import { b } from './conversation.ts'

const put = (key: string, value = '', more: object = {}) => ({
  request_put: { key: b(key), value: b(value), ...more },
})
const get = (key: string, more: object = {}) => ({ request_range: { key: b(key), ...more } })
const del = (key: string, more: object = {}) => ({ request_delete_range: { key: b(key), ...more } })
const inner = (compare: object[], success: object[], failure: object[] = []) => ({
  request_txn: { compare, success, failure },
})
const ALL = { range_end: b('\0') }
const PASS: object[] = []
const FAIL = [{ key: b('never'), target: 'Version', result: 'Greater', version: 0 }]

export const txnCases: Record<string, Case> = {
  'a comparison looks at version, revisions, value or lease, in four ways': async etcd => {
    await etcd.grant(7001)
    await etcd.put('a', 'm', { lease: 7001 })
    await etcd.put('a', 'm', { lease: 7001 })
    for (const result of ['Equal', 'Greater', 'Less', 'NotEqual']) {
      for (const version of [1, 2, 3])
        await etcd.txn([{ key: b('a'), target: 'Version', result, version }], [])
      for (const n of [0, 1, 2, 3]) {
        await etcd.txn([{ key: b('a'), target: 'Create', result, create_revision: etcd.at(n) }], [])
        await etcd.txn([{ key: b('a'), target: 'Mod', result, mod_revision: etcd.at(n) }], [])
      }
      for (const value of ['', 'l', 'm', 'ma']) {
        await etcd.txn([{ key: b('a'), target: 'Value', result, value: b(value) }], [])
      }
      for (const lease of [0, 7001, 7002]) {
        await etcd.txn([{ key: b('a'), target: 'Lease', result, lease }], [])
      }
    }
  },

  'a missing key compares as zero, and its value with nothing': async etcd => {
    for (const result of ['Equal', 'Greater', 'Less', 'NotEqual']) {
      await etcd.txn([{ key: b('a'), target: 'Version', result, version: 0 }], [])
      await etcd.txn([{ key: b('a'), target: 'Create', result, create_revision: 0 }], [])
      await etcd.txn([{ key: b('a'), target: 'Mod', result, mod_revision: 1 }], [])
      await etcd.txn([{ key: b('a'), target: 'Lease', result, lease: 0 }], [])
      await etcd.txn([{ key: b('a'), target: 'Value', result, value: b('') }], [])
    }
  },

  'a comparison of a range must hold for every key in it': async etcd => {
    await etcd.put('a', '1')
    await etcd.put('b', '1')
    await etcd.put('c', '2')
    const of = (range_end: string, value: string) => ({
      key: b('a'),
      range_end: b(range_end),
      target: 'Value',
      result: 'Equal',
      value: b(value),
    })
    await etcd.txn([of('c', '1')], [])
    await etcd.txn([of('d', '1')], [])
    await etcd.txn([of('\0', '1')], [])
    await etcd.txn([of('c', '1'), of('d', '1')], [put('no')], [put('yes')])
    await etcd.txn([{ key: b('x'), ...ALL, target: 'Create', result: 'Equal', create_revision: 0 }], [])
  },

  'without a comparison the operations run; without an operand it is zero': async etcd => {
    await etcd.txn([], [put('a', '1')])
    await etcd.txn([{ key: b('a'), target: 'Version', result: 'Greater' }], [get('a')])
    await etcd.txn([{ key: b('a') }], [], [get('a')])
  },

  'all operations share one revision and see those before them': async etcd => {
    await etcd.put('old', '1')
    await etcd.txn(PASS, [
      get('a'),
      put('a', '1'),
      get('a'),
      put('b', '1', { prev_kv: true }),
      del('old', { prev_kv: true }),
      get('\0', ALL),
      get('\0', { ...ALL, revision: etcd.at(1) }),
    ])
    await etcd.range('\0', ALL)
  },

  'a transaction that only reads, or deletes nothing, makes no revision': async etcd => {
    await etcd.put('a', '1')
    await etcd.txn(PASS, [get('a')])
    await etcd.txn(PASS, [del('b')])
    await etcd.txn(PASS, [del('b'), put('c'), del('d')])
    await etcd.txn(FAIL, [put('b')], [])
    await etcd.range('a')
  },

  'inner transactions are decided on the state before the outer one': async etcd => {
    const exists = (key: string) => [{ key: b(key), target: 'Version', result: 'Greater', version: 0 }]
    await etcd.txn(PASS, [
      put('a', '1'),
      inner(exists('a'), [put('saw')], [put('blind'), inner(PASS, [put('deep', '1'), get('a')])]),
      put('z', '1'),
    ])
    await etcd.txn(exists('a'), [inner(exists('blind'), [get('a')], [put('no')])])
    await etcd.range('\0', ALL)
  },

  'a key may be written once in a transaction': async etcd => {
    await etcd.txn(PASS, [put('a'), put('a')])
    await etcd.txn(PASS, [put('a'), del('a')])
    await etcd.txn(PASS, [del('a', { range_end: b('c') }), put('b')])
    await etcd.txn(PASS, [del('a', { range_end: b('c') }), put('c')])
    await etcd.txn(PASS, [put('d'), inner(PASS, [put('d')])])
    await etcd.txn(PASS, [inner(PASS, [put('d')]), inner(PASS, [put('d')])])
    await etcd.txn(PASS, [inner(PASS, [put('d')]), inner(PASS, [], [put('d')])])
    await etcd.txn(PASS, [inner(PASS, [put('d')], [put('d')])])
    await etcd.txn(PASS, [inner(PASS, [put('e')], [put('f')]), put('f')])
    await etcd.txn(PASS, [del('g', { range_end: b('h') }), inner(PASS, [], [put('g1')])])
    await etcd.txn(PASS, [inner(PASS, [del('g', { range_end: b('h') })]), put('g1')])
    await etcd.txn(PASS, [del('a'), del('a'), del('a', { range_end: b('c') })])
    await etcd.txn(PASS, [put('x')], [put('x')])
    await etcd.txn(FAIL, [put('y'), put('y')], [put('z')])
    await etcd.range('\0', ALL)
  },

  'a bad operation refuses the whole transaction before anything is written': async etcd => {
    await etcd.txn(PASS, [put('a'), put('')])
    await etcd.txn(PASS, [put('a'), get('')])
    await etcd.txn(PASS, [put('a'), del('')])
    await etcd.txn([{ key: b('') }], [put('a')])
    await etcd.txn(PASS, [put('a'), {}])
    await etcd.txn(PASS, [put('a'), put('b', '', { lease: 404 })])
    await etcd.txn(PASS, [put('a'), put('b', 'x', { ignore_value: true })])
    await etcd.txn(PASS, [put('a'), put('b', '', { ignore_value: true })])
    await etcd.txn(PASS, [put('a'), inner(PASS, [put('b', '', { lease: 404 })])])
    await etcd.txn(PASS, [put('a'), get('a', { revision: etcd.at(1) })])
    await etcd.txn(FAIL, [put('b', '', { lease: 404 })], [put('fine')])
    await etcd.range('\0', ALL)
  },

  'a compacted revision refuses a transaction': async etcd => {
    for (const value of ['1', '2', '3']) await etcd.put('a', value)
    await etcd.compact(3)
    await etcd.txn(PASS, [put('b'), get('a', { revision: etcd.at(2) })])
    await etcd.txn(PASS, [get('a', { revision: etcd.at(2) })])
    await etcd.txn(PASS, [get('a', { revision: etcd.at(3) })])
    await etcd.range('b')
  },

  'a transaction has at most 128 operations, inner ones included': async etcd => {
    const many = (count: number) => Array.from({ length: count }, (_, n) => del(`k${n}`))
    await etcd.txn(PASS, many(129))
    await etcd.txn(PASS, many(2), many(129))
    await etcd.txn(PASS, [...many(100), inner(PASS, many(28))])
    await etcd.txn(PASS, [inner(PASS, many(128))])
    await etcd.txn(PASS, [inner(PASS, many(127))])
  },
}
