import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { startLimitedService } from './limited-service.ts'
import { type Answer, runLoad } from './load.ts'
import { openRegistry } from './registry.ts'
import { until } from './until.ts'
import type { RunningGateway } from './waygate.ts'

export interface OverloadOptions {
  readonly gateway: RunningGateway
  /** Name of the service; its route document has `serviceLimit` alone. */
  readonly service: string
  /** As a route document writes it. */
  readonly limit: object
  /** How long each of three nodes works on one of the four requests that it has in work; default 50. */
  readonly workMs?: number
  readonly overloadMs: number
  /** How long it may take until nothing is refused any more. */
  readonly recoveredWithinMs: number
}

export interface OverloadReport {
  /** Requests a second, just before. */
  readonly peak: number
  /** What the nodes can do, requests a second. */
  readonly capacity: number
  readonly sent: number
  readonly refused: number
  /** Answers within a second, of the peak, 0..1. */
  readonly goodput: number
  /** Of refusals, milliseconds. */
  readonly medianRefusalMs: number
  /** Of the pages of the admin listener meanwhile, milliseconds. */
  readonly longestPageMs: number
  readonly limits: readonly number[]
  readonly recoveredAfterMs: number
  /** How much more memory the gateway has at the end of the overload. */
  readonly grownBytes: number
}

const IDS = ['a', 'b', 'c'] as const
/** What they have in work together. */
const AT_ONCE = 4 * IDS.length
const FACTOR = 3
const PEAK_MS = 2_000
/** An answer after that comes to nobody. */
const USEFUL_MS = 1_000

/**
 * Measures how much a service can do, sends it three times as much, and then less again. Checks what must hold on any
 * machine: each request is answered or refused with `WG_OVERLOADED` and `Retry-After`, the admin listener answers, and
 * afterwards nothing is refused. What depends on the time a machine has for it is in the report.
 */
export async function overload(options: OverloadOptions): Promise<OverloadReport> {
  const { gateway, service, limit, workMs = 50, overloadMs, recoveredWithinMs } = options
  const capacity = (AT_ONCE * 1_000) / workMs
  await using stack = new AsyncDisposableStack()
  const registry = stack.use(openRegistry(gateway.etcd))
  const path = `/${service}/`
  await registry.putRoute(service, { path: `${path}*`, service, serviceLimit: limit })
  for (const id of IDS) {
    await registry.putNode(
      service,
      id,
      stack.use(await startLimitedService(id, { atOnce: AT_ONCE / IDS.length, workMs })),
    )
  }
  await gateway.untilNodes(service, IDS)
  const page = () => limitOf(gateway, service)
  await until('the limit is in force', page)

  const peak = await peakOf(gateway, path)
  const memory = await residentBytes(gateway)
  const answers: Answer[] = []
  const over = new AbortController()
  const watched = watch(page, over.signal)
  const { sent, errors } = await runLoad({
    port: gateway.port,
    path,
    // Also where the machine had too little time for the peak: what is sent is more than the nodes can do.
    perSecond: FACTOR * Math.max(peak, capacity),
    durationMs: overloadMs,
    onAnswer: answer => answers.push(answer),
  })
  over.abort()
  const grownBytes = (await residentBytes(gateway)) - memory
  const recoveredAfterMs = await recover(gateway, path, peak / 2, recoveredWithinMs)
  await until('nothing is under way', async () => {
    const { inFlight, queued } = await page()
    return inFlight === 0 && queued === 0
  })

  assert.deepEqual([...errors], [], 'every request has an answer')
  const refusals = answers.filter(({ status }) => status !== 200)
  for (const { status, headers, body } of refusals) {
    assert.deepEqual(
      [status, JSON.parse(body).code, headers['retry-after']],
      [503, 'WG_OVERLOADED', '1'],
      'whatever is no answer is a refusal',
    )
  }
  const useful = answers.filter(({ status, ms }) => status === 200 && ms <= USEFUL_MS)
  return {
    peak,
    capacity,
    sent,
    refused: refusals.length,
    goodput: useful.length / (overloadMs / 1_000) / peak,
    medianRefusalMs: median(refusals.map(({ ms }) => ms)),
    recoveredAfterMs,
    grownBytes,
    ...(await watched),
  }
}

/** The report in one line. */
export function describeOverload(report: OverloadReport): string {
  const { peak, capacity, sent, refused, goodput, medianRefusalMs, longestPageMs, limits } = report
  const { recoveredAfterMs, grownBytes } = report
  return [
    `peak ${Math.round(peak)}/s of at most ${capacity}`,
    `${sent} sent, ${refused} refused, half of them within ${medianRefusalMs.toFixed(1)} ms`,
    `goodput ${Math.round(100 * goodput)}% of the peak`,
    `limit ${Math.min(...limits)} to ${Math.max(...limits)}`,
    `admin page in ${Math.round(longestPageMs)} ms at most`,
    `normal after ${Math.round(recoveredAfterMs)} ms`,
    `${(grownBytes / 1_048_576).toFixed(1)} MiB more`,
  ].join('; ')
}

/** What so many clients get that the nodes are always busy, each asking again when it has its answer. */
async function peakOf(gateway: RunningGateway, path: string): Promise<number> {
  const clients = Math.ceil(1.5 * AT_ONCE)
  const until = performance.now() + PEAK_MS
  let answered = 0
  const ask = async () => {
    while (performance.now() < until) {
      const response = await fetch(`${gateway.url}${path}`)
      await response.arrayBuffer()
      if (response.status === 200) answered++
    }
  }
  await Promise.all(Array.from({ length: clients }, ask))
  return answered / (PEAK_MS / 1_000)
}

/** Looks at the admin listener until told to stop. */
async function watch(page: () => Promise<{ readonly limit: number }>, signal: AbortSignal) {
  const limits: number[] = []
  let longestPageMs = 0
  while (!signal.aborted) {
    const begunAt = performance.now()
    limits.push((await page()).limit)
    longestPageMs = Math.max(longestPageMs, performance.now() - begunAt)
    await delay(100)
  }
  return { limits, longestPageMs }
}

/** How long it takes until a second passes in which nothing is refused. */
async function recover(
  gateway: RunningGateway,
  path: string,
  perSecond: number,
  withinMs: number,
): Promise<number> {
  const begunAt = performance.now()
  for (;;) {
    const secondAt = performance.now()
    const { statuses } = await runLoad({ port: gateway.port, path, perSecond, durationMs: 1_000 })
    if ([...statuses.keys()].join() === '200') return secondAt - begunAt
    assert.ok(performance.now() - begunAt <= withinMs, 'requests are still refused after the overload')
  }
}

async function limitOf(gateway: RunningGateway, service: string) {
  const { services } = await gateway.routes()
  return services.find(({ name }) => name === service)!.limit!
}

async function residentBytes(gateway: RunningGateway): Promise<number> {
  const text = await (await fetch(`${gateway.admin}/metrics`)).text()
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(text)![1])
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
