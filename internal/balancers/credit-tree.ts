/** Beyond this turn, credits would approach the limit of exact doubles, so the turn is reset to 0. */
const MAX_TURN = 1e9

/**
 * Finds the largest of many credits, each of which grows at its own pace, without touching all of them. In each turn an
 * entry's credit grows by its weight. So the credit is a line `weight * turn + base`, and the largest changes only
 * where two lines cross.
 *
 * It is a tournament over the entries, in which each match also notes the last turn at which its result holds. A new
 * turn replays only the matches whose results no longer hold. A changed entry replays only the matches on its way to
 * the top. So a turn costs a multiple of log n, where a look at every entry would cost n. Of equals, the first entry
 * wins.
 *
 * Source: the kinetic tournament of Basch, Guibas and Hershberger, "Data structures for mobile data" (1999).
 */
export class CreditTree {
  readonly #weights: Float64Array
  /** The credit at turn 0; -Infinity while an entry takes no part. */
  readonly #bases: Float64Array
  readonly #size: number
  /** The winner of each match. Match 1 is the final; match v is between the winners of 2v and 2v + 1. */
  readonly #winners: Int32Array
  /** The last turn at which neither this match nor any below it changes its result. */
  readonly #heldUntil: Float64Array
  #turn = 0

  /** At first, no entry takes part. */
  constructor(weights: readonly number[]) {
    this.#size = 2 ** Math.ceil(Math.log2(Math.max(1, weights.length)))
    this.#weights = new Float64Array(this.#size)
    this.#weights.set(weights)
    this.#bases = new Float64Array(this.#size).fill(Number.NEGATIVE_INFINITY)
    this.#winners = new Int32Array(2 * this.#size)
    this.#heldUntil = new Float64Array(2 * this.#size).fill(Number.POSITIVE_INFINITY)
    for (let entry = 0; entry < this.#size; entry++) this.#winners[this.#size + entry] = entry
    this.#replayAll()
  }

  /** The entry with the largest credit; -1 when none takes part. */
  get best(): number {
    const winner = this.#winners[1]!
    return this.#bases[winner] === Number.NEGATIVE_INFINITY ? -1 : winner
  }

  /** Returns the credit of an entry; -Infinity when it takes no part. */
  credit(entry: number): number {
    return this.#weights[entry]! * this.#turn + this.#bases[entry]!
  }

  /** Lets an entry take part with this credit, or changes its credit. -Infinity takes it out. */
  set(entry: number, credit: number): void {
    this.#bases[entry] = credit - this.#weights[entry]! * this.#turn
    for (let match = (this.#size + entry) >> 1; match >= 1; match >>= 1) this.#play(match)
  }

  /** Begins a new turn: every entry that takes part gains its weight. */
  advance(): void {
    if (this.#turn >= MAX_TURN) this.#toTurnZero()
    this.#turn++
    this.#replay(1)
  }

  #replay(match: number): void {
    if (this.#heldUntil[match]! >= this.#turn) return
    this.#replay(2 * match)
    this.#replay(2 * match + 1)
    this.#play(match)
  }

  #play(match: number): void {
    const first = this.#winners[2 * match]!
    const second = this.#winners[2 * match + 1]!
    const ahead = this.credit(first) >= this.credit(second)
    this.#winners[match] = ahead ? first : second
    this.#heldUntil[match] = Math.min(
      this.#heldUntil[2 * match]!,
      this.#heldUntil[2 * match + 1]!,
      ahead ? this.#lastTurn(first, second, true) : this.#lastTurn(second, first, false),
    )
  }

  /** Returns the last turn at which `winner` is ahead of `loser`, or level with it when that is enough. */
  #lastTurn(winner: number, loser: number, levelIsEnough: boolean): number {
    const gain = this.#weights[loser]! - this.#weights[winner]!
    const lead = this.#bases[winner]! - this.#bases[loser]!
    // The lead is infinite when the loser takes no part, and NaN when neither does.
    if (gain <= 0 || !Number.isFinite(lead)) return Number.POSITIVE_INFINITY
    return levelIsEnough ? Math.floor(lead / gain) : Math.ceil(lead / gain) - 1
  }

  #toTurnZero(): void {
    for (let entry = 0; entry < this.#size; entry++) this.#bases[entry] = this.credit(entry)
    this.#turn = 0
    this.#replayAll()
  }

  #replayAll(): void {
    for (let match = this.#size - 1; match >= 1; match--) this.#play(match)
  }
}
