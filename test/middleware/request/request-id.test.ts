import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRequestIds } from '../../../middleware/request/request-id.ts'

test('ids have the form that clients may send, and are unique within and across processes', () => {
  const makers = [createRequestIds(), createRequestIds()]
  const ids = Array.from({ length: 10_000 }, (_, i) => makers[i % 2]!())
  for (const id of ids) assert.match(id, /^[A-Za-z0-9._-]{18,32}$/)
  assert.equal(new Set(ids).size, ids.length)
})
