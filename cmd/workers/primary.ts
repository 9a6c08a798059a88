import cluster from 'node:cluster'
import { randomBytes } from 'node:crypto'
import { ConfigError } from '../../config/kit/problem.ts'
import type { LoadedConfig } from '../../config/load/load.ts'
import { processCount } from '../../config/load/route-context.ts'
import type { Config } from '../../config/schema.ts'
import type { EmbeddedEtcd } from '../../discovery/embedded-etcd/server.ts'
import type { ReloadConfiguration } from '../../routes/admin/reload-types.ts'
import { formatError, RemoteError } from '../cli/format-error.ts'
import { publicUrlsOf, urlOf } from '../cli/listening.ts'
import { openServiceManager } from '../cli/service-manager.ts'
import { untilSignal } from '../cli/signals.ts'
import { packageVersion } from '../cli/version.ts'
import { type AdminListener, openAdmin } from '../gateway/admin-listener.ts'
import { checkLoaded } from '../gateway/check-loaded.ts'
import { collectStartupLater } from '../gateway/heap.ts'
import type { InheritedSockets } from '../gateway/inherited-sockets.ts'
import type { Log } from '../gateway/logger.ts'
import { startOwnEtcd, wantsEmbeddedEtcd } from '../gateway/registry.ts'
import { Reloader, type ReloaderOptions, type Source } from '../gateway/reload.ts'
import { HealthRelay } from './health-relay.ts'
import type { WorkerSettings } from './messages.ts'
import { WorkerPool } from './pool.ts'
import { WorkerApi } from './worker-api.ts'
import { WorkerPages } from './worker-pages.ts'

/** What a gateway serves with, in one process or in several. */
export interface ServingOptions {
  /** @throws ConfigError with all problems of the configuration */
  readonly load: () => Source
  readonly log: Log
  /** The sockets to listen on in place of the configured addresses. */
  readonly sockets: InheritedSockets
  /** Called when it serves, with what loads the configuration again. */
  readonly onStarted: (reloader: Reloader) => void
}

/** The changes that take effect with new workers. */
const NEW_WORKERS: ReloaderOptions['applies'] = new Set(['live', 'workers'])

/**
 * Serves with several processes until SIGTERM or SIGINT. The primary handles the signals and runs the admin listener
 * and the embedded etcd. Workers accept connections by themselves, from a socket that it keeps open for them.
 *
 * @throws Error when an address cannot be bound, and when all workers that listened on inherited sockets have died; everything
 *   has been stopped then
 */
export async function servePrimary(
  source: Source,
  { load, log: { logger, flush }, sockets, onStarted }: ServingOptions,
): Promise<void> {
  // A cluster worker cannot fork workers. Process managers that run a program several times make it one.
  if (!cluster.isPrimary) {
    throw new Error('workers: this process is itself a cluster worker of another program; set workers to 1')
  }
  const started = Promise.withResolvers<void>()
  const manager = openServiceManager(process.env, logger)
  await checkLoaded(source.loaded)
  const { config } = source.loaded
  let etcd: EmbeddedEtcd | undefined
  let admin: AdminListener | undefined
  const ticketSecret = randomBytes(32).toString('base64')
  const version = packageVersion()
  let port: number | undefined
  const api = new WorkerApi({
    version,
    port: () => port,
    isReady: () => pages.isReady(),
    onError: error => logger.error({ err: error }, 'internal error'),
  })
  const health = new HealthRelay()
  const settings = ({ loaded, keyFiles }: Source): WorkerSettings => ({
    // With port 0, only this process knows the actual port.
    config: { ...loaded.config, adminPort: admin?.address.port ?? loaded.config.adminPort },
    keyFiles,
    embeddedUrl: wantsEmbeddedEtcd(loaded.config) ? etcd?.url : undefined,
    ticketSecret,
    sockets,
    version,
  })

  const reloader = new Reloader({
    ...{ load, source, logger, formatError },
    onBegin: () => manager.reloading(),
    onEnd: () => manager.ready(),
    applies: NEW_WORKERS,
    // Operators also use it to get fresh processes.
    alwaysApplies: true,
    prepare(next) {
      refuseEmbeddedEtcd(next.loaded, reloader.source.loaded.config)
      admin!.check(next.loaded.config)
      return {
        apply(onInForce) {
          const { config: nextConfig } = next.loaded
          return pool.replace(settings(next), processCount(nextConfig), () => {
            logger.level = nextConfig.logLevel
            admin!.configure(nextConfig)
            onInForce()
          })
        },
        discard() {},
      }
    },
  })
  const pages = new WorkerPages(reloader.counts)

  const closeAll = async () => {
    await admin?.close()
    await etcd?.close()
  }
  let pool: WorkerPool
  let ended: Promise<NodeJS.Signals>
  try {
    etcd = await startOwnEtcd(config, logger)
    // Opened first, because workers must know its address. It has nothing to show until they serve.
    const reload: ReloadConfiguration = options => started.promise.then(() => reloader.reload(options))
    admin = await openAdmin(pages, api, config, logger, sockets.admin, reload)
    pool = new WorkerPool(settings(source), {
      logger,
      onLast: worker =>
        pages.keep(worker).catch(error => logger.error({ err: error }, 'totals of an ended worker are lost')),
      onServing() {
        health.update(pool.serving, pool.answering)
        api.update(pool.serving, pool.answering)
      },
    })
    pages.show(pool)
    const addresses = await pool.start(processCount(config))
    port = (addresses.plain ?? addresses.tls)?.port
    // Who reads the next line may end this process at once.
    ended = untilSignal()
    logger.info(
      { ...publicUrlsOf(addresses), admin: urlOf(admin.address), workers: pool.serving.length },
      'waygate is listening',
    )
    // The process that started this one may wait for this line.
    flush()
    manager.ready(`serving on ${Object.values(publicUrlsOf(addresses)).join(' and ')}`)
    // The primary serves no requests that the collection could delay.
    collectStartupLater(() => false)
  } catch (error) {
    await closeAll()
    throw error
  }

  started.resolve()
  onStarted(reloader)
  const signal = await Promise.race([ended, pool.portLost])
  reloader.close()
  manager.stopping()
  pages.stop()
  api.bye('shutdown')
  if (signal) logger.info({ signal }, 'shutting down; a second signal exits at once')
  else
    logger.fatal('all workers died; ending, since only the service manager can hand over its sockets again')
  await pool.stop()
  await closeAll()
  if (!signal) throw new RemoteError('waygate: all workers died')
}

/** @throws ConfigError when a reload would have to start the embedded etcd, which only a start does */
function refuseEmbeddedEtcd({ config, sourceOf }: LoadedConfig, old: Config): void {
  if (!wantsEmbeddedEtcd(config) || wantsEmbeddedEtcd(old)) return
  throw new ConfigError([
    {
      path: '$.etcd.endpoints',
      message: 'must not be removed without a restart: only a restart can switch to the embedded etcd',
      source: sourceOf('etcd'),
    },
  ])
}
