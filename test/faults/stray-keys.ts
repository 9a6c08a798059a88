import { test } from 'node:test'
import { startWithStrayKeys } from '../support/stray-keys.ts'

// The long version of test/e2e/stray-keys.test.ts.
test('a gateway that starts on 50,000 stray keys names some in its log, and counts the others', async t => {
  t.diagnostic(`${await startWithStrayKeys(50_000)} lines`)
})
