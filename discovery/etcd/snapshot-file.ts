import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isObject, type JsonObject } from '../codecs/value.ts'
import { type Logger, silentLogger } from '../logger.ts'
import type { Remembered } from '../registry.ts'
import { decodeRemembered, encodeRemembered, NOTHING_REMEMBERED } from '../remembered.ts'
import { DelayedFile } from './delayed-file.ts'
import type { SyncState } from './sync-state.ts'
import type { StoredKey } from './transport.ts'

const VERSION = 3

export interface SnapshotFileOptions {
  /** Returns the path of the file of a cluster. */
  readonly pathOf: (clusterId: string) => string
  /** Returns the number of the history of a cluster. A file of another one is not used. Default: always 0. */
  readonly historyOf?: ((clusterId: string) => number) | undefined
  /** The prefix of the keys in the file. A file of another prefix is not used. */
  readonly prefix: string
  readonly logger?: Logger | undefined
  /** Time between a change and the write. Changes in between are written together. Default 500. */
  readonly debounceMs?: number | undefined
}

/** A table on disk, and what is remembered beside it. */
export interface SavedState extends SyncState {
  readonly remembered: Remembered
}

/** Of what a file is. */
interface Origin {
  readonly clusterId: string
  readonly history: number
  readonly prefix: string
}

/**
 * The last table of one prefix on disk, for a start while etcd is unreachable, and what is remembered of keys whose value
 * cannot be used. Each cluster has its own file. It is written in full, so that a reader finds either the old or the new
 * content. A file that cannot be read or written causes a warning, never an error, because etcd is authoritative. Call
 * `flush()` when done.
 */
export class SnapshotFile {
  readonly #options: SnapshotFileOptions
  readonly #logger: Logger
  readonly #file: DelayedFile
  #remembered = NOTHING_REMEMBERED
  #state: SyncState | undefined

  constructor(options: SnapshotFileOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
    this.#file = new DelayedFile({
      render: () => this.#render(),
      logger: this.#logger,
      delayMs: options.debounceMs,
    })
  }

  /**
   * Reads the last saved state of a cluster. Returns undefined when there is no file, one of another history, or, with a
   * warning, an unusable one.
   */
  load(clusterId: string): SavedState | undefined {
    const path = this.#options.pathOf(clusterId)
    try {
      return decode(readFileSync(path, 'utf8'), this.#originOf(clusterId))
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT') this.#logger.warn({ path, reason: message }, 'ignoring the snapshot on disk')
      return undefined
    }
  }

  /** Schedules a write. The state is read at the time of the write, so its table may change until then. */
  save(state: SyncState): void {
    this.#state = state
    this.#file.schedule()
  }

  /** Schedules a write of what is remembered, with the table that was saved last. */
  remember(remembered: Remembered): void {
    this.#remembered = remembered
    if (this.#state) this.#file.schedule()
  }

  /** Writes what was passed to `save()` now. Resolves when it is on disk or could not be written. */
  flush(): Promise<void> {
    return this.#file.flush()
  }

  #render(): { readonly path: string; readonly content: string } | undefined {
    const state = this.#state
    if (!state) return undefined
    const content = encode({ ...state, remembered: this.#remembered }, this.#originOf(state.clusterId))
    return { path: this.#options.pathOf(state.clusterId), content }
  }

  #originOf(clusterId: string): Origin {
    const { historyOf, prefix } = this.#options
    return { clusterId, history: historyOf?.(clusterId) ?? 0, prefix }
  }
}

function encode({ revision, table, remembered }: SavedState, origin: Origin): string {
  const keys = [...table.values()].map(({ key, value, modRevision, lease }) => {
    return [key, value, String(modRevision), ...(lease === undefined ? [] : [lease])]
  })
  const content = JSON.stringify({
    ...origin,
    revision: String(revision),
    keys,
    remembered: encodeRemembered(remembered),
  })
  return `${JSON.stringify({ version: VERSION, sha256: hash('sha256', content) })}\n${content}`
}

function decode(text: string, { clusterId, history, prefix }: Origin): SavedState | undefined {
  const newline = text.indexOf('\n')
  const head = parse(newline < 0 ? text : text.slice(0, newline))
  if (head.version !== VERSION) throw new TypeError(`its version is ${String(head.version)}, not ${VERSION}`)
  const content = newline < 0 ? '' : text.slice(newline + 1)
  if (head.sha256 !== hash('sha256', content)) throw new TypeError('its checksum does not match')
  const file = parse(content)
  if (file.prefix !== prefix) throw new TypeError(`it holds the prefix ${String(file.prefix)}, not ${prefix}`)
  if (file.clusterId !== clusterId)
    throw new TypeError(`it is of the cluster ${String(file.clusterId)}, not ${clusterId}`)
  if (file.history !== history) return undefined
  const { keys } = file
  if (!Array.isArray(keys)) throw new TypeError('it is not a snapshot')
  const items = keys.map(decodeKey)
  return {
    revision: decodeRevision(file.revision),
    clusterId,
    table: new Map(items.map(item => [item.key, item])),
    remembered: decodeRemembered(file.remembered),
  }
}

function parse(text: string): JsonObject {
  if (text === '') throw new TypeError('it is empty')
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new TypeError('it is not a snapshot', { cause: error })
  }
  if (!isObject(parsed)) throw new TypeError('it is not a snapshot')
  return parsed
}

function decodeKey(row: unknown): StoredKey {
  const [key, value, modRevision, lease] = Array.isArray(row) ? (row as unknown[]) : []
  if (typeof key !== 'string' || typeof value !== 'string') throw new TypeError('it is not a snapshot')
  return {
    key,
    value,
    modRevision: decodeRevision(modRevision),
    ...(typeof lease === 'string' && { lease }),
  }
}

function decodeRevision(value: unknown): bigint {
  if (typeof value !== 'string' || !/^\d{1,19}$/.test(value)) throw new TypeError('it is not a snapshot')
  return BigInt(value)
}
