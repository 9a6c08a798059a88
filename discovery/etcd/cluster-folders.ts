import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { getOrMake } from '../../internal/get-or-make.ts'
import type { Logger } from '../logger.ts'
import {
  type ClusterFile,
  isWitnessed,
  readClusterFile,
  renderClusterFile,
  witnessOf,
} from './cluster-file.ts'
import { DelayedFile } from './delayed-file.ts'
import { parseEndpoint } from './endpoint-url.ts'
import { RevisionError, type StoredKey, UnreachableError } from './transport.ts'

export interface ClusterFoldersOptions {
  readonly dataDir: string
  /** The URLs of the configured members. */
  readonly endpoints: readonly string[]
  readonly logger: Logger
}

/** Reads a key at a revision of the store; see `readPage` of a transport for what it throws. */
export type ReadAt = (key: string, revision: bigint) => Promise<StoredKey | undefined>

const FOLDER = /^etcd-(\d{1,20})$/
const MAX_ENDPOINTS = 64
/** What earlier versions wrote, without saying of which etcd. */
const UNBOUND = /^etcd-(?:nodes|routes|api-keys|revocations|descriptors).*\.json$/

const ANEW =
  'etcd has begun anew since, because it was wiped or restored from an older copy: services that had a route document before get automatic routes again'

/**
 * The folders of the copies on disk, one for each etcd cluster: `etcd-<cluster id>`. So gateways of several clusters can
 * share a data directory. `cluster.json` in such a folder says two things:
 *
 * - At which endpoints the cluster was seen. While etcd does not answer, nobody says what cluster it is, and the endpoints
 *   decide whose copy is served.
 * - The latest write that was seen. etcd derives its id from the addresses of its members, so a cluster that was set up anew
 *   has the same id. It has not had this write.
 */
export class ClusterFolders {
  readonly #options: ClusterFoldersOptions
  readonly #endpoints: readonly string[]
  readonly #file: DelayedFile
  /** The cluster that answers now, and since when, as an ISO date. */
  #now: { readonly clusterId: string; readonly at: string } | undefined
  /** What the files of clusters say, as they were found, or with the next history. */
  readonly #found = new Map<string, ClusterFile>()
  readonly #verdicts = new Map<string, Promise<boolean>>()
  /** The latest write of each source, since the cluster that answers now has its data. */
  readonly #newest = new Map<string, StoredKey>()
  #last: { readonly clusterId: string | undefined } | undefined

  constructor(options: ClusterFoldersOptions) {
    this.#options = options
    this.#endpoints = options.endpoints.map(url => {
      const { host, port } = parseEndpoint(url)
      return `${host.toLowerCase()}:${port}`
    })
    this.#file = new DelayedFile({ render: () => this.#render(), logger: options.logger })
  }

  /** Returns the folder of a cluster. */
  of(clusterId: string): string {
    return join(this.#options.dataDir, `etcd-${clusterId}`)
  }

  /** Returns the number of the history of a cluster. Copies of another one are void. */
  historyOf(clusterId: string): number {
    return this.#fileOf(clusterId).history
  }

  /**
   * Returns the cluster that was last seen at one of the endpoints before this process; undefined when there is none. Then
   * copies of other clusters cause a warning, and are left as they are.
   */
  lastSeen(): string | undefined {
    this.#last ??= { clusterId: this.#find() }
    return this.#last.clusterId
  }

  /**
   * Whether a cluster that answers still has the history of which the copies on disk are. It is asked once in the life of this
   * process, which sees later losses itself. If it has another one, `historyOf` returns another number from then on.
   *
   * @throws UnreachableError when nobody answers
   */
  isContinued(clusterId: string, readAt: ReadAt): Promise<boolean> {
    let verdict = this.#verdicts.get(clusterId)
    if (!verdict) {
      this.lastSeen()
      verdict = this.#compare(clusterId, readAt)
      this.#verdicts.set(clusterId, verdict)
      verdict.catch(() => this.#verdicts.delete(clusterId))
    }
    return verdict
  }

  /**
   * Notes that a cluster has answered at the endpoints, and what was read of a source.
   *
   * @param isAnew whether the cluster has lost what it had before
   */
  saw(clusterId: string, source: string, items: Iterable<StoredKey>, isAnew = false): void {
    if (this.#now?.clusterId !== clusterId) {
      this.#now = { clusterId, at: new Date().toISOString() }
      this.#newest.clear()
    }
    if (isAnew) {
      this.#newest.delete(source)
      this.#found.set(clusterId, { ...this.#fileOf(clusterId), newest: undefined })
    }
    for (const item of items) {
      // One that is not UTF-8 has another text than its prefix has, by which it could not be read again.
      if (!item.key.startsWith(source)) continue
      const known = this.#newest.get(source)
      if (!known || known.modRevision < item.modRevision) this.#newest.set(source, item)
    }
    this.#file.schedule()
  }

  /** Resolves when what `saw` has noted is on disk, or could not be written. */
  flush(): Promise<void> {
    return this.#file.flush()
  }

  #render(): { readonly path: string; readonly content: string } | undefined {
    if (!this.#now) return undefined
    const { clusterId, at } = this.#now
    const path = this.#pathOf(clusterId)
    // Another process may have written it since.
    const onDisk = readClusterFile(path, clusterId)
    const mine = this.#fileOf(clusterId)
    const history = Math.max(mine.history, onDisk.history)
    this.#found.set(clusterId, { ...mine, history })
    const seen = { ...onDisk.endpoints, ...Object.fromEntries(this.#endpoints.map(each => [each, at])) }
    const latest = Object.entries(seen).sort(([, a], [, b]) => (a < b ? 1 : -1))
    const endpoints = Object.fromEntries(latest.slice(0, MAX_ENDPOINTS))
    const [item] = [...this.#newest.values()].sort((a, b) => (a.modRevision < b.modRevision ? 1 : -1))
    const newest = item ? witnessOf(item) : mine.newest
    return { path, content: renderClusterFile(clusterId, { endpoints, history, newest }) }
  }

  #fileOf(clusterId: string): ClusterFile {
    return getOrMake(this.#found, clusterId, () => readClusterFile(this.#pathOf(clusterId), clusterId))
  }

  #pathOf(clusterId: string): string {
    return join(this.of(clusterId), 'cluster.json')
  }

  async #compare(clusterId: string, readAt: ReadAt): Promise<boolean> {
    const { newest, history, ...file } = this.#fileOf(clusterId)
    if (!newest) return true
    try {
      if (isWitnessed(newest, await readAt(newest.key, BigInt(newest.modRevision)))) return true
    } catch (error) {
      if (error instanceof UnreachableError) throw error
      // A history that was compacted cannot be compared. It is better to remember too much than to open a service.
      if (!(error instanceof RevisionError && error.kind === 'future')) return true
    }
    this.#found.set(clusterId, { ...file, history: history + 1 })
    this.#ignore(this.of(clusterId), ANEW)
    return false
  }

  #find(): string | undefined {
    const names = this.#list()
    const clusters = names.flatMap(name => FOLDER.exec(name)?.[1] ?? [])
    let found: { readonly clusterId: string; readonly at: string } | undefined
    for (const clusterId of clusters) {
      const seen = this.#fileOf(clusterId).endpoints
      for (const endpoint of this.#endpoints) {
        const at = seen[endpoint]
        if (at !== undefined && (found === undefined || at > found.at)) found = { clusterId, at }
      }
    }
    if (found === undefined) this.#warn(clusters, names)
    return found?.clusterId
  }

  #warn(clusters: readonly string[], names: readonly string[]): void {
    const { dataDir } = this.#options
    if (clusters.length > 0) {
      const others = [...new Set(clusters.flatMap(each => Object.keys(this.#fileOf(each).endpoints)))]
      this.#ignore(dataDir, `it is of another etcd, at ${others.slice(0, 5).join(', ')}`)
    } else if (names.some(name => UNBOUND.test(name))) {
      this.#ignore(dataDir, 'it is of an earlier version and does not say of which etcd; it can be deleted')
    }
  }

  #ignore(path: string, reason: string): void {
    this.#options.logger.warn({ path, endpoints: this.#endpoints, reason }, 'ignoring the snapshot on disk')
  }

  #list(): readonly string[] {
    try {
      return readdirSync(this.#options.dataDir)
    } catch {
      // The first write says what is wrong with the folder.
      return []
    }
  }
}
