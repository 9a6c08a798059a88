import { UpstreamFailure } from '../../internal/upstream-failure.ts'

/** What has a deadline: a call, or one try of it. */
export interface Expiring {
  /** Milliseconds on the monotonic clock. */
  readonly startedAt: number
  end(reason: UpstreamFailure): void
}

/** How late a call may be ended. */
const TICK_MS = 50

/**
 * Ends calls whose answer does not come in time, up to 50 ms late. Calls with one timeout expire in the order
 * they came, so each timeout has a queue of its own, and a look at its head is all a tick costs. A timer per
 * request would cost ten times as much as joining a queue and leaving it. Only a call that had to wait before it is
 * sent, for a password to be checked, say, joins before some that came after it.
 */
export class Deadlines {
  readonly #queues = new Map<number, Deadline>()
  readonly #now: () => number
  #timer: NodeJS.Timeout | undefined

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Ends `call` with a timeout `timeoutMs` after it started, unless the deadline is cleared before. */
  start(call: Expiring, timeoutMs: number): Deadline {
    let head = this.#queues.get(timeoutMs)
    if (!head) {
      head = new Deadline(undefined, timeoutMs, Number.POSITIVE_INFINITY)
      this.#queues.set(timeoutMs, head)
    }
    const deadline = new Deadline(call, timeoutMs, call.startedAt + timeoutMs)
    deadline.join(head)
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref()
    return deadline
  }

  /** Puts a deadline off: its time begins anew. */
  refresh(deadline: Deadline): void {
    const head = this.#queues.get(deadline.timeoutMs)
    if (!head || deadline.next === deadline) return
    deadline.clear()
    deadline.expiresAt = this.#now() + deadline.timeoutMs
    deadline.insertBefore(head)
  }

  #tick(): void {
    for (const [timeoutMs, head] of this.#queues) {
      this.#endExpired(head)
      if (head.next === head) this.#queues.delete(timeoutMs)
    }
    if (this.#queues.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /**
   * One in a turn: what an end leads to is known before the next. Where a node hangs, the first few have its breaker
   * open, and the others go to another node.
   */
  #endExpired(head: Deadline): void {
    const { next } = head
    if (next.expiresAt > this.#now()) return
    next.clear()
    next.call?.end(new UpstreamFailure('timeout'))
    if (head.next !== head) setImmediate(() => this.#endExpired(head))
  }
}

/** A link of a circular list whose head never expires; alone in its own circle when it is in no queue. */
export class Deadline {
  readonly call: Expiring | undefined
  readonly timeoutMs: number
  expiresAt: number
  next: Deadline = this
  #previous: Deadline = this

  constructor(call: Expiring | undefined, timeoutMs: number, expiresAt: number) {
    this.call = call
    this.timeoutMs = timeoutMs
    this.expiresAt = expiresAt
  }

  /** Leaves the queue; the call will not be ended. */
  clear(): void {
    this.#previous.next = this.next
    this.next.#previous = this.#previous
    this.next = this
    this.#previous = this
  }

  /** Joins the queue of `head` behind all that do not expire later. */
  join(head: Deadline): void {
    let link = head
    while (link.#previous !== head && link.#previous.expiresAt > this.expiresAt) link = link.#previous
    this.insertBefore(link)
  }

  insertBefore(link: Deadline): void {
    this.next = link
    this.#previous = link.#previous
    link.#previous.next = this
    link.#previous = this
  }
}
