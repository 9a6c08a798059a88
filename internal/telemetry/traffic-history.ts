import { SAMPLES, type SampleFigures, TrafficSeries } from './traffic-series.ts'

/** How many routes and services are followed at once. */
const MAX_SERIES = 2_000

/** {@link SampleFigures} of some seconds that ended at `t`, milliseconds since 1970. */
export interface TimedFigures {
  readonly t: number
  readonly figures: SampleFigures
}

/**
 * What became of the requests of the last ten minutes, by route, by service and in all. Its owner calls `sample` every 5 s.
 * Routes and services beyond 2,000 are not followed, until some that had no requests for ten minutes are dropped.
 */
export class TrafficHistory {
  readonly total = new TrafficSeries()
  readonly #routes = new Map<string, TrafficSeries>()
  readonly #services = new Map<string, TrafficSeries>()
  readonly #sampledAt = new Float64Array(SAMPLES)
  #slot = 0

  get routes(): ReadonlyMap<string, TrafficSeries> {
    return this.#routes
  }

  get services(): ReadonlyMap<string, TrafficSeries> {
    return this.#services
  }

  /**
   * Counts a request that has ended.
   *
   * @param route its id; undefined = it had none
   * @param service '' or undefined = it had none
   * @param ms undefined for a connection that became a tunnel
   * @param retries tries beyond the first
   * @returns whether it took far longer than requests of its route do
   */
  record(
    route: string | undefined,
    service: string | undefined,
    status: number,
    ms: number | undefined,
    retries = 0,
  ): boolean {
    this.total.record(status, ms, retries)
    if (service) this.#seriesOf(this.#services, service)?.record(status, ms, retries)
    if (route === undefined) return false
    const series = this.#seriesOf(this.#routes, route)
    if (series === undefined) return false
    series.record(status, ms, retries)
    return ms !== undefined && ms > series.slowMs
  }

  /** @param t the time that the samples get */
  sample(t: number): void {
    this.#sampledAt[this.#slot] = t
    this.total.sample(this.#slot)
    for (const byName of [this.#routes, this.#services]) {
      for (const [name, series] of byName) {
        series.sample(this.#slot)
        if (series.idleSamples >= SAMPLES) byName.delete(name)
      }
    }
    this.#slot = (this.#slot + 1) % SAMPLES
  }

  /** Returns the samples of a series that had requests, the oldest first. */
  samplesOf(series: TrafficSeries | undefined): TimedFigures[] {
    if (series === undefined) return []
    const samples: TimedFigures[] = []
    for (let i = 0; i < SAMPLES; i++) {
      const slot = (this.#slot + i) % SAMPLES
      const figures = series.figuresOf(slot)
      if (figures !== undefined) samples.push({ t: this.#sampledAt[slot]!, figures })
    }
    return samples
  }

  #seriesOf(byName: Map<string, TrafficSeries>, name: string): TrafficSeries | undefined {
    const known = byName.get(name)
    if (known || this.#routes.size + this.#services.size >= MAX_SERIES) return known
    const series = new TrafficSeries()
    byName.set(name, series)
    return series
  }
}
