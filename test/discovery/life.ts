import { Directory } from '../../discovery/directory.ts'
import { EtcdRegistry } from '../../discovery/etcd/etcd-registry.ts'
import { followRegistry } from '../../discovery/follow-registry.ts'
import { silentLogger } from '../../discovery/logger.ts'
import type { RememberedSource } from '../../discovery/registry.ts'
import { until } from '../support/until.ts'
import { parseRoute } from './follow.ts'
import type { Store } from './store.ts'

const ROUTES = '/waygate/routes/'
const KEYS = '/waygate/api-keys/'

export interface Life extends AsyncDisposable {
  readonly directory: Directory
  readonly remembered: Map<string, RememberedSource>
  readonly warnings: readonly string[]
  /** Resolves when everything that was written before has been applied. */
  caughtUp(store: Store): Promise<void>
  paths(): readonly string[]
}

export interface LifeOptions {
  /** What the process before it has remembered. */
  readonly handed?: readonly RememberedSource[]
  /** Whether to wait until there is a table. Default true. */
  readonly isAwaited?: boolean
  /** How long what the registry may have lost stays in use. Default 0. */
  readonly doubtMs?: number
}

/** One life of a gateway, as far as its table is concerned. */
export async function live(
  etcd: { readonly url: string } | string,
  dataDir: string | undefined,
  { handed, isAwaited = true, doubtMs = 0 }: LifeOptions = {},
): Promise<Life> {
  const warnings: string[] = []
  const warn = (details: object, message: string) => warnings.push(`${message}: ${JSON.stringify(details)}`)
  const logger = { ...silentLogger, warn }
  const endpoints = [typeof etcd === 'string' ? etcd : etcd.url]
  const registry = new EtcdRegistry({ endpoints, dataDir, apiKeysPrefix: KEYS, logger })
  const directory = new Directory({
    parseRoute,
    parseApiKey: document =>
      (document as { owner?: string }).owner ? { apiKey: document } : { reason: 'no owner' },
    doubtMs,
    remembered: handed,
  })
  const remembered = new Map<string, RememberedSource>()
  const stop = new AbortController()
  const following = followRegistry({
    registry,
    directory,
    suspectGraceMs: doubtMs,
    logger,
    onApplied: () => {},
    onRemembered: each => remembered.set(each.source, each),
    signal: stop.signal,
  })
  if (isAwaited)
    await until('all is loaded', () => registry.sources.every(({ name }) => directory.source(name).loaded))
  let marks = 0
  return {
    directory,
    remembered,
    warnings,
    paths: () => directory.routes().map(({ path }) => path),
    async caughtUp(store) {
      const marker = `/${++marks}`
      await store.put(`${ROUTES}zz-marker`, `{"service":"marker","path":"${marker}"}`)
      await until('it has caught up', () => directory.routes().some(({ path }) => path === marker))
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await following
      await registry.close()
    },
  }
}
