import type { AddressInfo } from 'node:net'
import type { LoadedConfig } from '../../config/load/load.ts'
import type { EmbeddedEtcd } from '../../discovery/embedded-etcd/server.ts'
import { type AdminListener, openAdmin } from './admin-listener.ts'
import { checkLoaded } from './check-loaded.ts'
import { startGateway } from './gateway.ts'
import type { Gateway } from './gateway-types.ts'
import type { InheritedSockets } from './inherited-sockets.ts'
import type { Log } from './logger.ts'
import { openRegistry, startOwnEtcd } from './registry.ts'
import { Reloader, type ReloaderOptions } from './reload.ts'

/** A gateway in this process, with its registry, its admin listener and, when no etcd is configured, an embedded etcd. */
export interface Stack {
  readonly gateway: Gateway
  readonly adminAddress: AddressInfo
  /** Undefined when `etcd.endpoints` are configured. */
  readonly embeddedEtcd: EmbeddedEtcd | undefined
  /** Loads the configuration again; undefined when it was not read from anywhere. */
  readonly reloader: Reloader | undefined
  /** Stops the gateway, and then its registry and etcd. Resolves with the number of requests that were cut off. */
  stop(): Promise<number>
}

/** The changes that one process can make while it runs. */
const LIVE: ReloaderOptions['applies'] = new Set(['live'])

/**
 * Starts everything that `waygate start` runs in a single process.
 *
 * @param version of Waygate, for the metrics and the API
 * @param sockets are listened on in place of the configured addresses
 * @param again how the configuration is loaded again; undefined = it never is
 * @throws Error when an address cannot be bound; nothing is left running then
 */
export async function startStack(
  loaded: LoadedConfig,
  { logger, write: writeLine, lost: lostLines }: Log,
  version: string,
  sockets: InheritedSockets = {},
  again?: Omit<ReloaderOptions, 'applies' | 'prepare' | 'logger'>,
): Promise<Stack> {
  const { config, keys } = loaded
  const ofDiscovery = logger.child({ module: 'discovery' })
  await checkLoaded(loaded)
  const closers: (() => Promise<unknown>)[] = []
  const closeAll = async () => {
    for (const close of closers.reverse()) await close()
  }
  try {
    const embeddedEtcd = await startOwnEtcd(config, logger)
    if (embeddedEtcd) closers.push(() => embeddedEtcd.close())
    const registry = await openRegistry(config, {
      keys,
      embeddedUrl: embeddedEtcd?.url,
      logger: ofDiscovery,
    })
    closers.push(() => registry.close())
    let adminPort = config.adminPort
    let admin: AdminListener | undefined
    const reloader =
      again &&
      new Reloader({
        ...again,
        ...{ applies: LIVE, logger },
        async prepare({ loaded: next }) {
          admin!.check(next.config)
          const { refused, swap, discard } = await gateway.prepare(next)
          const apply = async (onInForce: () => void) => {
            let isSwapped = false
            const swapAll = () => {
              isSwapped = true
              swap()
              onInForce()
              admin!.configure(next.config)
              for (const each of [logger, ofDiscovery]) each.level = next.config.logLevel
            }
            try {
              await gateway.betweenEvents(swapAll)
            } catch (error) {
              if (!isSwapped) discard()
              throw error
            }
          }
          return { ...(refused && { refused }), apply, discard }
        },
      })
    const gateway = await startGateway({
      ...{ config, keys, version, registry, logger, writeLine, lostLines, sockets },
      reloads: reloader?.counts,
      adminPort: () => adminPort,
    })
    gateway.health.startChecking()
    const reload = reloader && ((options: { readonly dryRun: boolean }) => reloader.reload(options))
    admin = await openAdmin(gateway.pages, gateway.api, config, logger, sockets.admin, reload).catch(
      async error => {
        await gateway.retire(AbortSignal.abort())
        throw error
      },
    )
    adminPort = admin.address.port
    return {
      gateway,
      adminAddress: admin.address,
      ...{ embeddedEtcd, reloader },
      async stop() {
        reloader?.close()
        const cut = await gateway.stop()
        await admin?.close()
        await closeAll()
        return cut
      },
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}
