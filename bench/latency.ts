/**
 * Measures the latency that Waygate adds to a request at a steady rate. It sends the same requests to the node directly and
 * through the gateway, in turns, on a schedule that does not wait for answers. Each round has two direct runs, whose
 * difference is the noise of the machine.
 *
 *   npm run bench:latency [-- --rate 1000 --rounds 7 --seconds 5 --warm-up 10]
 */
import { parseArgs } from 'node:util'
import { OTHER_CORE } from './cores.ts'
import { ensureInstalled } from './install.ts'
import { LOAD_TOOL, runLoad } from './load.ts'
import { runOpenLoop } from './open-loop.ts'
import { percentile } from './percentile.ts'
import { pinSelf } from './process.ts'
import { median } from './report.ts'
import { openScene } from './scene.ts'
import { SECRET, signTokens } from './tokens.ts'

interface Turn {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly late99Ms: number
  readonly failed: number
}

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '5' },
    'warm-up': { type: 'string', default: '10' },
  },
})
const [rate, rounds, seconds] = [Number(values.rate), Number(values.rounds), Number(values.seconds)]

if (LOAD_TOOL === 'autocannon') ensureInstalled()
pinSelf(OTHER_CORE)
const scene = await openScene()
try {
  const { base } = await scene.startWaygate({ config: { jwt: { secret: SECRET } } })
  const [token] = signTokens(1)
  const urls = [`${scene.nodeUrl}/x`, `${base}/x`, `${scene.nodeUrl}/x`]
  const turns: Turn[][] = urls.map(() => [])
  const warmUp = { path: '/x', connections: 64, tokens: [token!], seconds: Number(values['warm-up']) }
  await runLoad({ ...warmUp, base, folder: scene.folder })
  const ask = async (url: string): Promise<Turn> => {
    const options = { url, token: token!, requestsPerSecond: rate, seconds, connections: 32 }
    const { latenciesMs, lateMs, failed } = await runOpenLoop(options)
    return {
      p50Ms: percentile(latenciesMs, 0.5),
      p99Ms: percentile(latenciesMs, 0.99),
      late99Ms: percentile(lateMs, 0.99),
      failed,
    }
  }
  // These runs do not count. They warm up the code of this process.
  for (const url of urls) await ask(url)
  for (let round = 0; round < rounds; round++) {
    for (const [i, url] of urls.entries()) turns[i]!.push(await ask(url))
  }

  const [direct, through, again] = turns as [Turn[], Turn[], Turn[]]
  const of = (some: readonly Turn[], value: (turn: Turn) => number) => median(some.map(value)).toFixed(3)
  const apart = (some: readonly Turn[], value: (turn: Turn) => number) =>
    median(some.map((turn, i) => value(turn) - value(direct[i]!))).toFixed(3)
  const p50 = (turn: Turn) => turn.p50Ms
  const p99 = (turn: Turn) => turn.p99Ms
  const row = (name: string, some: readonly Turn[]) => [
    name,
    of(some, p50),
    of(some, p99),
    of(some, turn => turn.late99Ms),
    String(some.reduce((sum, { failed }) => sum + failed, 0)),
  ]
  const rows = [
    ['', 'p50 ms', 'p99 ms', 'sent late, p99 ms', 'failed'],
    ['---', '--:', '--:', '--:', '--:'],
    row('the node directly', direct),
    row('through Waygate', through),
    row('the node directly, again', again),
    ['Waygate adds', apart(through, p50), apart(through, p99), '', ''],
    ['noise: the second direct run adds', apart(again, p50), apart(again, p99), '', ''],
  ]
  console.log(`${rate} requests/s, ${rounds} rounds of ${seconds} s, Node ${process.version.slice(1)}\n`)
  console.log(rows.map(cells => `| ${cells.join(' | ')} |`).join('\n'))
} finally {
  await scene.close()
}
