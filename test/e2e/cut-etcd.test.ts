import { describe, type TestContext, test } from 'node:test'
import {
  type CutReport,
  cutAndCompact,
  cutAtRandom,
  cutInBacklog,
  goDead,
  slowDown,
} from '../support/cut-etcd.ts'
import { requireEtcd } from '../support/etcd.ts'
import { describeTimes } from '../support/times.ts'

async function run(t: TestContext, scenario: () => Promise<CutReport>): Promise<void> {
  if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
  const { requests, convergedMs, note } = await scenario()
  t.diagnostic(`${note}; ${requests} requests, 0 failed; converged: ${describeTimes(convergedMs)}`)
}

// Concurrent, because they mostly wait.
describe('the connection to etcd', { concurrency: 2 }, () => {
  test('goes dead silently: this is noticed, and the gateway recovers as soon as the connection does', t =>
    run(t, () => goDead({ deadMs: 0 })))

  test('is cut while etcd is compacted: the gateway relists', t =>
    run(t, () => cutAndCompact({ how: 'fin' })))

  test('breaks again in the middle of a backlog: no event is missed, none comes twice', t =>
    run(t, () => cutInBacklog({ puts: 1_000, drops: 2 })))

  test('breaks at random during a burst of puts: no event is missed, none comes twice', t =>
    run(t, () => cutAtRandom({ puts: 1_000, cuts: 6, seed: 1 })))

  test('is slow: changes arrive with the delay, and no connection is closed', t =>
    run(t, () => slowDown({ delayMs: 200 })))
})
