import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyRange } from '../../../discovery/embedded-etcd/key-range.ts'
import type { Op, TxnRequest } from '../../../discovery/embedded-etcd/requests.ts'
import { checkOverlap } from '../../../discovery/embedded-etcd/txn-overlap.ts'

const b = (text: string) => Buffer.from(text)
const txn = (...success: readonly Op[]): TxnRequest => ({ compares: [], success, failure: [] })
const put = (key: string): Op => ({
  kind: 'put',
  request: {
    ...{ key: b(key), value: b(''), lease: 0n },
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
  },
})
const deletion = (n: number): Op => ({
  kind: 'delete',
  request: { range: keyRange(b(`d${n}`), b('')), prevKv: false },
})

test('inner transactions may have more deletions together than a call takes arguments', () => {
  const deletions = Array.from({ length: 200_000 }, (_, n) => deletion(n))
  const many: Op = { kind: 'txn', request: { ...txn(), success: deletions } }
  checkOverlap(txn(many))
  assert.throws(() => checkOverlap(txn(many, put('d199999'))), /duplicate key given in txn request/)
})

test('the cost of many puts beside many deletions does not grow with their product', () => {
  const count = 5_000
  let looks = 0
  const deletions = Array.from({ length: count }, (_, n): Op => {
    const { from, to } = keyRange(b(`d${n}`), b(''))
    const range = {
      get from() {
        looks++
        return from
      },
      to,
    }
    return { kind: 'delete', request: { range, prevKv: false } }
  })
  const puts = Array.from({ length: count }, (_, n) => put(`p${n}`))
  checkOverlap(txn({ kind: 'txn', request: txn(...deletions) }, ...puts))
  assert.ok(looks < 100 * count, `a deletion was looked at ${looks / count} times`)
})

test('a put is covered by any of many deletions that overlap, touch or are empty', () => {
  const range = (from: string, to: string): Op => ({
    kind: 'delete',
    request: { range: keyRange(b(from), b(to)), prevKv: false },
  })
  const many = [
    range('m', 'p'),
    range('b', 'd'),
    range('c', 'c'),
    range('o', 'q'),
    range('d', 'e'),
    range('z', '\0'),
  ]
  const refused = (key: string) =>
    assert.throws(() => checkOverlap(txn(...many, put(key))), /duplicate key/, key)
  for (const key of ['b', 'c', 'dd', 'm', 'o', 'pz', 'z', 'zz']) refused(key)
  for (const key of ['a', 'e', 'l', 'q', 'yy']) checkOverlap(txn(...many, put(key)))
})
