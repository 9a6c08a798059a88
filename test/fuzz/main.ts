/**
 * Fuzzes the gateway with malformed HTTP. A run is repeatable by its seed:
 *
 *   npm run fuzz -- --target reader|requests|answers|websockets|all --minutes 1 --seed 7
 *
 * `reader` compares our reader of answers with llhttp, Node's parser. `requests` sends malformed requests to a gateway
 * with a canary node behind it. `answers` has that node send malformed answers. `websockets` sends bytes both ways through
 * WebSockets, some of which are shut down meanwhile. Exits with 1 when it finds something.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { DELIBERATE } from './compare.ts'
import { fuzzAnswers } from './fuzz-answers.ts'
import { fuzzRequests } from './fuzz-requests.ts'
import { fuzzWebSockets } from './fuzz-websockets.ts'
import { fuzz } from './run.ts'

const TARGETS = { reader: fuzzReader, requests: fuzzListener, answers: fuzzNode, websockets: fuzzTunnels }

const { values } = parseArgs({
  options: { target: { type: 'string' }, minutes: { type: 'string' }, seed: { type: 'string' } },
})
const target = values.target ?? 'all'
const minutes = Number(values.minutes ?? 1)
const seed = Number(values.seed ?? randomInt(2 ** 31))
const chosen = Object.entries(TARGETS).filter(([name]) => target === 'all' || target === name)
if (chosen.length === 0 || !(minutes > 0) || !Number.isSafeInteger(seed)) {
  console.error(`usage: npm run fuzz -- --target ${Object.keys(TARGETS).join('|')}|all --minutes N --seed N`)
  process.exit(2)
}
process.on('uncaughtExceptionMonitor', () => console.error(`\nCRASH: seed ${seed}`))

for (const [name, run] of chosen) {
  console.log(`${name}: seed ${seed}, ${minutes / chosen.length} min`)
  const end = performance.now() + (minutes / chosen.length) * 60_000
  await run(() => performance.now() >= end)
}

async function fuzzReader(isOver: () => boolean): Promise<void> {
  const result = fuzz(seed, isOver)
  console.log(`${result.count} answers, ${result.valid} of them valid`)
  console.log(`${result.wholeForBoth} whole for both readers, ${result.partialForBoth} truncated`)
  console.log(`${result.refusedByBoth} refused by both, and by our reader alone:`)
  for (const [reason, count] of [...result.refusedByUs].sort(([, a], [, b]) => b - a))
    console.log(`  ${count} ${reason}: ${DELIBERATE[reason]}`)
  for (const [divergence, { minimal, ours, llhttps }] of result.divergences) {
    console.log(`\nDIVERGENCE: ${divergence}`)
    console.log({ method: minimal.method, bytes: JSON.stringify(minimal.bytes), cuts: minimal.cuts })
    console.log({ ours, llhttps })
    process.exitCode = 1
  }
}

async function fuzzListener(isOver: () => boolean): Promise<void> {
  const { count, seen, refused, findings } = await withCleanUp(t => fuzzRequests(t, seed, isOver))
  console.log(`${count} connections, ${seen} requests at the node, ${refused} refused`)
  report(findings)
}

async function fuzzNode(isOver: () => boolean): Promise<void> {
  const { count, whole, refused, findings } = await withCleanUp(t => fuzzAnswers(t, seed, isOver))
  console.log(`${count} connections, ${whole} whole answers, ${refused} replaced by an answer of the gateway`)
  report(findings)
}

async function fuzzTunnels(isOver: () => boolean): Promise<void> {
  const { count, bytes, findings } = await withCleanUp(t => fuzzWebSockets(t, seed, isOver))
  console.log(`${count} WebSockets, ${Math.round(bytes / 1e6)} MB`)
  report(findings)
}

function report(findings: ReadonlyMap<string, string>): void {
  for (const [what, bytes] of findings) {
    console.log(`\nFOUND: ${what}\n${JSON.stringify(bytes)}`)
    process.exitCode = 1
  }
}

type After = () => unknown

/** Runs, outside of a test, code that registers its clean-up with a test. */
async function withCleanUp<T>(run: (t: { after: (fn: After) => void }) => Promise<T>): Promise<T> {
  const after: After[] = []
  try {
    return await run({ after: fn => void after.push(fn) })
  } finally {
    for (const each of after.reverse()) await each()
  }
}
