import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runProgram } from '../../support/waygate.ts'

for (const user of ['a:b', '#ops', ' anna', 'an\nna', 'x'.repeat(256)]) {
  test(`the user ${JSON.stringify(user.slice(0, 9))}, whose line would be read as another, is refused`, async () => {
    const { code, stdout, stderr } = await runProgram({ args: ['hash-password', '--user', user] })
    assert.equal(
      stderr,
      'waygate hash-password: --user must be 1 to 255 characters without colon and must not begin with # or a space; see waygate hash-password --help\n',
    )
    assert.deepEqual([code, stdout], [2, ''])
  })
}
