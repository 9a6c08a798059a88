import { EventParser, SILENCE_MS, type StreamEvent } from '../internal/telemetry/event-parser.ts'
import { type Api, ApiError } from './api.ts'

/** Whether the page sees what happens now, and if not, why. */
export type StreamState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  /** The tab is hidden. */
  | { readonly kind: 'paused' }
  | {
      readonly kind: 'disconnected'
      readonly reason: string
      readonly since: number
      readonly retryAt: number
    }

const FIRST_DELAY_MS = 250
const LONGEST_DELAY_MS = 10_000

/**
 * Keeps the stream of events open while the tab is visible: browsers open six connections to an origin, and a seventh tab would
 * wait for ever. After an error it tries again, at growing intervals. EventSource does neither, and cannot send a token.
 */
export class LiveStream {
  readonly #api: Api
  readonly #onEvent: (event: StreamEvent) => void
  readonly #onState: (state: StreamState) => void
  #path: string | undefined
  #abort: AbortController | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #failures = 0
  #since = 0

  constructor(api: Api, onEvent: (event: StreamEvent) => void, onState: (state: StreamState) => void) {
    this.#api = api
    this.#onEvent = onEvent
    this.#onState = onState
    document.addEventListener('visibilitychange', () => this.reopen())
  }

  /** Opens the stream at another path; undefined = no stream is wanted. */
  follow(path: string | undefined): void {
    if (path === this.#path) return
    this.#path = path
    this.reopen()
  }

  /** Ends the stream and opens it at once if one is wanted and the tab is visible. */
  reopen(): void {
    this.#abort?.abort()
    clearTimeout(this.#timer)
    this.#failures = 0
    if (this.#path === undefined) return
    if (document.hidden) this.#onState({ kind: 'paused' })
    else void this.#open(this.#path)
  }

  async #open(path: string): Promise<void> {
    const abort = new AbortController()
    this.#abort = abort
    if (this.#failures === 0) this.#onState({ kind: 'connecting' })
    let reason = 'the gateway ended the stream'
    let watch: ReturnType<typeof setTimeout> | undefined
    const listen = () => {
      clearTimeout(watch)
      watch = setTimeout(() => abort.abort(new SilentStream()), SILENCE_MS)
    }
    try {
      listen()
      const headers = { accept: 'text/event-stream' }
      const response = await this.#api.open(path, { headers, signal: abort.signal })
      await this.#read(response.body!, listen, bye => {
        reason = bye
      })
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return
      reason = error instanceof TypeError ? 'the gateway cannot be reached' : (error as Error).message
    } finally {
      clearTimeout(watch)
    }
    // Whoever aborted a stream without a reason has opened another one, or wants none.
    if (abort.signal.aborted && !(abort.signal.reason instanceof SilentStream)) return
    if (abort.signal.aborted) reason = 'nothing was received for 20 s'
    // A stream that could not be read is still open.
    else abort.abort()
    this.#retry(path, reason)
  }

  async #read(
    body: ReadableStream<Uint8Array>,
    onBytes: () => void,
    onBye: (reason: string) => void,
  ): Promise<void> {
    const parser = new EventParser()
    const decoder = new TextDecoder()
    for (const reader = body.getReader(); ; ) {
      onBytes()
      const { done, value } = await reader.read()
      if (done) return
      const events = parser.read(decoder.decode(value, { stream: true }))
      if (events.length > 0) this.#onLive()
      for (const event of events) {
        if (event.type === 'bye') onBye(byeReason(event.data))
        else this.#onEvent(event)
      }
    }
  }

  #onLive(): void {
    this.#failures = 0
    this.#onState({ kind: 'live' })
  }

  #retry(path: string, reason: string): void {
    if (this.#failures === 0) this.#since = Date.now()
    // Up to a fifth less, so that the pages of a gateway that restarts do not all come back at one moment.
    const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#failures) * (1 - Math.random() / 5)
    this.#failures++
    this.#onState({ kind: 'disconnected', reason, since: this.#since, retryAt: Date.now() + delay })
    this.#timer = setTimeout(() => void this.#open(path), delay)
  }
}

class SilentStream extends Error {}

function byeReason(data: string): string {
  try {
    const { reason } = JSON.parse(data) as { readonly reason?: string }
    return reason ?? 'the gateway ended the stream'
  } catch {
    return 'the gateway ended the stream'
  }
}
