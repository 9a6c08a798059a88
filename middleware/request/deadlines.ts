import { UpstreamFailure } from '../../internal/upstream-failure.ts'

/** Something that can have a deadline: a call, or one try of it. */
export interface Expiring {
  /** Milliseconds on the monotonic clock. */
  readonly startedAt: number
  end(reason: UpstreamFailure): void
}

/** The time between two checks, and so the longest delay with which a call is ended. */
const TICK_MS = 50

/**
 * Ends calls whose answer does not arrive in time, with a delay of up to 50 ms. Calls with the same timeout expire in the
 * order in which they arrived, so each timeout has a queue, and a tick only looks at the heads of the queues. Joining and
 * leaving a queue costs a tenth of a timer per request. Only a call that had to wait before it was sent, such as for a
 * password check, is inserted before calls that arrived later.
 */
export class Deadlines {
  readonly #queues = new Map<number, Deadline>()
  readonly #now: () => number
  #timer: NodeJS.Timeout | undefined

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Ends `call` with a timeout, `timeoutMs` after the call started. Clear the returned deadline to prevent that. */
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

  /** Restarts the time of a deadline, unless it was cleared. */
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
   * Ends one expired call per turn of the event loop, so that its consequences take effect before the next one. When a
   * node hangs, the first timeouts open its breaker, and the other calls move to another node.
   */
  #endExpired(head: Deadline): void {
    const { next } = head
    if (next.expiresAt > this.#now()) return
    next.clear()
    next.call?.end(new UpstreamFailure('timeout'))
    if (head.next !== head) setImmediate(() => this.#endExpired(head))
  }
}

/** A link of a circular list whose head never expires. A deadline that is in no queue is linked to itself. */
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

  /** Removes the deadline from its queue, so that the call is not ended. */
  clear(): void {
    this.#previous.next = this.next
    this.next.#previous = this.#previous
    this.next = this
    this.#previous = this
  }

  /** Inserts the deadline into the queue of `head`, after all deadlines that expire no later. */
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
