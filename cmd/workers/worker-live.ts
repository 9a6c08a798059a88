import { type Filter, parseFilter } from '../../internal/telemetry/filter.ts'
import type { RequestEntry } from '../../routes/admin/api-types.ts'
import type { OwnApiPages } from '../gateway/telemetry/api-pages.ts'
import type { LiveDelta, LiveFeed } from '../gateway/telemetry/live-feed.ts'
import type { ToPrimary } from './messages.ts'

const BATCH_MS = 100
/** Requests beyond this in a batch are counted as lost. */
const BATCH_REQUESTS = 200

/** A worker's end of watching: tells the primary what happens here, while somebody watches. The owner calls `close()`. */
export class WorkerLive {
  readonly #api: Pick<OwnApiPages, 'openFeed'>
  readonly #send: (message: ToPrimary) => void
  #feed: LiveFeed | undefined = undefined
  #items: RequestEntry[] = []
  #filters: ReadonlyMap<string, Filter> = new Map()
  /** By filter, how many that fit were left out of the batch. */
  readonly #lost = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined = undefined

  constructor(api: Pick<OwnApiPages, 'openFeed'>, send: (message: ToPrimary) => void) {
    this.#api = api
    this.#send = send
  }

  /** @param filters of the requests that are wanted; undefined = nobody watches anymore */
  watch(filters: readonly string[] | undefined): void {
    if (filters === undefined) {
      this.close()
      return
    }
    this.#feed ??= this.#api.openFeed({
      onRequest: request => this.#add(request),
      onChange: change => this.#send({ type: 'change', change }),
    })
    this.#feed.setFilters(filters)
    this.#filters = new Map(filters.map(filter => [filter, parseFilter(filter)]))
  }

  /** Returns what has changed since the call before; undefined while nobody watches. See `LiveFeed.take`. */
  async take(wasHeard: boolean): Promise<LiveDelta | undefined> {
    return this.#feed?.take(wasHeard)
  }

  close(): void {
    this.#feed?.close()
    this.#feed = undefined
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#items = []
    this.#lost.clear()
  }

  #add(request: RequestEntry): void {
    if (this.#items.length < BATCH_REQUESTS) this.#items.push(request)
    else this.#lose(request)
    this.#timer ??= setTimeout(() => this.#flush(), BATCH_MS).unref()
  }

  #lose(request: RequestEntry): void {
    for (const [filter, fits] of this.#filters)
      if (fits(request)) this.#lost.set(filter, (this.#lost.get(filter) ?? 0) + 1)
  }

  #flush(): void {
    this.#timer = undefined
    this.#send({ type: 'requests', items: this.#items, lost: Object.fromEntries(this.#lost) })
    this.#items = []
    this.#lost.clear()
  }
}
