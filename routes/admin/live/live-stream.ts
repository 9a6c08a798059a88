import type { FastifyReply } from 'fastify'
import type { Filter } from '../../../internal/telemetry/filter.ts'
import { maskedFilter, maskRequest } from '../api/masked.ts'
import type { RequestEntry } from '../api-types.ts'
import { RequestSampler } from './request-sampler.ts'

/** Beyond so many unsent bytes a viewer is too slow. */
const MAX_UNSENT_BYTES = 1024 * 1024
/** A viewer that has read nothing for so long has gone without a word. */
const MAX_BEHIND_MS = 60_000
const BATCH_MS = 100

/** What a viewer wants to see. */
export interface Viewer {
  /** The name of the token with which it asked. */
  readonly owner: string
  /** Whether it gets `figures`. */
  readonly figures: boolean
  /** Which requests it gets, as text and as a function; undefined = none. */
  readonly tail: { readonly text: string; readonly fits: Filter } | undefined
  /** Which rows of `figures` it gets when there are too many for everyone; undefined = those with the most requests. */
  readonly rows: Filter | undefined
  readonly isMasked: boolean
  /** Returns whether it may still see what it sees. */
  readonly mayGoOn: () => boolean
}

/** What has changed in the table. */
export interface ChangedNames {
  readonly routes: Set<string>
  readonly services: Set<string>
}

/** What a viewer must learn after the table that is being written. Events are JSON. */
export interface Missed extends ChangedNames {
  /** The events `change`, each of which counts. */
  readonly changes: string[]
  /** How long the changes were together, in characters. */
  changesLength: number
  /** The latest of each other event, such as `source`. */
  readonly latest: Map<string, string>
}

/** The event stream of one viewer. Ends by itself when the viewer goes. */
export class LiveStream {
  readonly viewer: Viewer
  /** What changed while the table was being written. */
  missed: Missed | undefined
  /** Whether the viewer was too slow for something that it must know, so that it gets the whole table again. */
  needsTable = false
  /** Whether the viewer does not know the figures of the last second, so that it gets all rows of the next one. */
  needsFigures = true
  readonly #raw: FastifyReply['raw']
  readonly #fits: Filter | undefined
  /** Requests that came here, and those of them that fit. */
  #offered = 0
  #fitting = 0
  readonly #sampler = new RequestSampler(performance.now())
  #batch: NodeJS.Timeout | undefined
  /** Since when the viewer is too slow; undefined = it has read everything, or nearly. */
  #behindSince: number | undefined
  /** Ends the wait for a viewer to read, or to go. */
  #wake: () => void = () => {}

  /**
   * @param raw whose head is not sent yet
   * @param onDrain called when a viewer that was too slow has read everything
   */
  constructor(raw: FastifyReply['raw'], viewer: Viewer, onDrain: () => void) {
    this.viewer = viewer
    this.#raw = raw
    this.#fits = viewer.tail && (viewer.isMasked ? maskedFilter(viewer.tail.fits) : viewer.tail.fits)
    raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    })
    raw.flushHeaders()
    raw.on('drain', () => {
      this.#behindSince = undefined
      this.#wake()
      onDrain()
    })
    raw.once('close', () => {
      clearTimeout(this.#batch)
      this.#wake()
    })
    // It is closed then, which is all there is to know.
    raw.on('error', () => {})
  }

  /** Whether the whole table is being written, between whose pieces nothing may come. */
  get isSyncing(): boolean {
    return this.missed !== undefined
  }

  get isClosed(): boolean {
    return this.#raw.destroyed || this.#raw.writableEnded
  }

  /** Whether something can be sent now. */
  get isReady(): boolean {
    return !this.isSyncing && !this.#isBehind && !this.isClosed
  }

  get #isBehind(): boolean {
    if (this.#raw.writableLength <= MAX_UNSENT_BYTES) return false
    this.#behindSince ??= performance.now()
    return true
  }

  /**
   * Sends an event, unless the viewer is too slow. Ends the stream instead when the viewer may no longer see it.
   *
   * @param data JSON
   */
  send(event: string, data: string): boolean {
    if (!this.isReady) return false
    if (this.#endForbidden()) return true
    this.#raw.write(eventText(event, data))
    return true
  }

  /** Sends an event `table`, which may be large, as fast as the viewer reads. Nothing else may be sent meanwhile. */
  async sendTable(pieces: AsyncIterable<string>): Promise<void> {
    if (this.#endForbidden()) return
    this.#raw.write('event: table\ndata: ')
    for await (const piece of pieces) {
      if (this.isClosed) return
      if (!this.#raw.write(piece)) await this.#untilRead()
    }
    this.#raw.write('\n\n')
  }

  /** Resolves when the viewer has read everything, or has gone. */
  async #untilRead(): Promise<void> {
    if (this.isClosed) return
    this.#behindSince ??= performance.now()
    await new Promise<void>(resolve => {
      this.#wake = resolve
    })
  }

  /** Keeps an event `change` until the table is written. Beyond a mebibyte of them, the viewer gets the whole table again. */
  keepChange(data: string): void {
    const missed = this.missed!
    missed.changesLength += data.length
    if (missed.changesLength <= MAX_UNSENT_BYTES) missed.changes.push(data)
    else {
      missed.changes.length = 0
      this.needsTable = true
    }
  }

  /** Takes a finished request, to be sent with others. */
  onRequest(entry: RequestEntry): void {
    this.#offered++
    if (!this.#fits?.(entry)) return
    this.#fitting++
    this.#sampler.add(entry)
    this.#sendSoon()
  }

  /**
   * Counts requests that were left out before they came here. Where only the stream knows which ones fit, because the viewer sees
   * stand-ins, as large a part of them is counted as has fitted so far.
   */
  onLost(requests: number): void {
    this.#sampler.addLost(Math.round(requests * (this.#offered === 0 ? 1 : this.#fitting / this.#offered)))
    this.#sendSoon()
  }

  #sendSoon(): void {
    this.#batch ??= setTimeout(() => this.#sendBatch(), BATCH_MS).unref()
  }

  #sendBatch(): void {
    this.#batch = undefined
    const now = performance.now()
    if (!this.isReady) {
      this.#sampler.lose(now)
      return
    }
    const batch = this.#sampler.take(now)
    const items = this.viewer.isMasked ? batch.items.map(maskRequest) : batch.items
    this.send('requests', JSON.stringify({ ...batch, items }))
  }

  /**
   * Keeps proxies from closing an idle stream, and ends one that nobody reads.
   *
   * @param now the time of `performance.now()`
   */
  beat(now: number): void {
    if (this.#endForbidden()) return
    if (this.isReady) this.#raw.write(':\n\n')
    if (this.#behindSince !== undefined && now - this.#behindSince > MAX_BEHIND_MS) this.#raw.destroy()
  }

  /** Ends the stream of a viewer who may see it no longer. Returns whether that is so. */
  #endForbidden(): boolean {
    if (this.viewer.mayGoOn()) return false
    if (!this.isClosed) void this.end('the token is no longer accepted, or has another role')
    return true
  }

  /** Ends the stream with its last event. Resolves when it was sent, or cannot be. */
  async end(reason: string): Promise<void> {
    if (!this.isReady) {
      this.#raw.destroy()
      return
    }
    const closed = new Promise<void>(resolve => this.#raw.once('close', resolve))
    this.#raw.setTimeout(MAX_BEHIND_MS, () => this.#raw.destroy())
    this.#raw.end(eventText('bye', JSON.stringify({ reason })))
    await closed
  }
}

function eventText(event: string, data: string): string {
  return `event: ${event}\ndata: ${data}\n\n`
}
