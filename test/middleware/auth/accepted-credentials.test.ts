import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AcceptedCredentials } from '../../../middleware/auth/accepted-credentials.ts'

test('the oldest credential is forgotten first', () => {
  const accepted = new AcceptedCredentials<number>(2)
  for (const [i, name] of ['a', 'b', 'c'].entries()) accepted.add(name, i)
  assert.deepEqual(
    ['a', 'b', 'c'].map(name => accepted.get(name)),
    [undefined, 1, 2],
  )
})

test('a very long credential is not remembered, since many of them would take too much memory', () => {
  const accepted = new AcceptedCredentials<number>(2)
  accepted.add('x'.repeat(8_192), 1)
  accepted.add('x'.repeat(8_193), 2)
  assert.equal(accepted.get('x'.repeat(8_192)), 1)
  assert.equal(accepted.get('x'.repeat(8_193)), undefined)
})
