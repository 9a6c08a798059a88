import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'
import { asksForHidden } from '../api/masked.ts'
import { ApiError } from '../api-errors.ts'
import type { ApiPages, LiveFigures, LiveListener, LiveTablePart } from '../api-types.ts'
import type { RouteList } from '../page-types.ts'
import { writeRouteList } from '../write-pages.ts'
import { FiguresTexts, type RouteFields } from './figure-rows.ts'
import { type ChangedNames, LiveStream, type Viewer } from './live-stream.ts'

/** A browser has one for each window, and each costs as much as its table. */
const MAX_STREAMS = 64
const BEAT_MS = 15_000
/** Changes of the table within this time are sent as one. */
const GATHER_MS = 250
/** Reading a large table again for each change takes no more than this share of the time. */
const READING_SHARE = 0.1
const MAX_GATHER_MS = 1_000
/** A change of more nodes is written in pieces, as the whole table is. */
const MAX_PART_NODES = 2_000
/** How long a table is left alone that nobody could tell. */
const UNKNOWN_MS = 1_000
/** How long the end waits for viewers to take the last event. */
const FAREWELL_MS = 500

export interface LiveStreamsOptions {
  readonly api: Pick<ApiPages, 'watch' | 'problems'>
  readonly routes: () => Promise<RouteList>
  readonly onInternalError: (error: unknown) => void
}

/** The event streams of all viewers. While there are none, the gateway measures nothing for them. */
export class LiveStreams {
  readonly #options: LiveStreamsOptions
  readonly #streams = new Set<LiveStream>()
  #unwatch: (() => void) | undefined
  #beat: NodeJS.Timeout | undefined
  #changed: ChangedNames | undefined
  #gather: NodeJS.Timeout | undefined
  /** What is known of each route, for filters of rows. */
  #routes = new Map<string, RouteFields>()
  #isOver = false
  #gatherMs = GATHER_MS

  constructor(options: LiveStreamsOptions) {
    this.#options = options
  }

  /**
   * @param owner who asks for a stream
   * @throws ApiError when there are too many, and nobody else has more of them than the owner would have
   */
  assertRoom(owner: string): void {
    if (this.#isOver) throw new ApiError('WA_STREAMS', 'the gateway shuts down')
    if (this.#streams.size < MAX_STREAMS || this.#surplus(owner) !== undefined) return
    throw new ApiError('WA_STREAMS', `there are ${MAX_STREAMS} streams already: close some of them`)
  }

  /** Returns the latest stream of the owner with the most, if that has more than `owner` would have with one more. */
  #surplus(owner: string): LiveStream | undefined {
    const byOwner = Map.groupBy(this.#streams, stream => stream.viewer.owner)
    const own = byOwner.get(owner)?.length ?? 0
    const [most] = [...byOwner.values()].sort((a, b) => b.length - a.length)
    return most !== undefined && most.length > own + 1 ? most.at(-1) : undefined
  }

  /** Begins the stream of a viewer, unless it has gone already, as it may while the API is loaded. */
  open(raw: FastifyReply['raw'], viewer: Viewer): void {
    if (raw.destroyed) return
    const surplus = this.#streams.size < MAX_STREAMS ? undefined : this.#surplus(viewer.owner)
    if (surplus !== undefined) {
      this.#streams.delete(surplus)
      void surplus.end(`there are ${MAX_STREAMS} streams, and another token has fewer of them`)
    }
    const stream = new LiveStream(raw, viewer, () => {
      if (stream.needsTable && !stream.isSyncing) this.#sync(stream)
    })
    this.#streams.add(stream)
    const unwatch = this.#watchRequests(stream)
    raw.once('close', () => {
      unwatch?.()
      this.#close(stream)
    })
    this.#unwatch ??= this.#options.api.watch(this.#listener)
    this.#beat ??= setInterval(() => this.#each(each => each.beat(performance.now())), BEAT_MS).unref()
    this.#sync(stream)
  }

  /** Ends all streams with a reason, and takes no more. Resolves when they have it. */
  async close(reason: string): Promise<void> {
    this.#isOver = true
    const ends = Promise.all([...this.#streams].map(stream => stream.end(reason)))
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>(resolve => {
      timer = setTimeout(resolve, FAREWELL_MS)
    })
    await Promise.race([ends, late])
    clearTimeout(timer)
  }

  /** Asks for the requests of a viewer alone: with several processes, others need not be sent to this one. */
  #watchRequests(stream: LiveStream): (() => void) | undefined {
    const { tail, isMasked } = stream.viewer
    if (tail === undefined) return undefined
    return this.#options.api.watch({
      ...HEEDLESS,
      // Who sees stand-ins searches for stand-ins, which only the stream knows.
      filter: isMasked && asksForHidden(tail.text) ? '' : tail.text,
      onRequest: request => stream.onRequest(request),
      onLost: requests => stream.onLost(requests),
    })
  }

  #close(stream: LiveStream): void {
    this.#streams.delete(stream)
    if (this.#streams.size > 0) return
    this.#unwatch?.()
    clearInterval(this.#beat)
    clearTimeout(this.#gather)
    this.#unwatch = undefined
    this.#beat = undefined
    this.#changed = undefined
  }

  #each(act: (stream: LiveStream) => void): void {
    for (const stream of this.#streams) act(stream)
  }

  readonly #listener: LiveListener = {
    filter: null,
    onTable: ({ routes, services }) => this.#onTable(routes, services),
    onFigures: (changed, wholeOf) => this.#onFigures(changed, wholeOf),
    onRequest: () => {},
    onChange: change => this.#sendAll('change', change),
    onSource: source => this.#sendAll('source', source),
    onProblems: items => this.#sendAll('problem', { items }),
    onBye: reason => void this.close(reason),
  }

  /** Sends something that every viewer must know. One that cannot take it now gets everything anew. */
  #sendAll(event: string, data: object): void {
    const text = JSON.stringify(data)
    this.#each(stream => {
      const { missed } = stream
      if (missed) {
        if (event === 'change') stream.keepChange(text)
        else missed.latest.set(event, text)
      } else this.#send(stream, event, text)
    })
  }

  /** Sends a viewer something that it must know. If it cannot take that now, it gets everything anew. */
  #send(stream: LiveStream, event: string, text: string): void {
    if (!stream.send(event, text)) stream.needsTable = true
  }

  #onFigures(changed: LiveFigures, wholeOf: () => LiveFigures): void {
    const texts = new FiguresTexts(changed, wholeOf, id => this.#routes.get(id))
    for (const stream of this.#streams) {
      if (!stream.viewer.figures) continue
      // Rows that change only now would stay as they are for a viewer that misses this.
      if (!stream.isReady) stream.needsFigures = true
      else {
        const { text, isCut } = texts.textFor(stream.needsFigures, stream.viewer.rows)
        stream.needsFigures = isCut
        stream.send('figures', text)
      }
    }
  }

  #onTable(routes: readonly string[], services: readonly string[]): void {
    if (routes.length + services.length === 0) {
      this.#each(stream => this.#syncAgain(stream))
      return
    }
    if (this.#changed === undefined) {
      this.#changed = { routes: new Set(), services: new Set() }
      const send = () => void this.#sendChanged().catch(this.#options.onInternalError)
      this.#gather = setTimeout(send, this.#gatherMs).unref()
    }
    for (const id of routes) this.#changed.routes.add(id)
    for (const name of services) this.#changed.services.add(name)
  }

  async #sendChanged(): Promise<void> {
    const changed = this.#changed!
    this.#changed = undefined
    const begunAt = performance.now()
    const list = await this.#list()
    const readingMs = performance.now() - begunAt
    this.#gatherMs = Math.min(Math.max(GATHER_MS, readingMs / READING_SHARE), MAX_GATHER_MS)
    const text = partText(list, changed)
    this.#each(stream => {
      if (stream.isSyncing) {
        for (const id of changed.routes) stream.missed!.routes.add(id)
        for (const name of changed.services) stream.missed!.services.add(name)
      } else if (text === undefined) this.#syncAgain(stream)
      else this.#send(stream, 'table', text)
    })
  }

  /** Sends the whole table again, now or when the viewer has read what it has. */
  #syncAgain(stream: LiveStream): void {
    if (stream.isReady) this.#sync(stream)
    else stream.needsTable = true
  }

  /** Sends the whole table, and whatever else a viewer must know. */
  #sync(stream: LiveStream): void {
    // With the table, a viewer forgets what it knew of its rows.
    stream.needsFigures = true
    stream.missed = {
      routes: new Set(),
      services: new Set(),
      changes: [],
      changesLength: 0,
      latest: new Map(),
    }
    this.#sendWhole(stream).catch(error => {
      this.#options.onInternalError(error)
      void stream.end('the gateway failed')
    })
  }

  async #sendWhole(stream: LiveStream): Promise<void> {
    stream.needsTable = false
    const list = await this.#list()
    const { revision, routes, services } = list
    const whole: LiveTablePart = { revision, whole: true, gone: NOTHING_GONE, routes, services }
    await stream.sendTable(writeRouteList(whole))
    const problems = await this.#options.api.problems()
    const missed = stream.missed!
    const later = missed.routes.size + missed.services.size > 0 ? await this.#list() : undefined
    stream.missed = undefined
    const part = later && partText(later, missed)
    if (part !== undefined) this.#send(stream, 'table', part)
    else if (later) stream.needsTable = true
    this.#send(stream, 'source', missed.latest.get('source') ?? JSON.stringify((later ?? list).source))
    this.#send(stream, 'problem', missed.latest.get('problem') ?? JSON.stringify({ items: problems }))
    for (const change of missed.changes) this.#send(stream, 'change', change)
    if (stream.needsTable) this.#syncAgain(stream)
  }

  /** Reads the table. While no worker answers, nobody knows what is there, which is not the same as nothing. */
  async #list(): Promise<RouteList> {
    let list = await this.#options.routes()
    while (list.workers?.length === 0 && this.#streams.size > 0) {
      await delay(UNKNOWN_MS, undefined, { ref: false })
      list = await this.#options.routes()
    }
    this.#routes = new Map(list.routes.map(({ id, path, service }) => [id, { path, service }]))
    return list
  }
}

const NOTHING_GONE: LiveTablePart['gone'] = { routes: [], services: [] }

const HEEDLESS: LiveListener = {
  onTable: () => {},
  onFigures: () => {},
  onChange: () => {},
  onRequest: () => {},
  onSource: () => {},
  onProblems: () => {},
  onBye: () => {},
}

/** Returns the JSON of what has changed; undefined when that is so much that it is to be written in pieces, as the whole table is. */
function partText(list: RouteList, changed: ChangedNames): string | undefined {
  const part = partOf(list, changed)
  const nodes = part.services.reduce((sum, service) => sum + service.nodes.length, 0)
  return nodes > MAX_PART_NODES ? undefined : JSON.stringify(part)
}

function partOf({ revision, routes, services }: RouteList, changed: ChangedNames): LiveTablePart {
  const gone = { routes: new Set(changed.routes), services: new Set(changed.services) }
  for (const { id } of routes) gone.routes.delete(id)
  for (const { name } of services) gone.services.delete(name)
  return {
    revision,
    whole: false,
    routes: routes.filter(({ id }) => changed.routes.has(id)),
    services: services.filter(({ name }) => changed.services.has(name)),
    gone: { routes: [...gone.routes], services: [...gone.services] },
  }
}
