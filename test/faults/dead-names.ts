import { test } from 'node:test'
import { askBesideDeadNames, describeDeadNames } from '../support/dead-names.ts'
import { mayMount } from '../support/own-files.ts'

// The long version of test/e2e/dead-names.test.ts.
test('for 30 s, six nodes with names that a name server does not answer cost no request to other names', async t => {
  if (!mayMount(t)) return
  t.diagnostic(describeDeadNames(await askBesideDeadNames(t, 30_000)))
})
