/** A service on a simulated clock: each worker is busy for some time with one request, and other requests wait. */
export interface SimulatedService {
  workers: number
  /** Returns how long the next request takes, milliseconds. */
  readonly serviceMs: () => number
}

/** The concurrency limit in front of the service. */
export interface SimulatedLimit {
  readonly limit: number
  began(underWay: number, now: number): void
  answered(begunAt: number, now: number): void
}

export interface SimulatedSecond {
  readonly arrived: number
  readonly answered: number
  /** The limit at the end of the second. */
  readonly limit: number
  /** Mean time of the answers, milliseconds; NaN without answers. */
  readonly meanMs: number
}

/** Simulates requests that arrive, pass the limit or are refused, and are answered. Time is only a number. */
export class Simulation {
  readonly service: SimulatedService
  readonly #limit: SimulatedLimit
  readonly #random: () => number
  /** Future answers with the start times of their requests, ordered by time. */
  readonly #due: { readonly at: number; readonly begunAt: number }[] = []
  readonly #waiting: number[] = []
  #busy = 0
  #now = 0
  #nextArrival = 0
  #answered = 0
  #totalMs = 0

  constructor(service: SimulatedService, limit: SimulatedLimit, random: () => number) {
    this.service = service
    this.#limit = limit
    this.#random = random
  }

  /** Simulates one second with requests at random times. @param perSecond on average */
  second(perSecond: number): SimulatedSecond {
    const end = this.#now + 1_000
    let arrived = 0
    this.#answered = 0
    this.#totalMs = 0
    for (;;) {
      const due = this.#due[0]
      if (due !== undefined && due.at <= this.#nextArrival && due.at < end) {
        this.#due.shift()
        this.#now = due.at
        this.#finish(due.begunAt)
      } else if (this.#nextArrival < end) {
        this.#now = this.#nextArrival
        this.#nextArrival += (-Math.log(1 - this.#random()) * 1_000) / perSecond
        arrived++
        this.#arrive()
      } else break
    }
    this.#now = end
    return {
      arrived,
      answered: this.#answered,
      limit: this.#limit.limit,
      meanMs: this.#totalMs / this.#answered,
    }
  }

  get #underWay(): number {
    return this.#busy + this.#waiting.length
  }

  #arrive(): void {
    if (this.#underWay >= this.#limit.limit) return
    this.#waiting.push(this.#now)
    this.#limit.began(this.#underWay, this.#now)
    this.#work()
  }

  #work(): void {
    while (this.#busy < this.service.workers && this.#waiting.length > 0) {
      this.#busy++
      const answer = { at: this.#now + this.service.serviceMs(), begunAt: this.#waiting.shift()! }
      const index = this.#due.findLastIndex(({ at }) => at <= answer.at)
      this.#due.splice(index + 1, 0, answer)
    }
  }

  #finish(begunAt: number): void {
    this.#busy--
    this.#answered++
    this.#totalMs += this.#now - begunAt
    this.#limit.answered(begunAt, this.#now)
    this.#work()
  }
}
