import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeProblem } from '../../../cmd/commands/routes.ts'

test('a problem shows no control characters, which keys and values of the registry may have', () => {
  assert.equal(
    describeProblem({ key: '/services/\u001b[2J', reason: 'not \u202e"x"' }),
    '/services/\ufffd[2J: not \ufffd"x"',
  )
})
