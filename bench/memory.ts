/**
 * Measures the memory that Waygate uses: at rest, for idle client connections, after many requests, and while slow readers
 * read large answers.
 *
 *   npm run bench:memory [-- --connections 5000 --requests 1000000 --readers 50 --seconds 10]
 */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { OTHER_CORE } from './cores.ts'
import type { ProbeAnswer } from './discovery/probe.ts'
import { openIdle } from './idle.ts'
import { ensureInstalled } from './install.ts'
import { LOAD_TOOL, runLoad } from './load.ts'
import { pinSelf, residentBytes, type Started } from './process.ts'
import { openScene } from './scene.ts'
import { openSlowReaders } from './slow-readers.ts'
import { SECRET, signTokens } from './tokens.ts'

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '5000' },
    requests: { type: 'string', default: '1000000' },
    readers: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '10' },
  },
})
const CONNECTIONS = Number(values.connections)
const REQUESTS = Number(values.requests)
const READERS = Number(values.readers)
const SECONDS = Number(values.seconds)

const ANSWER_BYTES = 100 << 20
const READER_BYTES_PER_SECOND = 1 << 20
const SETTLE_MS = 2_000
const SAMPLE_MS = 100

/** Asks a process for its figures after a full garbage collection. */
function collect({ child }: Started): Promise<ProbeAnswer> {
  return new Promise(resolve => {
    child.once('message', answer => resolve(answer as ProbeAnswer))
    child.send('collect')
  })
}

const mib = (bytes: number) => `${(bytes / 1_048_576).toFixed(1)} MiB`
const rows: [what: string, figure: string][] = []
const report = (what: string, figure: string) => {
  rows.push([what, figure])
  console.error(`${what}: ${figure}`)
}

if (LOAD_TOOL === 'autocannon') ensureInstalled()
pinSelf(OTHER_CORE)
const scene = await openScene()
const probe = ['--expose-gc', '--import', join(import.meta.dirname, 'discovery/probe.ts')]
const [token] = signTokens(1)
// All clients have one address here.
const config = { jwt: { secret: SECRET }, clientLimits: { connectionsPerAddress: 0 } }
const startWaygate = () => scene.startWaygate({ config, nodeOptions: probe, ipc: true })
const load = { path: '/x', connections: 64, tokens: [token!], seconds: 2, folder: scene.folder }

/** Measures the memory of an idle connection whose request has been answered. A short load runs first. */
async function measureIdle(process: Started, base: string, isHttp2 = false): Promise<string> {
  await runLoad({ ...load, ...(isHttp2 && { connections: 8, http2: { streams: 8, isGrpc: false } }), base })
  await delay(SETTLE_MS)
  const before = await collect(process)
  const close = await openIdle(CONNECTIONS, `${base}/x`, token, isHttp2)
  const { rssBytes, heapUsedBytes } = await collect(process)
  const ended = close()
  if (ended > 0) throw new Error(`${ended} of the idle connections were closed before they were counted`)
  const each = (bytes: number) => (bytes / CONNECTIONS).toFixed(0)
  return `${each(rssBytes - before.rssBytes)} bytes of RSS each, ${each(heapUsedBytes - before.heapUsedBytes)} of heap`
}

try {
  // 1. At rest, and 2. idle connections, compared with those of a plain node:http server.
  const resting = await startWaygate()
  await delay(SETTLE_MS)
  const rest = await collect(resting.process)
  report('at rest, 3 nodes', `RSS ${mib(rest.rssBytes)}, heap ${mib(rest.heapUsedBytes)}`)
  const idle = `${CONNECTIONS} idle connections`
  report(`${idle}: Waygate`, await measureIdle(resting.process, resting.base))
  await resting.process.stop()
  const http2 = await startWaygate()
  report(`${idle} of HTTP/2: Waygate`, await measureIdle(http2.process, http2.base, true))
  await http2.process.stop()
  const plainServer = [join(import.meta.dirname, 'upstream.ts'), '1', '0']
  const plain = await scene.startProgram([...probe, ...plainServer], { ipc: true })
  report(`${idle}: node:http`, await measureIdle(plain, `http://127.0.0.1:${plain.line}`))
  await plain.stop()

  // 3. Whether requests leak memory. The first ones fill caches and compile code.
  const busy = await startWaygate()
  await runLoad({ ...load, base: busy.base, seconds: SECONDS })
  await delay(SETTLE_MS)
  const before = await collect(busy.process)
  let requests = 0
  let failed = 0
  while (requests < REQUESTS) {
    const result = await runLoad({ ...load, base: busy.base, seconds: SECONDS })
    if (result.requests === 0) throw new Error('no request was answered')
    requests += result.requests
    failed += result.failed
  }
  await delay(SETTLE_MS)
  const after = await collect(busy.process)
  report(
    `heap before and after ${requests} requests`,
    `${mib(before.heapUsedBytes)} and ${mib(after.heapUsedBytes)} (RSS ${mib(before.rssBytes)} and ${mib(after.rssBytes)}), ${failed} failed`,
  )
  await busy.process.stop()

  // 4. Whether data piles up that slow readers have not read yet.
  const streaming = await startWaygate()
  await runLoad({ ...load, base: streaming.base })
  const { rssBytes: calm } = await collect(streaming.process)
  const readers = await openSlowReaders({
    count: READERS,
    url: `${streaming.base}/stream/${ANSWER_BYTES}`,
    token: token!,
    bytesPerSecond: READER_BYTES_PER_SECOND,
  })
  let most = calm
  for (const until = performance.now() + SECONDS * 1_000; performance.now() < until; ) {
    most = Math.max(most, residentBytes(streaming.process.pid))
    await delay(SAMPLE_MS)
  }
  const taken = readers.close()
  report(
    `${READERS} readers of 100 MiB answers at 1 MiB/s each, ${SECONDS} s`,
    `RSS ${mib(calm)}, at most ${mib(most)}: ${mib(most - calm)} more, while ${mib(taken)} passed`,
  )

  console.log(`Node ${process.version.slice(1)}\n`)
  console.log(['| what | figure |', '| --- | --- |', ...rows.map(row => `| ${row.join(' | ')} |`)].join('\n'))
} finally {
  await scene.close()
}
