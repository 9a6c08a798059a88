import { type ContentTimes, type FileContent, followContent } from './file-registry-content.ts'
import { readServices } from './file-registry-document.ts'
import type { RegistryEntry, RegistryEvent, RegistrySource, SourceStatus } from './registry.ts'

/** The two sections of the file, each a source of its own. */
export const FILE_SOURCES = [
  { name: 'services', scope: 'nodes' },
  { name: 'routes', scope: 'routes' },
] as const satisfies readonly RegistrySource[]

export interface FileFollowerOptions extends ContentTimes {
  readonly file: string
  readonly push: (event: RegistryEvent) => void
}

/**
 * Turns the contents of a file into registry events: a snapshot for each content that parses, a problem for
 * each that does not, and a status when the file cannot be read.
 */
export class FileFollower {
  readonly #options: FileFollowerOptions
  #revision = 0n
  /** The text of the current revision. */
  #text: string | undefined
  #nodes: readonly RegistryEntry[] | undefined
  /** Whether the table is the current content of the file. */
  #isCurrent = false
  #confirmedAt: number | undefined
  #loads = 0
  #connected = false
  #reason: string | undefined

  constructor(options: FileFollowerOptions) {
    this.#options = options
  }

  /** Follows the file until `signal` aborts. */
  follow(signal: AbortSignal): Promise<void> {
    const { file, pollMs, settleMs } = this.#options
    return followContent(file, {
      signal,
      pollMs,
      settleMs,
      onContent: content => this.#apply(content),
      onSame: () => this.#confirm(),
    })
  }

  status(): SourceStatus {
    return {
      connected: this.#connected,
      revision: this.#nodes && String(this.#revision),
      ageMs: this.#confirmedAt === undefined ? undefined : performance.now() - this.#confirmedAt,
      relists: new Map([['read', this.#loads]]),
      drift: 0,
    }
  }

  #apply(content: FileContent): void {
    const { file } = this.#options
    this.#isCurrent = false
    if (content.text === undefined) {
      this.#setConnected(false, `${file}: ${content.reason}`)
      return
    }
    const { text } = content
    const parsed = readServices(text, this.#nodes)
    if ('reason' in parsed && !this.#nodes) {
      this.#setConnected(false, `${file}: ${parsed.reason}`)
      return
    }
    if (text !== this.#text) this.#revision += 1n
    this.#text = text
    const revision = String(this.#revision)
    if ('reason' in parsed) {
      const problem: RegistryEntry = { kind: 'problem', key: file, reason: parsed.reason }
      for (const { name: source, scope } of FILE_SOURCES) {
        const puts = scope === 'nodes' ? [problem] : []
        this.#options.push({ type: 'change', source, scope, revision, puts, deletes: [] })
      }
    } else {
      this.#isCurrent = true
      this.#loads += 1
      this.#nodes = parsed.nodes
      for (const { name: source, scope } of FILE_SOURCES) {
        const entries = parsed[scope]
        const event = { type: 'snapshot', source, scope, revision, entries } as const
        this.#options.push({ ...event, from: 'store', afterLoss: false })
      }
      this.#confirm()
    }
    this.#setConnected(true)
  }

  #confirm(): void {
    if (this.#isCurrent) this.#confirmedAt = performance.now()
  }

  #setConnected(connected: boolean, reason?: string): void {
    if (connected === this.#connected && reason === this.#reason) return
    this.#connected = connected
    this.#reason = reason
    for (const { name: source, scope } of FILE_SOURCES) {
      this.#options.push({ type: 'status', source, scope, connected, reason })
    }
  }
}
