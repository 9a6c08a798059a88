import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isObject, type JsonObject } from '../codecs/value.ts'
import { type Logger, silentLogger } from '../logger.ts'
import type { Remembered } from '../registry.ts'
import { decodeRemembered, encodeRemembered, NOTHING_REMEMBERED } from '../remembered.ts'
import { writeWhole } from '../write-whole.ts'
import type { SyncState } from './sync-state.ts'
import type { StoredKey } from './transport.ts'

const VERSION = 3
const DEBOUNCE_MS = 500

export interface SnapshotFileOptions {
  /** Returns the path of the file of a cluster. */
  readonly pathOf: (clusterId: string) => string
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

/**
 * The last table of one prefix on disk, for a start while etcd is unreachable, and what is remembered of keys whose value
 * cannot be used. Each cluster has its own file. It is written in full, so that a reader finds either the old or the new
 * content. A file that cannot be read or written causes a warning, never an error, because etcd is authoritative. Call
 * `flush()` when done.
 */
export class SnapshotFile {
  readonly #options: SnapshotFileOptions
  readonly #logger: Logger
  #pending: SyncState | undefined
  #remembered = NOTHING_REMEMBERED
  #saved: SyncState | undefined
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()
  #failed = false

  constructor(options: SnapshotFileOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
  }

  /** Reads the last saved state of a cluster. Returns undefined when there is no file, or, with a warning, an unusable one. */
  load(clusterId: string): SavedState | undefined {
    const path = this.#options.pathOf(clusterId)
    try {
      return decode(readFileSync(path, 'utf8'), clusterId, this.#options.prefix)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT') this.#logger.warn({ path, reason: message }, 'ignoring the snapshot on disk')
      return undefined
    }
  }

  /** Schedules a write. The state is read at the time of the write, so its table may change until then. */
  save(state: SyncState): void {
    this.#saved = state
    this.#pending = state
    this.#timer ??= setTimeout(() => void this.flush(), this.#options.debounceMs ?? DEBOUNCE_MS).unref()
  }

  /** Schedules a write of what is remembered, with the table that was saved last. */
  remember(remembered: Remembered): void {
    this.#remembered = remembered
    if (this.#saved) this.save(this.#saved)
  }

  /** Writes what was passed to `save()` now. Resolves when it is on disk or could not be written. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  async #write(): Promise<void> {
    const state = this.#pending
    if (!state) return
    this.#pending = undefined
    const { pathOf, prefix } = this.#options
    const path = pathOf(state.clusterId)
    try {
      await writeWhole(path, encode({ ...state, remembered: this.#remembered }, prefix))
      this.#failed = false
    } catch (error) {
      if (!this.#failed)
        this.#logger.warn({ path, reason: (error as Error).message }, 'writing the snapshot failed')
      this.#failed = true
    }
  }
}

function encode({ revision, clusterId, table, remembered }: SavedState, prefix: string): string {
  const keys = [...table.values()].map(({ key, value, modRevision, lease }) => {
    return [key, value, String(modRevision), ...(lease === undefined ? [] : [lease])]
  })
  const content = JSON.stringify({
    prefix,
    revision: String(revision),
    clusterId,
    keys,
    remembered: encodeRemembered(remembered),
  })
  return `${JSON.stringify({ version: VERSION, sha256: checksum(content) })}\n${content}`
}

function decode(text: string, clusterId: string, prefix: string): SavedState {
  const newline = text.indexOf('\n')
  const head = parse(newline < 0 ? text : text.slice(0, newline))
  if (head.version !== VERSION) throw new TypeError(`its version is ${String(head.version)}, not ${VERSION}`)
  const content = newline < 0 ? '' : text.slice(newline + 1)
  if (head.sha256 !== checksum(content)) throw new TypeError('its checksum does not match')
  const file = parse(content)
  if (file.prefix !== prefix) throw new TypeError(`it holds the prefix ${String(file.prefix)}, not ${prefix}`)
  const { keys } = file
  if (file.clusterId !== clusterId)
    throw new TypeError(`it is of the cluster ${String(file.clusterId)}, not ${clusterId}`)
  if (!Array.isArray(keys)) throw new TypeError('it is not a snapshot')
  const items = keys.map(decodeKey)
  return {
    revision: decodeRevision(file.revision),
    clusterId,
    table: new Map(items.map(item => [item.key, item])),
    remembered: decodeRemembered(file.remembered),
  }
}

function checksum(content: string): string {
  return createHash('sha256').update(content).digest('hex')
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
