import { test } from 'node:test'
import { askBesideDeadNames, describeDeadNames } from '../support/dead-names.ts'
import { requireEtcd } from '../support/etcd.ts'
import { mayMount } from '../support/own-files.ts'

// test/faults/dead-names.ts is the long version.
test('six nodes with names that a name server does not answer cost no request to other names, and etcd is found by its name', async t => {
  if (!mayMount(t) || !requireEtcd(t)) return
  t.diagnostic(describeDeadNames(await askBesideDeadNames(t, 2_000)))
})
