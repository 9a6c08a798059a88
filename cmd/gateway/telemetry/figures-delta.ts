import type { Health } from '../../../internal/nodes/health.ts'
import type { NodeTable } from '../../../internal/nodes/node-table.ts'
import { type BreakerState, type Peer, type PeerState, stateOf } from '../../../internal/nodes/peer.ts'
import { type BucketPairs, TimesMark } from '../../../internal/telemetry/live-times.ts'
import type { TrafficHistory } from '../../../internal/telemetry/traffic-history.ts'
import type { TrafficSeries } from '../../../internal/telemetry/traffic-series.ts'
import { Turns } from '../../../routes/admin/turns.ts'
import type { BudgetsView } from '../../../routes/admin/views.ts'

/** Requests, those with status 4xx, with 5xx, their times, and their tries beyond the first ones. */
export type SeriesDelta = readonly [n: number, c4: number, c5: number, times: BucketPairs, retries: number]

/** The state of a node, and its tries with the times of those that got an answer. */
export type NodeDelta = readonly [
  inFlight: number,
  n: number,
  failures: number,
  breaker: BreakerState,
  health: Health,
  state: PeerState,
  times: BucketPairs,
]

/** What one process has seen since the delta before, as it can be added to that of others. */
export interface FiguresDelta {
  readonly total: SeriesDelta
  /** Requests and WebSockets that have not ended. */
  readonly inFlight: number
  /** Retries begun. */
  readonly retries: number
  /** Those that had requests, by id. */
  readonly routes: Readonly<Record<string, SeriesDelta>>
  readonly services: Readonly<Record<string, SeriesDelta>>
  /** By `service/id`, those that were at work, or whose row is another than before. */
  readonly nodes: Readonly<Record<string, NodeDelta>>
}

export interface FiguresMeterOptions {
  readonly history: TrafficHistory
  readonly nodes: NodeTable
  readonly budgets: BudgetsView
  readonly inFlight: () => number
}

/** Measures what happens from one call of `take` to the next. It holds the counts of the last call, so it exists while somebody watches. */
export class FiguresMeter {
  readonly #options: FiguresMeterOptions
  readonly #series = new WeakMap<TrafficSeries, SeriesMark>()
  readonly #peers = new WeakMap<Peer, PeerMark>()
  /** The names of nodes whose last row says that they are at work or not well. */
  readonly #eventful = new Map<Peer, string>()
  /** Counts the calls of `take`. */
  #turn = 0
  #retries = 0

  constructor(options: FiguresMeterOptions) {
    this.#options = options
  }

  /** Returns what has happened since the call before, or, at the first call, since the start of the process. */
  async take(): Promise<FiguresDelta> {
    const { history, nodes, budgets, inFlight } = this.#options
    const turns = new Turns()
    const turn = ++this.#turn
    const retriesBefore = this.#retries
    this.#retries = 0
    for (const [, budget] of budgets) this.#retries += budget.retries
    const rows: Record<string, NodeDelta> = {}
    const total = this.#seriesDelta(history.total) ?? NOTHING
    const routes = this.#seriesDeltas(history.routes)
    const services = this.#seriesDeltas(history.services)
    for (const { name, peers } of [...nodes.services()]) {
      for (const peer of peers) {
        const row = this.#peerDelta(peer, turn)
        if (row) {
          const key = `${name}/${peer.node.id}`
          rows[key] = row
          if (isUneventful(row)) this.#eventful.delete(peer)
          else this.#eventful.set(peer, key)
        }
        if (turns.isOver) await turns.next()
      }
    }
    for (const [peer, key] of this.#eventful) {
      if (this.#peers.get(peer)!.turn === turn) continue
      // It has left the table, and nothing would ever say that it is no longer so. Another one may have its name by now.
      this.#eventful.delete(peer)
      rows[key] ??= GONE
    }
    const retries = Math.max(0, this.#retries - retriesBefore)
    return { total, inFlight: inFlight(), retries, routes, services, nodes: rows }
  }

  #seriesDeltas(all: ReadonlyMap<string, TrafficSeries>): Record<string, SeriesDelta> {
    const rows: Record<string, SeriesDelta> = {}
    for (const [name, series] of all) {
      const row = this.#seriesDelta(series)
      if (row) rows[name] = row
    }
    return rows
  }

  #seriesDelta(series: TrafficSeries): SeriesDelta | undefined {
    const { n, c4, c5, times, retries } = series
    let mark = this.#series.get(series)
    if (mark?.n === n) return undefined
    if (!mark) {
      mark = { n: 0, c4: 0, c5: 0, retries: 0, times: new TimesMark() }
      this.#series.set(series, mark)
    }
    const taken = mark.times.take(times)
    const row: SeriesDelta = [n - mark.n, c4 - mark.c4, c5 - mark.c5, taken, retries - mark.retries]
    Object.assign(mark, { n, c4, c5, retries })
    return row
  }

  #peerDelta(peer: Peer, turn: number): NodeDelta | undefined {
    const { inFlight, requests, failures, breaker, health, times } = peer
    const state = stateOf(peer)
    const mark = this.#peers.get(peer)
    if (mark) mark.turn = turn
    if (
      mark &&
      !mark.isAtWork &&
      inFlight === 0 &&
      mark.requests === requests &&
      mark.breaker === breaker &&
      mark.health === health &&
      mark.state === state
    )
      return undefined
    const before = mark ?? { requests: 0, failures: 0, times: undefined }
    const marked = times && (before.times ?? new TimesMark())
    // The count goes back when a breaker refuses a try.
    const n = Math.max(0, requests - before.requests)
    const taken = times && marked ? marked.take(times) : []
    const row: NodeDelta = [inFlight, n, failures - before.failures, breaker, health, state, taken]
    const isAtWork = inFlight > 0 || n > 0
    this.#peers.set(peer, { turn, requests, failures, breaker, health, state, times: marked, isAtWork })
    return row
  }
}

const NOTHING: SeriesDelta = [0, 0, 0, [], 0]

interface SeriesMark {
  n: number
  c4: number
  c5: number
  retries: number
  readonly times: TimesMark
}

/** The last row of a node that has left the table: it does nothing, and nobody has to look after it. */
const GONE: NodeDelta = [0, 0, 0, 'closed', 'unchecked', 'up', []]

function isUneventful([inFlight, n, , breaker, health, state]: NodeDelta): boolean {
  return inFlight === 0 && n === 0 && breaker === 'closed' && health !== 'unhealthy' && state === 'up'
}

interface PeerMark {
  /** The last call of `take` that met it in the table. */
  turn: number
  readonly requests: number
  readonly failures: number
  readonly breaker: BreakerState
  readonly health: Health
  readonly state: PeerState
  readonly times: TimesMark | undefined
  /** Whether it had requests in flight, or got some, so that its next row shows whether it still has. */
  readonly isAtWork: boolean
}
