import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isRunning } from '../support/processes.ts'
import { until } from '../support/until.ts'
import { FAULTS, planRound } from './faults.ts'
import { Journal } from './journal.ts'
import { type JudgedNode, Oracle } from './oracle.ts'

const LONG_AGO = Number.NEGATIVE_INFINITY
const NEVER = Number.POSITIVE_INFINITY

const USED_UP = 'gateway 1: retry budget exhausted {"service":"s"}'

/** A service with one node, and a call to it that fails. */
function judged(
  node: Partial<JudgedNode> = {},
  prepare: (oracle: Oracle, journal: Journal) => void = () => {},
  onceJudged: (journal: Journal) => void = () => {},
) {
  // A stall of the machine that runs this test does not count.
  const journal = new Journal(NEVER)
  const service = {
    ...{ service: 's', name: 's/a', address: 1, isBusy: false, isRegistered: true },
    ...{ roughUntil: LONG_AGO, goodSince: LONG_AGO, ...node },
  }
  const oracle = new Oracle([service], [], journal)
  prepare(oracle, journal)
  return {
    /** Whether the failure is one of the gateway, once it is decided. */
    async fails(
      kind: 'GET' | 'POST' | 'RPC',
      how: { readonly isBroken?: boolean; readonly hasBegun?: boolean } = {},
    ): Promise<boolean> {
      const outcome = { failure: '502', isBroken: false, hasBegun: false, ...how }
      oracle.judge({ kind, service: 's', fromMs: performance.now(), ...outcome })
      onceJudged(journal)
      const decided = () => journal.failures + oracle.counts[kind].excused === 1
      await until('the call is judged', decided).finally(() => {
        oracle.close()
        journal.close()
      })
      return journal.failures === 1
    },
  }
}

test('a seed means the same faults at the same times, and other seeds mean others', () => {
  const told = (seed: number) =>
    planRound(FAULTS, seed, 45_000).map(({ fault, atMs, holdMs }) => `${fault.name} ${atMs} ${holdMs}`)
  assert.deepEqual(told(7), told(7))
  assert.notDeepEqual(told(7), told(8))
})

test('every fault is planned, and at most four at once, which are over when the round is', () => {
  const plans = Array.from({ length: 100 }, (_, seed) => planRound(FAULTS, seed, 45_000))
  assert.equal(new Set(plans.flat().map(({ fault }) => fault)).size, FAULTS.length)
  for (const plan of plans) {
    for (const { atMs, holdMs } of plan) {
      assert.ok(atMs + holdMs <= 45_000)
      assert.ok(plan.filter(other => other.atMs <= atMs && other.atMs + other.holdMs > atMs).length <= 4)
    }
  }
})

test('a call must succeed while a node of its service is good, also while etcd has a fault', async () => {
  const verdicts = [
    judged().fails('GET'),
    judged().fails('POST'),
    judged({}, oracle => oracle.beginEtcdFault()).fails('GET'),
    judged({ roughUntil: NEVER }).fails('RPC'),
    judged({}, oracle => oracle.workerKilled()).fails('GET'),
    judged().fails('RPC', { hasBegun: true }),
    judged({}, (_, journal) => journal.note('log', USED_UP)).fails('GET'),
  ]
  assert.deepEqual(await Promise.all(verdicts), [true, true, true, true, true, true, true])
})

test('a call may fail without a good node, a POST beside a fault, and a connection with its worker', async () => {
  const verdicts = [
    judged({ goodSince: NEVER }).fails('GET'),
    judged({ goodSince: performance.now() - 1_000 }).fails('GET'),
    judged({ roughUntil: NEVER }).fails('POST'),
    judged({ roughUntil: NEVER }).fails('RPC', { hasBegun: true }),
    judged({}, oracle => oracle.beginEtcdFault()).fails('POST'),
    judged({}, oracle => oracle.workerKilled()).fails('GET', { isBroken: true }),
    judged({ roughUntil: NEVER }, (_, journal) => journal.note('log', USED_UP)).fails('GET'),
    judged(
      { roughUntil: NEVER },
      () => {},
      journal => journal.note('log', USED_UP),
    ).fails('GET'),
  ]
  assert.deepEqual(await Promise.all(verdicts), Array(verdicts.length).fill(false))
})

test('what is late because the machine stalled is no failure, and the timeline says that it stalled', () => {
  const journal = new Journal()
  const before = performance.now()
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700)
  journal.fail('late', before)
  journal.fail('wrong')
  journal.close()
  assert.equal(journal.failures, 1)
  assert.match(journal.explain().join('\n'), /stall {2}late\n.* BAD {4}wrong; CPU short/)
})

test('a run that is killed leaves no process behind, not even a stopped one, and no folder', async t => {
  if (process.platform !== 'linux') return t.skip('Linux only')
  const run = `
    import { spawn } from 'node:child_process'
    import { mkdtempSync } from 'node:fs'
    import { tmpdir } from 'node:os'
    import { leaveNothingBehind } from '${join(import.meta.dirname, '../support/leave-nothing.ts')}'
    leaveNothingBehind()
    const folder = mkdtempSync(tmpdir() + '/it-')
    const { pid } = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' })
    process.kill(pid, 'SIGSTOP')
    console.log(JSON.stringify({ pid, folder }))
    setInterval(() => {}, 1000)`
  const child = execFile(process.execPath, ['--input-type=module', '-e', run])
  const line = await new Promise<string>(resolve => child.stdout!.once('data', resolve))
  const { pid, folder } = JSON.parse(line) as { pid: number; folder: string }
  assert.ok(isRunning(pid) && existsSync(folder))
  child.kill('SIGKILL')
  await until('the process is killed', () => !isRunning(pid))
  await until('the folder is removed', () => !existsSync(folder))
})
