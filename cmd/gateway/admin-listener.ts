import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { isLoopback } from '../../config/load/auth-rules.ts'
import type { Config } from '../../config/schema.ts'
import { type AdminSettings, createAdmin } from '../../routes/admin/admin.ts'
import type { ApiPages } from '../../routes/admin/api-types.ts'
import type { AdminPages } from '../../routes/admin/page-types.ts'
import type { ReloadConfiguration } from '../../routes/admin/reload-types.ts'
import { listenOn, listenWithin, SocketsError, tcpAddressOf } from './inherited-sockets.ts'

export interface AdminListener {
  readonly address: AddressInfo
  /** Puts another configuration in force, for the requests that follow. Its address stays. */
  configure(config: Config): void
  /** @throws SocketsError when the listener would be open to other machines without a token */
  check(config: Config): void
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
  const { adminHost: host, adminPort: port } = config
  const settings = { current: settingsOf(config) }
  const admin = createAdmin({
    ...{ pages, api, settings, reload, ...settings.current },
    onInternalError: error => logger.error({ err: error }, 'internal error'),
  })
  try {
    await listenWithin(admin.server, socket, 'admin', () => admin.listen(listenOn(socket, { host, port })))
    const address = tcpAddressOf(admin.server, 'admin')
    const check = (next: Config) => {
      if (socket !== undefined && !isGuarded(next) && !isLoopback(address.address))
        throw new SocketsError(
          'the socket named "admin" is not on loopback, so an admin token is required: set WAYGATE_ADMIN_TOKEN or admin.tokens',
        )
    }
    // No connection has been accepted, since the loop has not turned since the server listens.
    check(config)
    return {
      address,
      check,
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

function isGuarded({ adminToken, admin: { tokens } }: Config): boolean {
  return adminToken !== undefined || Object.keys(tokens).length > 0
}

function settingsOf({ adminHost, adminToken, admin, tracing }: Config): AdminSettings {
  const { tokens, maxNodes, hosts, dashboard, tail } = admin
  return {
    tokens: Object.fromEntries(Object.entries(tokens).map(([name, token]) => [name, { maxNodes, ...token }])),
    token: adminToken,
    hosts: [adminHost, ...hosts],
    features: { tail, dashboard, traceUrl: tracing.url ?? null },
  }
}
