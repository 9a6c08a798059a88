import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { startLimitedService } from './limited-service.ts'
import { type Answer, runLoad } from './load.ts'
import { openRegistry } from './registry.ts'
import type { ServingGateway } from './serving-gateway.ts'
import { until } from './until.ts'

export interface OverloadOptions {
  readonly gateway: ServingGateway
  /** Name of the service; its route document sets only `serviceLimit`. */
  readonly service: string
  /** In the form of a route document. */
  readonly limit: object
  /** How long each of three nodes takes for a request, with four at a time. Default 50. */
  readonly workMs?: number
  readonly overloadMs: number
  /** The time within which refusals must end. */
  readonly recoveredWithinMs: number
}

export interface OverloadReport {
  /** Requests per second, measured just before. */
  readonly peak: number
  /** Capacity of the nodes, requests per second. */
  readonly capacity: number
  readonly sent: number
  readonly refused: number
  /** Answers within a second, as a share of the peak, 0..1. */
  readonly goodput: number
  /** Median time of refusals, milliseconds. */
  readonly medianRefusalMs: number
  /** Longest time of an admin page during the overload, milliseconds. */
  readonly longestPageMs: number
  readonly limits: readonly number[]
  readonly recoveredAfterMs: number
  /** Growth of the gateway's memory by the end of the overload. */
  readonly grownBytes: number
}

const IDS = ['a', 'b', 'c'] as const
/** Requests that all nodes together process at a time. */
const AT_ONCE = 4 * IDS.length
const FACTOR = 3
const PEAK_MS = 2_000
/** After this time, no client waits for the answer. */
const USEFUL_MS = 1_000

/**
 * Measures the capacity of a service, sends it three times as much, and then less again. Checks what must hold on any
 * machine: each request is answered or refused with `WG_OVERLOADED` and `Retry-After`, the admin listener answers, and
 * afterwards nothing is refused. Results that depend on the speed of the machine are in the report.
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
    // Uses the capacity as a minimum, so that the nodes are overloaded even if a slow machine measured a low peak.
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

/** Formats the report as one line. */
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

/** Measures the throughput with enough clients to keep the nodes busy, each sending again when it has its answer. */
async function peakOf(gateway: ServingGateway, path: string): Promise<number> {
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

/** Requests admin pages until `signal` aborts. */
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

/** Measures the time until a second passes without refusals. */
async function recover(
  gateway: ServingGateway,
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

async function limitOf(gateway: ServingGateway, service: string) {
  const { services } = await gateway.routes()
  return services.find(({ name }) => name === service)!.limit!
}

async function residentBytes(gateway: ServingGateway): Promise<number> {
  const text = await (await fetch(`${gateway.admin}/metrics`)).text()
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(text)![1])
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
