/**
 * `npm run chaos`: random faults in etcd, the network, nodes and the gateway, while clients of every kind use it.
 *
 *   npm run chaos -- --seed 7 --minutes 10
 *
 * Each minute is a round: faults by a plan that only the seed decides, and then a check at rest. Options: `--round N` begins
 * with round N of the seed; `--only TEXT` and `--without TEXT` choose faults by a part of their name. Prints a line per round.
 * When something happened that must not (see `oracle.ts` and `rest.ts`), prints the timeline around it and the seed, and exits
 * with 1; `--all` prints the whole timeline in any case. Needs Linux, and etcd and etcdctl on PATH.
 */
import { randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { onPath } from '../support/etcd.ts'
import { leaveNothingBehind } from '../support/leave-nothing.ts'
import { FAULTS, planRound, runFaults } from './faults.ts'
import { Journal } from './journal.ts'
import { checkAtRest } from './rest.ts'
import { Scene } from './scene.ts'

/** Faults are begun for so long. The check at rest takes the rest of a minute, more or less. */
const ROUND_MS = 45_000
/** Time for a good node to count, before the first fault. */
const WARM_UP_MS = 15_000

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    minutes: { type: 'string', default: '10' },
    round: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    without: { type: 'string' },
    all: { type: 'boolean', default: false },
  },
})
const { only, without } = values
const [seed, minutes, firstRound] = [Number(values.seed), Number(values.minutes), Number(values.round)]
const faults = FAULTS.filter(
  ({ name }) => name.includes(only) && (without === undefined || !name.includes(without)),
)
if (![seed, minutes, firstRound].every(Number.isSafeInteger) || faults.length === 0) {
  console.error('usage: npm run chaos -- --seed N --minutes N --round N --only TEXT --without TEXT --all')
  console.error(FAULTS.map(({ name }) => `  ${name}`).join('\n'))
  process.exit(2)
}
for (const program of ['etcd', 'etcdctl']) {
  if (!onPath(program)) throw new Error(`chaos needs ${program} on PATH`)
}
leaveNothingBehind()
// Every program that is started has a listener for its end.
process.setMaxListeners(0)

console.log(`chaos: seed ${seed}, ${minutes} min`)
const journal = new Journal()
try {
  await using scene = await Scene.start(journal)
  await delay(WARM_UP_MS)
  const before = await checkAtRest(scene)
  for (let round = firstRound; round < firstRound + minutes && journal.failures === 0; round++) {
    journal.note('rest', `round ${round}`)
    // Each round has a seed of its own, so that it can be repeated without those before it.
    const count = await runFaults(scene, planRound(faults, seed + round, ROUND_MS))
    await checkAtRest(scene, before)
    const calls = Object.entries(scene.oracle.counts).map(
      ([kind, { total, excused }]) => `${total} ${kind} (${excused} excused)`,
    )
    console.log(`round ${round}: ${count} faults, ${calls.join(', ')}, ${journal.failures} failures`)
  }
} catch (error) {
  journal.fail(`the run itself failed: ${(error as Error).stack}`)
}
journal.close()
console.log(journal.explain(values.all).join('\n'))
console.log(`seed ${seed}`)
if (journal.failures > 0) process.exitCode = 1
