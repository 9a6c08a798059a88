import { test } from 'node:test'
import { requireBrowser } from '../support/browser.ts'
import { watchHeap } from '../support/dashboard-heap.ts'
import { requireEtcd } from '../support/etcd.ts'

test('a dashboard that is watched does not grow', async t => {
  if (!requireEtcd(t) || !requireBrowser(t)) return
  await watchHeap(t, 20_000)
})
