/**
 * `npm run chaos`: random faults in etcd, the network, nodes and the gateway, while clients of every kind use it.
 *
 *   npm run chaos -- --seed 7 --minutes 10
 *
 * Options: `--only TEXT` and `--without TEXT` choose faults by a part of their name; `--round N` begins with round N of the
 * seed. Prints a line per round. When something happened that must not (see `oracle.ts` and `rest.ts`), prints the timeline
 * around it and the seed, and exits with 1. Needs etcd and etcdctl on PATH.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { onPath } from '../support/etcd.ts'
import { leaveNothingBehind } from '../support/leave-nothing.ts'
import { seededRandom } from '../support/random.ts'
import { FAULTS, runFaults } from './faults.ts'
import { Journal } from './journal.ts'
import { checkAtRest } from './rest.ts'
import { Scene } from './scene.ts'

const ROUND_MS = 40_000
/** Time for a good node to count, before the first fault. */
const WARM_UP_MS = 15_000

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    minutes: { type: 'string', default: '10' },
    round: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    without: { type: 'string' },
  },
})
const seed = Number(values.seed ?? randomInt(2 ** 31))
const minutes = Number(values.minutes)
const firstRound = Number(values.round)
const { only, without } = values
const faults = FAULTS.filter(
  ({ name }) => name.includes(only) && (without === undefined || !name.includes(without)),
)
if (!(minutes > 0) || !Number.isSafeInteger(seed) || !(firstRound > 0) || faults.length === 0) {
  console.error('usage: npm run chaos -- --seed N --minutes M --round N --only TEXT --without TEXT')
  console.error(FAULTS.map(({ name }) => `  ${name}`).join('\n'))
  process.exit(2)
}
for (const program of ['etcd', 'etcdctl']) {
  if (!onPath(program)) throw new Error(`chaos needs ${program} on PATH`)
}
leaveNothingBehind()
// Every program that is started has one for its end.
process.setMaxListeners(0)

console.log(`chaos: seed ${seed}, ${minutes} min`)
const journal = new Journal()
await using scene = await Scene.start(journal).catch(error => {
  journal.fail(`not started: ${error.message}`)
  console.log(journal.explain().join('\n'))
  throw error
})
const endMs = performance.now() + minutes * 60_000
await new Promise(resolve => setTimeout(resolve, WARM_UP_MS))
const before = await checkAtRest(scene)
for (let round = firstRound; journal.failures === 0 && performance.now() < endMs; round++) {
  journal.note('rest', `round ${round}`)
  // Each round has a seed of its own, so that it can be repeated without those before it.
  const untilMs = Math.min(performance.now() + ROUND_MS, endMs)
  const count = await runFaults(scene, faults, seededRandom(seed + round), untilMs)
  await checkAtRest(scene, before)
  const calls = Object.entries(scene.oracle.counts).map(
    ([kind, { total, excused }]) => `${total} ${kind} (${excused} excused)`,
  )
  console.log(`round ${round}: ${count} faults, ${calls.join(', ')}, ${journal.failures} failures`)
}
const [stalls, excused] = journal.stalls
console.log(`at most ${journal.mostLines} log lines of a process in a minute`)
console.log(`the machine stalled ${stalls} times, which may explain ${excused} failures`)
journal.close()
if (journal.failures > 0) {
  console.log(`\n${journal.explain().join('\n')}\n\n${journal.failures} failures; seed ${seed}`)
  process.exitCode = 1
}
