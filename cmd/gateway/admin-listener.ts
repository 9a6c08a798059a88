import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import type { Config } from '../../config/schema.ts'
import { type AdminSettings, createAdmin } from '../../routes/admin/admin.ts'
import type { ApiPages } from '../../routes/admin/api-types.ts'
import type { AdminPages } from '../../routes/admin/page-types.ts'
import type { ReloadConfiguration } from '../../routes/admin/reload-types.ts'

export interface AdminListener {
  readonly address: AddressInfo
  /** Puts another configuration in force, for the requests that follow. Its address stays. */
  configure(config: Config): void
  close(): Promise<void>
}

/**
 * Opens the admin listener. The caller closes it.
 *
 * @param reload reloads the configuration; undefined = the listener cannot be asked to
 * @throws Error when its address cannot be bound
 */
export async function openAdmin(
  pages: AdminPages,
  api: ApiPages,
  config: Config,
  logger: Logger,
  reload?: ReloadConfiguration,
): Promise<AdminListener> {
  const { adminHost: host, adminPort: port } = config
  const settings = { current: settingsOf(config) }
  const admin = createAdmin({
    ...{ pages, api, settings, reload, ...settings.current },
    onInternalError: error => logger.error({ err: error }, 'internal error'),
  })
  try {
    await admin.listen({ host, port })
  } catch (error) {
    await admin.close()
    throw error
  }
  return {
    address: admin.server.address() as AddressInfo,
    configure(next) {
      settings.current = settingsOf(next)
    },
    close: async () => void (await admin.close()),
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
