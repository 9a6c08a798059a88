import { test } from 'node:test'
import { startWithStrayKeys } from '../support/stray-keys.ts'

test('a gateway that starts on 500 stray keys names some in its log, and counts the others', async t => {
  t.diagnostic(`${await startWithStrayKeys(500)} lines`)
})
