import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isObject, parseObject } from '../codecs/value.ts'
import type { Logger } from '../logger.ts'
import { writeWhole } from '../write-whole.ts'
import { parseEndpoint } from './endpoint-url.ts'

export interface ClusterFoldersOptions {
  readonly dataDir: string
  /** The URLs of the configured members. */
  readonly endpoints: readonly string[]
  readonly logger: Logger
}

/** When an endpoint was last seen to be of the cluster, as an ISO date, by `host:port`. */
type SeenAt = Readonly<Record<string, string>>

const FOLDER = /^etcd-(\d{1,20})$/
const MAX_ENDPOINTS = 64
/** What earlier versions wrote, without saying of which etcd. */
const UNBOUND = /^etcd-(?:nodes|routes|api-keys|revocations|descriptors).*\.json$/

/**
 * The folders of the copies on disk, one for each etcd cluster: `etcd-<cluster id>`. So gateways of several clusters can
 * share a data directory. `cluster.json` in such a folder says at which endpoints the cluster was seen. While etcd does not
 * answer, nobody says what cluster it is, and the endpoints decide whose copy is served.
 */
export class ClusterFolders {
  readonly #options: ClusterFoldersOptions
  readonly #endpoints: readonly string[]
  readonly #answered = new Set<string>()
  #writing: Promise<void> = Promise.resolve()
  #last: { readonly clusterId: string | undefined } | undefined

  constructor(options: ClusterFoldersOptions) {
    this.#options = options
    this.#endpoints = options.endpoints.map(url => {
      const { host, port } = parseEndpoint(url)
      return `${host.toLowerCase()}:${port}`
    })
  }

  /** Returns the folder of a cluster. */
  of(clusterId: string): string {
    return join(this.#options.dataDir, `etcd-${clusterId}`)
  }

  /**
   * Returns the cluster that was last seen at one of the endpoints before this process; undefined when there is none. Then
   * copies of other clusters cause a warning, and are left as they are.
   */
  lastSeen(): string | undefined {
    this.#last ??= { clusterId: this.#find() }
    return this.#last.clusterId
  }

  /** Resolves when what {@link answered} has recorded is on disk, or could not be written. */
  written(): Promise<void> {
    return this.#writing
  }

  /** Records that the cluster has answered at the endpoints. A failure is only a line in the log. */
  answered(clusterId: string): void {
    this.lastSeen()
    if (this.#answered.has(clusterId)) return
    this.#answered.add(clusterId)
    const at = new Date().toISOString()
    const seen = { ...this.#read(clusterId), ...Object.fromEntries(this.#endpoints.map(each => [each, at])) }
    const latest = Object.entries(seen).sort(([, a], [, b]) => (a < b ? 1 : -1))
    const endpoints = Object.fromEntries(latest.slice(0, MAX_ENDPOINTS))
    const path = join(this.of(clusterId), 'cluster.json')
    this.#writing = writeWhole(path, `${JSON.stringify({ clusterId, endpoints }, undefined, 2)}\n`).catch(
      (error: Error) =>
        this.#options.logger.warn({ path, reason: error.message }, 'writing the snapshot failed'),
    )
  }

  #find(): string | undefined {
    const names = this.#list()
    const clusters = names.flatMap(name => FOLDER.exec(name)?.[1] ?? [])
    let found: { readonly clusterId: string; readonly at: string } | undefined
    for (const clusterId of clusters) {
      const seen = this.#read(clusterId)
      for (const endpoint of this.#endpoints) {
        const at = seen[endpoint]
        if (at !== undefined && (found === undefined || at > found.at)) found = { clusterId, at }
      }
    }
    if (found === undefined) this.#warn(clusters, names)
    return found?.clusterId
  }

  #warn(clusters: readonly string[], names: readonly string[]): void {
    const { dataDir, logger } = this.#options
    const ignore = (reason: string) =>
      logger.warn({ path: dataDir, endpoints: this.#endpoints, reason }, 'ignoring the snapshot on disk')
    if (clusters.length > 0) {
      const others = [...new Set(clusters.flatMap(clusterId => Object.keys(this.#read(clusterId))))]
      ignore(`it is of another etcd, at ${others.slice(0, 5).join(', ')}`)
    } else if (names.some(name => UNBOUND.test(name))) {
      ignore('it is of an earlier version and does not say of which etcd; it can be deleted')
    }
  }

  #list(): readonly string[] {
    try {
      return readdirSync(this.#options.dataDir)
    } catch {
      // The first write says what is wrong with the folder.
      return []
    }
  }

  #read(clusterId: string): SeenAt {
    try {
      const file = parseObject(readFileSync(join(this.of(clusterId), 'cluster.json'), 'utf8'))
      const endpoints = file.clusterId === clusterId ? file.endpoints : undefined
      if (!isObject(endpoints)) return {}
      return Object.fromEntries(
        Object.entries(endpoints).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
      )
    } catch {
      return {}
    }
  }
}
