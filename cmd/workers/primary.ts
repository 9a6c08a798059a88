import cluster from 'node:cluster'
import type { LoadedConfig } from '../../config/load/load.ts'
import type { EmbeddedEtcd } from '../../discovery/embedded-etcd/server.ts'
import { formatError } from '../cli/format-error.ts'
import { urlOf } from '../cli/listening.ts'
import { onReloadSignal, untilSignal } from '../cli/signals.ts'
import { type AdminListener, openAdmin } from '../gateway/admin-listener.ts'
import { collectStartupLater } from '../gateway/body-memory.ts'
import { startOwnEtcd, wantsEmbeddedEtcd } from '../gateway/embedded-etcd.ts'
import type { Log } from '../gateway/logger.ts'
import { checkFormats } from '../gateway/registry.ts'
import { HealthRelay } from './health-relay.ts'
import type { WorkerSettings } from './messages.ts'
import { WorkerPool } from './pool.ts'
import { loadAnew, type Source } from './reload.ts'
import { WorkerPages } from './worker-pages.ts'

export interface PrimaryOptions {
  /** @throws ConfigError with everything that is wrong with it */
  readonly load: () => Source
  readonly countWorkers: (loaded: LoadedConfig) => number
  readonly log: Log
}

/**
 * Serves with several processes until SIGTERM or SIGINT. This one has the signals, the admin listener and the
 * embedded etcd, accepts connections and hands them to the workers in turn; what is in them, only workers see.
 *
 * @throws Error when an address cannot be bound; nothing is left running then
 */
export async function servePrimary(
  source: Source,
  { load, countWorkers, log: { logger, flush } }: PrimaryOptions,
): Promise<void> {
  // A cluster's worker has none of its own: that is what process managers make of a program they multiply.
  if (!cluster.isPrimary) throw new Error('workers: this process is itself a worker of another program')
  let isReloading = true
  let isReloadDue = false
  let isStopping = false
  onReloadSignal(() => {
    isReloadDue = true
    void reload()
  })

  checkFormats(source.loaded)
  let { config } = source.loaded
  let etcd: EmbeddedEtcd | undefined
  let admin: AdminListener | undefined
  const pages = new WorkerPages()
  const health = new HealthRelay()
  const settings = ({ loaded, keyFiles }: Source): WorkerSettings => ({
    // Which port it is where any will do, only this process knows.
    config: { ...loaded.config, adminPort: admin?.address.port ?? loaded.config.adminPort },
    keyFiles,
    embeddedUrl: wantsEmbeddedEtcd(loaded.config) ? etcd?.url : undefined,
  })

  /** One at a time; what comes in meanwhile is taken up after it, once. */
  async function reload(): Promise<void> {
    if (isReloading) return
    isReloading = true
    while (isReloadDue && !isStopping) {
      isReloadDue = false
      await replaceAll()
    }
    isReloading = false
  }

  async function replaceAll(): Promise<void> {
    const begunAt = performance.now()
    logger.info('reading the configuration anew')
    const next = loadAnew(load, config, logger)
    if (!next) return
    const count = countWorkers(next.loaded)
    try {
      await pool.replace(settings(next), count)
      config = next.loaded.config
      logger.level = config.logLevel
      const tookMs = Math.round(performance.now() - begunAt)
      logger.info({ workers: count, tookMs }, 'the new configuration is in force')
    } catch (error) {
      if (!isStopping) logger.error({ reason: formatError(error) }, 'the new configuration is not in force')
    }
  }

  const closeAll = async () => {
    await admin?.close()
    await etcd?.close()
  }
  let pool: WorkerPool
  try {
    etcd = await startOwnEtcd(config, logger)
    // Before there are workers, who must know where it is. It has nothing to show until they serve.
    admin = await openAdmin(pages, config, logger)
    pool = new WorkerPool(settings(source), {
      logger,
      onLast: worker =>
        pages.keep(worker).catch(error => logger.error({ err: error }, 'what a worker had counted is lost')),
      onServing: () => health.update(pool.serving),
    })
    pages.show(pool)
    const address = await pool.start(countWorkers(source.loaded))
    logger.info(
      { public: urlOf(address), admin: urlOf(admin.address), workers: pool.serving.length },
      'waygate is listening',
    )
    // Whoever started the process waits for this line.
    flush()
    // It serves no requests that could wait for it.
    collectStartupLater(() => false)
  } catch (error) {
    await closeAll()
    throw error
  }

  isReloading = false
  void reload()
  const signal = await untilSignal()
  isStopping = true
  pages.stop()
  logger.info({ signal }, 'shutting down; a second signal ends at once')
  await pool.stop()
  await closeAll()
}
