import { StoreUnavailable } from '../../internal/limits/counters.ts'
import { AnswerTimeout, AnswerTimer } from './answer-timer.ts'
import type { StoreConnection } from './connection.ts'

/** Failures in a row, of calls to one node of the store, after which it counts as away. */
const MAX_FAILURES = 3
/** The least time that opening a connection may take. The system sends what was lost again after a second. */
const MIN_OPEN_MS = 2_000
const OPEN_TICKS = 20

export interface StoreLinkOptions {
  /** Opens a connection to the store. Rejects when `signal` aborts. */
  readonly open: (signal: AbortSignal, onLost: (error: Error) => void) => Promise<StoreConnection>
  /**
   * Makes the call that tells whether the store does its work; it writes, since a store that is full, or a replica, only
   * reads.
   *
   * @param like a key of the node to ask; undefined = any
   */
  readonly probe: (connection: StoreConnection, like: string | undefined) => Promise<unknown>
  readonly timeoutMs: number
  readonly retryMs: number
  /** Called whenever a connection can be used. */
  readonly onUp: () => void
  /** Called when the store is away, and again when the reason changes; with undefined when it is back. */
  readonly onChange: (away: Error | undefined) => void
}

type State =
  /** Calls wait for `opened`. */
  | { readonly is: 'opening'; readonly opened: Promise<StoreConnection> }
  | { readonly is: 'up'; readonly connection: StoreConnection; readonly since: number }
  | { readonly is: 'away' }
  | { readonly is: 'closed' }

/**
 * Keeps a connection to the store, and knows whether the store is away. Calls to a store that is away fail at once.
 *
 * It is away after three failures in a row, and when a new connection cannot be opened. Then its connection is closed, and
 * every `retryMs` another one is opened and probed, which no request waits for. So it does not matter how the store went
 * away: a host that is gone, a process that hangs and one that refuses are left in the same way. A connection that is lost is
 * opened again at once, and calls wait for it as long as they wait for an answer, until three have waited in vain.
 */
export class StoreLink {
  readonly #options: StoreLinkOptions
  readonly #timer: AnswerTimer
  /** Calls in a row that have failed, by the node that was asked. */
  readonly #failures = new Map<string, number>()
  /** Calls that have waited in vain since an attempt to open began. */
  #waits = 0
  readonly #closing = new AbortController()
  #state: State
  #retry: NodeJS.Timeout | undefined
  /** The key whose call failed last: its node is the one to probe. */
  #failedKey: string | undefined
  /** The kind of the reason that was last reported; null = that the store is up; undefined = nothing yet. */
  #reported: string | null | undefined

  constructor(options: StoreLinkOptions) {
    this.#options = options
    this.#timer = new AnswerTimer(options.timeoutMs)
    this.#state = this.#opening()
  }

  get isUp(): boolean {
    return this.#state.is === 'up'
  }

  /** Whether calls fail without being made. */
  get isAway(): boolean {
    return this.#state.is === 'away' || this.#state.is === 'closed'
  }

  /**
   * Makes a call, about `keys` that are at one node of the store. Rejects with {@link StoreUnavailable} when the store is
   * away, answers with an error, or does not answer in time.
   */
  async run(keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const state = this.#state
    if (state.is === 'away' || state.is === 'closed') throw new StoreUnavailable('the limit store is away')
    if (state.is === 'opening') {
      const answer = state.opened.then(connection => connection.run(keys, args))
      return this.#timer.within(answer).catch(error => {
        this.#countWait(state, error)
        throw unavailable(error)
      })
    }
    const { connection } = state
    try {
      const answer = await this.#timer.within(connection.run(keys, args))
      if (this.#failures.size > 0) this.#failures.delete(connection.nodeOf(keys[0]!))
      return answer
    } catch (error) {
      this.#countFailure(connection, keys[0]!, error as Error)
      throw unavailable(error)
    }
  }

  /** Closes the connection. Calls fail from now on. */
  close(): void {
    clearTimeout(this.#retry)
    if (this.#state.is === 'up') this.#state.connection.close()
    this.#state = { is: 'closed' }
    this.#closing.abort(new Error('closed'))
  }

  /** Notes that a call has waited in vain for a connection. Requests do not wait as long as opening one may take. */
  #countWait(state: State, error: Error): void {
    if (this.#state !== state || !(error instanceof AnswerTimeout)) return
    this.#waits++
    if (this.#waits === MAX_FAILURES) this.#leave(error)
  }

  #countFailure(connection: StoreConnection, key: string, error: Error): void {
    // Of many calls that fail together, those after the third find the connection closed.
    if (this.#state.is !== 'up' || this.#state.connection !== connection) return
    const node = connection.nodeOf(key)
    const failures = (this.#failures.get(node) ?? 0) + 1
    this.#failures.set(node, failures)
    if (failures < MAX_FAILURES) return
    this.#failedKey = key
    this.#leave(error)
    this.#tryLater(this.#options.retryMs)
  }

  #leave(reason: Error): void {
    if (this.#state.is === 'up') this.#state.connection.close()
    this.#state = { is: 'away' }
    this.#failures.clear()
    this.#report(reason)
  }

  #opening(): State {
    this.#waits = 0
    const opened = this.#open()
    opened.catch(() => {})
    return { is: 'opening', opened }
  }

  /** Opens and probes a connection; on failure, tries again later. */
  async #open(): Promise<StoreConnection> {
    const { retryMs } = this.#options
    const began = performance.now()
    try {
      const connection = await this.#openProbed(Math.max(retryMs, MIN_OPEN_MS))
      if (this.#state.is === 'closed') {
        connection.close()
        throw new StoreUnavailable('the gateway stops')
      }
      this.#failedKey = undefined
      this.#state = { is: 'up', connection, since: performance.now() }
      this.#report(undefined)
      this.#options.onUp()
      return connection
    } catch (error) {
      if (this.#state.is !== 'closed') {
        this.#leave(error as Error)
        this.#tryLater(began + retryMs - performance.now())
      }
      throw unavailable(error)
    }
  }

  async #openProbed(withinMs: number): Promise<StoreConnection> {
    const { open, probe } = this.#options
    const timeout = new AbortController()
    let ticks = 0
    // A pause of this process is one tick, however long, so that it does not look like a failure of the store.
    const timer = setInterval(() => {
      ticks++
      if (ticks < OPEN_TICKS) return
      timeout.abort(new StoreUnavailable(`no connection to the limit store within ${withinMs} ms`))
    }, withinMs / OPEN_TICKS)
    const signal = AbortSignal.any([timeout.signal, this.#closing.signal])
    let connection: StoreConnection | undefined
    try {
      connection = await open(signal, error => this.#lost(connection, error))
      const failed = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      })
      failed.catch(() => {})
      // The first call may have to load the script. The second one must be as fast as that of a request.
      await Promise.race([probe(connection, this.#failedKey), failed])
      await this.#timer.within(probe(connection, this.#failedKey))
      return connection
    } catch (error) {
      connection?.close()
      throw error
    } finally {
      clearInterval(timer)
    }
  }

  #lost(connection: StoreConnection | undefined, error: Error): void {
    if (this.#state.is !== 'up' || this.#state.connection !== connection) return
    if (performance.now() - this.#state.since >= this.#options.retryMs) {
      this.#failures.clear()
      this.#state = this.#opening()
    } else {
      // A store that accepts connections only to end them is tried like one that is away.
      this.#leave(error)
      this.#tryLater(this.#options.retryMs)
    }
  }

  #tryLater(afterMs: number): void {
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => void this.#open().catch(() => {}), Math.max(0, afterMs)).unref()
  }

  #report(away: Error | undefined): void {
    const reason = away ? kindOf(away) : null
    if (reason === this.#reported) return
    this.#reported = reason
    this.#options.onChange(away)
  }
}

/** Returns what is the same of all errors of one kind: a code of the system, or the first word of what the store says. */
function kindOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException
  // Which of the two a store that has ended answers with is a matter of moments.
  if (code === 'ECONNRESET') return 'ECONNREFUSED'
  if (code !== undefined) return code
  return error instanceof StoreUnavailable ? error.name : error.message.split(' ', 1)[0]!
}

function unavailable(error: unknown): StoreUnavailable {
  if (error instanceof StoreUnavailable) return error
  return new StoreUnavailable('the limit store has failed', { cause: error })
}
