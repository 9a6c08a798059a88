/** How the store of shared counters is reached. */
export interface StoreOptions {
  /**
   * `redis://` or `rediss://`, with host, port (default 6379) and, unless it is a cluster, the number of a database. One URL;
   * several only for a cluster, whose other nodes they name.
   */
  readonly urls: readonly string[]
  readonly isCluster: boolean
  /** Undefined = the one in the URL, or the user `default`. */
  readonly username?: string | undefined
  /** Undefined = the one in the URL, or none. */
  readonly password?: string | undefined
  /** For `rediss://`, in PEM. */
  readonly tls?: StoreTls | undefined
  /** How long an answer is waited for. */
  readonly timeoutMs: number
  /** How long a store that is away is left alone before it is tried again. */
  readonly retryMs: number
  /** Keys in the store begin with it. */
  readonly prefix: string
  /** Whose clock counts: that of the store, or that of each gateway, for stores that keep TIME from scripts. */
  readonly clock: 'store' | 'gateway'
}

export interface StoreTls {
  /** Authorities to trust instead of those of the system. */
  readonly ca?: string | Buffer | undefined
  readonly cert?: string | Buffer | undefined
  readonly key?: string | Buffer | undefined
}
