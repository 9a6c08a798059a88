import { millis, percent, rate } from '../../internal/telemetry/format.ts'
import type { Figures, LiveFigures, Sample, ServiceSummary } from '../../routes/admin/api-types.ts'
import type { Column } from '../cli/output.ts'

/** The requests of a service within some time. */
export interface TopRow {
  readonly service: string
  readonly nodes: number
  /** How many of the nodes are used. */
  readonly usable: number
  /** How many requests ended, and how many of them with 4xx and 5xx; null = not known. */
  readonly requests: number | null
  readonly c4: number | null
  readonly c5: number | null
  /** Milliseconds: the highest of the samples; null without requests. */
  readonly p50: number | null
  readonly p99: number | null
  /** Tries that its nodes are busy with; null = not known. */
  readonly inFlight: number | null
}

const NONE: Figures = [0, 0, 0, null, null]
const UNKNOWN = [null, null, null, null, null] as const

/** Adds samples up. Quantiles cannot be added, so the worst ones are kept. */
export function sumOf(samples: readonly Sample[]): Figures {
  return samples.reduce<Figures>(
    ([n, c4, c5, p50, p99], { figures }) => [
      n + figures[0],
      c4 + figures[1],
      c5 + figures[2],
      highest(p50, figures[3]),
      highest(p99, figures[4]),
    ],
    NONE,
  )
}

/** Returns what is said of a service; undefined when nothing is. A service may have the name of a member of all objects. */
export function figuresOf<Value>(services: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(services, name) ? services[name] : undefined
}

function highest(a: number | null, b: number | null): number | null {
  return a === null || (b !== null && b > a) ? b : a
}

/**
 * Makes the rows, those with the most failures first, then those with the most requests.
 *
 * @param samplesOf returns undefined for a service of which nothing is known
 */
export function topRows(
  services: readonly Pick<ServiceSummary, 'name' | 'nodes' | 'usable'>[],
  samplesOf: (service: string) => readonly Sample[] | undefined,
  inFlightOf: (service: string) => number | null,
): TopRow[] {
  const rows = services.map(({ name, nodes, usable }): TopRow => {
    const samples = samplesOf(name)
    const [requests, c4, c5, p50, p99] = samples ? sumOf(samples) : UNKNOWN
    return { service: name, nodes, usable, requests, c4, c5, p50, p99, inFlight: inFlightOf(name) }
  })
  const order = (a: TopRow, b: TopRow) =>
    Number(b.c5) - Number(a.c5) || Number(b.requests) - Number(a.requests)
  return rows.sort((a, b) => order(a, b) || (a.service < b.service ? -1 : 1))
}

/**
 * @param seconds the time in which the requests ended
 * @param isLive whether it is known what is in flight
 */
export function topColumns(seconds: number, isLive: boolean): readonly Column<TopRow>[] {
  return [
    { title: 'SERVICE', cell: ({ service }) => service },
    { title: 'NODES', cell: ({ nodes, usable }) => (nodes === 0 ? 'none' : `${usable}/${nodes} usable`) },
    { title: 'REQ/S', cell: ({ requests }) => (requests === null ? undefined : rate(requests / seconds)) },
    { title: '4XX', cell: ({ c4, requests }) => shareOf(c4, requests) },
    { title: '5XX', cell: ({ c5, requests }) => shareOf(c5, requests) },
    { title: 'P50', cell: ({ p50 }) => timeText(p50) },
    { title: 'P99', cell: ({ p99 }) => timeText(p99) },
    ...(isLive ? [{ title: 'IN FLIGHT', cell: ({ inFlight }: TopRow) => inFlight }] : []),
  ]
}

/** Says in one line what the whole gateway does. */
export function describeTotal([n, c4, c5, p50, p99]: Figures, seconds: number): string {
  return [
    `${rate(n / seconds)} requests/s`,
    `4xx ${shareOf(c4, n) ?? '-'}`,
    `5xx ${shareOf(c5, n) ?? '-'}`,
    `p50 ${timeText(p50) ?? '-'}`,
    `p99 ${timeText(p99) ?? '-'}`,
  ].join('   ')
}

function shareOf(part: number | null, whole: number | null): string | undefined {
  return part === null || !whole ? undefined : percent(part / whole)
}

function timeText(ms: number | null): string | undefined {
  return ms === null ? undefined : millis(ms)
}

/** What a live stream has told of the last seconds. */
export class LiveWindow {
  readonly #ticks: LiveFigures[] = []
  readonly #inFlight = new Map<string, number>()
  readonly #size: number

  /** @param size how many ticks are kept, one a second */
  constructor(size: number) {
    this.#size = size
  }

  /** How many seconds it spans. */
  get seconds(): number {
    return this.#ticks.length
  }

  /** Takes a tick, in which a row that is left out is as it was, unless the tick says something else. */
  add(tick: LiveFigures): void {
    const before = tick.omitted === undefined ? this.#ticks.at(-1)?.services : undefined
    if (tick.omitted === 'none') this.#inFlight.clear()
    const services = { ...before, ...tick.services }
    this.#ticks.push({ ...tick, services })
    if (this.#ticks.length > this.#size) this.#ticks.shift()
    for (const [node, [inFlight]] of Object.entries(tick.nodes)) this.#inFlight.set(node, inFlight)
  }

  /** Forgets everything, after a gap in the stream. */
  clear(): void {
    this.#ticks.length = 0
    this.#inFlight.clear()
  }

  total(): Figures {
    return sumOf(this.#ticks.map(({ t, total }) => ({ t, figures: total })))
  }

  /** Returns undefined when a tick has not told of the service: there are more rows than a gateway sends. */
  samplesOf(service: string): Sample[] | undefined {
    const isMissing = ({ omitted, services }: LiveFigures) =>
      omitted === 'unknown' && figuresOf(services, service) === undefined
    if (this.#ticks.some(isMissing)) return undefined
    return this.#ticks.flatMap(({ t, services }) => {
      const figures = figuresOf(services, service)
      return figures === undefined ? [] : [{ t, figures }]
    })
  }

  /** Returns null when the last tick has not told of all nodes. */
  inFlightOf(service: string): number | null {
    if (this.#ticks.at(-1)?.omitted === 'unknown') return null
    let sum = 0
    for (const [node, inFlight] of this.#inFlight) if (node.startsWith(`${service}/`)) sum += inFlight
    return sum
  }
}
