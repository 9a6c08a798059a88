/**
 * Compares our reader of answers with llhttp, the parser of Node, on answers that are made at random.
 *
 *   npm run fuzz -- --minutes 1 --seed 7
 *
 * Exits with 1 when the two diverge.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { DELIBERATE } from './compare.ts'
import { fuzz } from './run.ts'

const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } })
const minutes = Number(values.minutes ?? 1)
const seed = Number(values.seed ?? randomInt(2 ** 31))
console.log(`seed ${seed}, ${minutes} min`)

const end = performance.now() + minutes * 60_000
const result = fuzz(seed, () => performance.now() >= end)

console.log(`${result.count} answers, ${result.valid} of them valid`)
console.log(`${result.wholeForBoth} whole for both readers, ${result.partialForBoth} cut short`)
console.log(`${result.refusedByBoth} refused by both, and by ours alone:`)
for (const [reason, count] of [...result.refusedByUs].sort(([, a], [, b]) => b - a))
  console.log(`  ${count} ${reason}: ${DELIBERATE[reason]}`)
for (const [divergence, { minimal, ours, llhttps }] of result.divergences) {
  console.log(`\nDIVERGENCE: ${divergence}`)
  console.log({ method: minimal.method, bytes: JSON.stringify(minimal.bytes), cuts: minimal.cuts })
  console.log({ ours, llhttps })
}
if (result.divergences.size > 0) process.exitCode = 1
