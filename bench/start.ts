/**
 * Measures what starting Waygate costs: CPU time, wall time and memory of several commands, beside those of a bare Node. One
 * after the other, round by round, so that other work on the machine affects all of them alike. Figures are medians.
 *
 *   npm run bench:start [-- --rounds 11 --program dist/cmd/waygate.js]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { MEASURED_CORE, OTHER_CORE } from './cores.ts'
import { percentile } from './percentile.ts'
import { cpuMicros, pinned, pinSelf, residentBytes, start } from './process.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '11' },
    program: { type: 'string', default: join(import.meta.dirname, '../cmd/waygate.ts') },
  },
})
const ROUNDS = Number(values.rounds)
const PROGRAM = resolve(values.program)

/** Prints the figures of a process when it ends by itself. */
const PROBE = `data:text/javascript,${encodeURIComponent(`
import { writeSync } from 'node:fs'
process.once('exit', () => {
  const { userCPUTime, systemCPUTime } = process.resourceUsage()
  writeSync(2, JSON.stringify({ cpuMs: (userCPUTime + systemCPUTime) / 1000, rssBytes: process.memoryUsage.rss() }))
})`)}`

interface Figures {
  readonly cpuMs: number
  readonly wallMs: number
  readonly rssBytes: number
}

interface Scene {
  readonly what: string
  /** Arguments of Node. */
  readonly args: readonly string[]
  /** What the process prints when it has started; undefined = it ends by itself. */
  readonly until?: string
}

const folder = await mkdtemp(join(tmpdir(), 'waygate-bench-'))
pinSelf(OTHER_CORE)
await writeFile(join(folder, 'waygate.yaml'), 'logLevel: info\n')
const free = ['--host', '127.0.0.1', '--port', '0', '--admin-port', '0']
const etcd = await start(
  OTHER_CORE,
  [
    process.execPath,
    PROGRAM,
    'start',
    ...free,
    '--embedded-etcd',
    '127.0.0.1:0',
    '--embedded-etcd-memory',
    '--data-dir',
    folder,
  ],
  { accept: line => line.includes('embedded etcd is listening') },
)
try {
  const url: string = JSON.parse(etcd.line).etcd
  const node = ['--name', 'bench', '--address', '127.0.0.1:9']
  const scenes: readonly Scene[] = [
    { what: 'bare Node', args: ['--eval', '0'] },
    { what: '`waygate --version`', args: [PROGRAM, '--version'] },
    { what: '`waygate check FILE`', args: [PROGRAM, 'check', 'waygate.yaml'] },
    {
      what: '`waygate register`, until the node is registered',
      args: [PROGRAM, 'register', ...node, '--etcd', url],
      until: '"registered"',
    },
    {
      what: '`waygate start`, until it listens',
      args: [PROGRAM, 'start', ...free, '--etcd', url],
      until: '"waygate is listening"',
    },
  ]
  const seen = new Map<Scene, Figures[]>(scenes.map(scene => [scene, []]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const scene of scenes) seen.get(scene)!.push(await run(scene))
    console.error(`round ${round + 1} of ${ROUNDS}`)
  }
  console.log(`Node ${process.version.slice(1)}\n`)
  console.log('|  | CPU ms | wall ms | RSS MiB |\n| --- | --: | --: | --: |')
  for (const [{ what }, rounds] of seen) {
    const median = (of: (figures: Figures) => number) =>
      percentile(
        rounds.map(of).sort((a, b) => a - b),
        0.5,
      ).toFixed(0)
    const rss = median(({ rssBytes }) => rssBytes / 1_048_576)
    console.log(`| ${what} | ${median(({ cpuMs }) => cpuMs)} | ${median(({ wallMs }) => wallMs)} | ${rss} |`)
  }
} finally {
  await etcd.stop()
  await rm(folder, { recursive: true, force: true })
}

/** Runs a scene until its process has started or ended. */
async function run({ args, until }: Scene): Promise<Figures> {
  const [file, ...words] = pinned(MEASURED_CORE, [process.execPath, '--import', PROBE, ...args])
  const startedAt = performance.now()
  const child = spawn(file!, words, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'close')
  let printed = ''
  let figures: Figures | undefined
  const read = (text: string) => {
    printed += text
    if (until === undefined || figures !== undefined || !printed.includes(until)) return
    const wallMs = performance.now() - startedAt
    figures = { cpuMs: cpuMicros(child.pid!) / 1_000, wallMs, rssBytes: residentBytes(child.pid!) }
    child.kill()
  }
  child.stdout.setEncoding('utf8').on('data', read)
  child.stderr.setEncoding('utf8').on('data', read)
  await ended
  const wallMs = performance.now() - startedAt
  if (until === undefined) figures = { wallMs, ...JSON.parse(printed.slice(printed.lastIndexOf('{'))) }
  if (figures === undefined) throw new Error(`${args.join(' ')} did not start:\n${printed}`)
  return figures
}
