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

// Side by side, because they mostly wait.
describe('the wire to etcd', { concurrency: 2 }, () => {
  test('goes dead without a word: noticed, and whole again at once when it is', t =>
    run(t, () => goDead({ deadMs: 0 })))

  test('is cut while etcd is compacted: everything is read anew', t =>
    run(t, () => cutAndCompact({ how: 'fin' })))

  test('breaks again in the middle of a backlog: nothing is missed, nothing comes twice', t =>
    run(t, () => cutInBacklog({ puts: 1_000, drops: 2 })))

  test('breaks at random under a burst of puts: nothing is missed, nothing comes twice', t =>
    run(t, () => cutAtRandom({ puts: 1_000, cuts: 6, seed: 1 })))

  test('is slow: changes come late, and no connection is given up', t =>
    run(t, () => slowDown({ delayMs: 200 })))
})
