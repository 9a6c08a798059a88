/**
 * Fuzzes the gateway with malformed HTTP. A run is repeatable by its seed:
 *
 *   npm run fuzz -- --target reader|requests|answers|websockets|proxy-headers|templates|http2-codec|http2-frames|routes|patterns|all --minutes 1 --seed 7
 *
 * `reader` compares our reader of answers with llhttp, Node's parser. `requests` sends malformed requests to a gateway
 * with a canary node behind it. `answers` has that node send malformed answers. `websockets` sends bytes both ways through
 * WebSockets, some of which are shut down meanwhile. `proxy-headers` reads headers of the PROXY protocol.
 * `templates` fills templates in with hostile values, for every place they land in. `http2-codec` compares our HPACK and our rules for fields with those of
 * nghttp2, which is in Node, and with Python's hpack. `http2-frames` sends frames to our connections and to those of
 * nghttp2. `routes` compares the routes of random tables with those that a slow and plain search finds, and `patterns` reads
 * random patterns of conditions. Exits with 1 when it finds something.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { DELIBERATE } from './compare.ts'
import { fuzzAnswers } from './fuzz-answers.ts'
import { fuzzPatterns } from './fuzz-patterns.ts'
import { fuzzProxyHeaders } from './fuzz-proxy-headers.ts'
import { fuzzRequests } from './fuzz-requests.ts'
import { fuzzRoutes } from './fuzz-routes.ts'
import { fuzzTemplates } from './fuzz-templates.ts'
import { fuzzWebSockets } from './fuzz-websockets.ts'
import { fuzzCodec, STRICTER } from './http2/fuzz-codec.ts'
import { fuzzFrames, LENIENT_FRAMES, STRICTER_FRAMES } from './http2/fuzz-frames.ts'
import { fuzz } from './run.ts'

const TARGETS = {
  reader: fuzzReader,
  requests: fuzzListener,
  answers: fuzzNode,
  websockets: fuzzTunnels,
  'proxy-headers': fuzzAddresses,
  templates: fuzzValues,
  'http2-codec': fuzzHeaderBlocks,
  'http2-frames': fuzzConnections,
  routes: fuzzTables,
  patterns: fuzzConditions,
}

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
  printReasons(result.refusedByUs, DELIBERATE)
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

async function fuzzAddresses(isOver: () => boolean): Promise<void> {
  const { count, accepted, refused, findings } = fuzzProxyHeaders(seed, isOver)
  console.log(`${count} headers, ${accepted} accepted and ${refused} refused`)
  report(findings)
}

async function fuzzValues(isOver: () => boolean): Promise<void> {
  const { count, refused, findings } = fuzzTemplates(seed, isOver)
  console.log(`${count} requests, ${refused} results refused`)
  report(findings)
}

async function fuzzHeaderBlocks(isOver: () => boolean): Promise<void> {
  const result = await fuzzCodec(seed, isOver)
  console.log(`${result.count} header blocks, ${result.readByPython} of them read by Python, too`)
  console.log(
    `${result.accepted} accepted by both, ${result.refused + result.undecodable} refused by both, and by us alone:`,
  )
  printReasons(result.refusedByUs, STRICTER)
  report(result.findings)
}

async function fuzzConnections(isOver: () => boolean): Promise<void> {
  const result = await fuzzFrames(seed, isOver)
  console.log(`${result.count} steps, ${result.whole} whole messages`)
  console.log(`both have reset ${result.reset} streams, and ended ${result.ended} connections; we alone:`)
  printReasons(result.refusedByUs, STRICTER_FRAMES)
  console.log('nghttp2 alone has ended the connection:')
  printReasons(result.refusedByNghttp2, LENIENT_FRAMES)
  report(result.findings)
}

async function fuzzTables(isOver: () => boolean): Promise<void> {
  const { count, conditional, passedOver, unrouted, findings } = fuzzRoutes(seed, isOver)
  console.log(`${count} requests: ${conditional} have a route with conditions, ${unrouted} have none`)
  console.log(`${passedOver} were passed over by the conditions of a document`)
  report(findings)
}

async function fuzzConditions(isOver: () => boolean): Promise<void> {
  const { count, accepted, tooComplex, slowestRead, slowestValue, findings } = fuzzPatterns(seed, isOver)
  console.log(`${count} patterns, ${accepted} accepted, and ${tooComplex} too complex`)
  console.log(
    `at most ${slowestRead.toFixed(1)} ms to read one, and ${slowestValue.toFixed(2)} ms for 16 KiB`,
  )
  report(findings)
}

function printReasons(counts: ReadonlyMap<string, number>, reasons: Readonly<Record<string, string>>): void {
  for (const [rule, count] of [...counts].sort(([, a], [, b]) => b - a))
    console.log(`  ${count} ${rule}: ${reasons[rule]}`)
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
