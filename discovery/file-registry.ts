import { EventQueue } from './event-queue.ts'
import { type ContentTimes, readContent } from './file-registry-content.ts'
import { readServices } from './file-registry-document.ts'
import { FILE_SOURCES, FileFollower } from './file-registry-follower.ts'
import {
  NEVER_WATCHED,
  ReadOnlyRegistryError,
  type Registration,
  type Registry,
  type RegistryEvent,
  type Service,
  type SourceStatus,
} from './registry.ts'
import { serviceOf } from './service-of.ts'

export interface FileRegistryOptions extends ContentTimes {
  /** A YAML or JSON file with `services` and optionally `routes`. It need not exist yet. */
  readonly file: string | undefined
}

/**
 * A registry that reads nodes and routes from one file, and reads it again whenever it changes. It is for
 * backends that do not register themselves. When the file is missing or does not parse, the last table stays.
 */
export class FileRegistry implements Registry {
  readonly name = 'file'
  readonly keptBy = 'operator'
  readonly sources = FILE_SOURCES
  readonly #file: string
  readonly #options: FileRegistryOptions
  readonly #closing = new AbortController()
  readonly #following = new Set<Promise<void>>()
  #latest: FileFollower | undefined

  /** @throws TypeError when no file is given */
  constructor(options: FileRegistryOptions) {
    if (options.file === undefined) throw new TypeError('the file registry needs a file; set discovery.file')
    this.#file = options.file
    this.#options = options
  }

  async init(): Promise<void> {}

  async register(): Promise<Registration> {
    throw this.#readOnly()
  }

  async unregister(): Promise<void> {
    throw this.#readOnly()
  }

  /** @throws Error that names the file, when it cannot be read or does not parse */
  async getService(name: string): Promise<Service | undefined> {
    const file = this.#file
    const content = await readContent(file)
    if (content.text === undefined) throw new Error(`${file}: ${content.reason}`)
    const parsed = readServices(content.text)
    if ('reason' in parsed) throw new Error(`${file}: ${parsed.reason}`)
    return serviceOf(name, parsed.nodes)
  }

  watch(signal: AbortSignal): AsyncIterable<RegistryEvent> {
    const stop = new AbortController()
    const ending = AbortSignal.any([signal, this.#closing.signal])
    const queue = new EventQueue<RegistryEvent>(ending, () => stop.abort())
    if (ending.aborted) return queue
    const follower = new FileFollower({
      ...this.#options,
      file: this.#file,
      push: event => queue.push(event),
    })
    this.#latest = follower
    const following = follower.follow(stop.signal)
    this.#following.add(following)
    void following.finally(() => this.#following.delete(following))
    return queue
  }

  status(_source: string): SourceStatus {
    return this.#latest?.status() ?? NEVER_WATCHED
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all(this.#following)
  }

  #readOnly(): ReadOnlyRegistryError {
    return new ReadOnlyRegistryError(
      `services cannot register in ${this.#file}; edit the file to change its nodes`,
    )
  }
}
