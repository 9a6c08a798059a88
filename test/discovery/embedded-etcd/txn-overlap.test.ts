import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyRange } from '../../../discovery/embedded-etcd/key-range.ts'
import type { Op, TxnRequest } from '../../../discovery/embedded-etcd/requests.ts'
import { checkOverlap } from '../../../discovery/embedded-etcd/txn-overlap.ts'

const b = (text: string) => Buffer.from(text)
const txn = (...success: readonly Op[]): TxnRequest => ({ compares: [], success, failure: [] })
const deletion = (n: number): Op => ({
  kind: 'delete',
  request: { range: keyRange(b(`d${n}`), b('')), prevKv: false },
})

test('inner transactions may have more deletions together than a call takes arguments', () => {
  const deletions = Array.from({ length: 200_000 }, (_, n) => deletion(n))
  const many: Op = { kind: 'txn', request: { ...txn(), success: deletions } }
  checkOverlap(txn(many))
  const request = { key: b('d199999'), value: b(''), lease: 0n }
  const put: Op = {
    kind: 'put',
    request: { ...request, prevKv: false, ignoreValue: false, ignoreLease: false },
  }
  assert.throws(() => checkOverlap(txn(many, put)), /duplicate key given in txn request/)
})
