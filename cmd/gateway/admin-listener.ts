import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { isLoopback } from '../../config/load/auth-rules.ts'
import type { Config } from '../../config/schema.ts'
import { type AdminSettings, createAdmin } from '../../routes/admin/admin.ts'
import type { ApiPages } from '../../routes/admin/api-types.ts'
import type { AdminPages } from '../../routes/admin/page-types.ts'
import type { ReloadConfiguration } from '../../routes/admin/reload-types.ts'
import { listenOn, SocketsError, tcpAddressOf } from './inherited-sockets.ts'

export interface AdminListener {
  readonly address: AddressInfo
  /** Puts another configuration in force, for the requests that follow. Its address stays. */
  configure(config: Config): void
  close(): Promise<void>
}

/**
 * Opens the admin listener. The caller closes it.
 *
 * @param socket the descriptor of a socket to listen on in place of the configured address
 * @param reload reloads the configuration; undefined = the listener cannot be asked to
 * @throws Error when its address cannot be bound
 * @throws SocketsError when the socket is open to other machines although no token is configured
 */
export async function openAdmin(
  pages: AdminPages,
  api: ApiPages,
  config: Config,
  logger: Logger,
  socket?: number,
  reload?: ReloadConfiguration,
): Promise<AdminListener> {
  const {
    adminHost: host,
    adminPort: port,
    adminToken,
    admin: { tokens },
  } = config
  const settings = { current: settingsOf(config) }
  const admin = createAdmin({
    ...{ pages, api, settings, reload, ...settings.current },
    onInternalError: error => logger.error({ err: error }, 'internal error'),
  })
  const isGuarded = adminToken !== undefined || Object.keys(tokens).length > 0
  let isOpenToAll = false
  // Before the first connection is accepted.
  admin.server.once('listening', () => {
    const address = admin.server.address()
    isOpenToAll =
      socket !== undefined && !isGuarded && typeof address === 'object' && !isLoopback(address!.address)
    if (isOpenToAll) admin.server.close()
  })
  try {
    await admin.listen(listenOn(socket, { host, port }))
    if (isOpenToAll)
      throw new SocketsError(
        'the socket named "admin" is not on loopback, so an admin token is required: set WAYGATE_ADMIN_TOKEN or admin.tokens',
      )
    return {
      address: tcpAddressOf(admin.server, 'admin'),
      configure(next) {
        settings.current = settingsOf(next)
      },
      close: async () => void (await admin.close()),
    }
  } catch (error) {
    await admin.close()
    throw error
  }
}

function settingsOf({ adminHost, adminToken, admin, tracing }: Config): AdminSettings {
  const { tokens, hosts, dashboard, tail } = admin
  return {
    tokens,
    token: adminToken,
    hosts: [adminHost, ...hosts],
    features: { tail, dashboard, traceUrl: tracing.url ?? null },
  }
}
