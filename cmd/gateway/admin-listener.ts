import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import type { Config } from '../../config/schema.ts'
import { createAdmin } from '../../routes/admin/admin.ts'
import type { ApiPages } from '../../routes/admin/api-types.ts'
import type { AdminPages } from '../../routes/admin/page-types.ts'

export interface AdminListener {
  readonly address: AddressInfo
  close(): Promise<void>
}

/**
 * Opens the admin listener. The caller closes it.
 *
 * @throws Error when its address cannot be bound
 */
export async function openAdmin(
  pages: AdminPages,
  api: ApiPages,
  { adminHost, adminPort, adminToken, admin: { tokens, hosts, dashboard, tail }, tracing }: Config,
  logger: Logger,
): Promise<AdminListener> {
  const admin = createAdmin({
    ...{ pages, api, tokens },
    token: adminToken,
    hosts: [adminHost, ...hosts],
    features: { tail, dashboard, traceUrl: tracing.url ?? null },
    onInternalError: error => logger.error({ err: error }, 'internal error'),
  })
  try {
    await admin.listen({ host: adminHost, port: adminPort })
  } catch (error) {
    await admin.close()
    throw error
  }
  return { address: admin.server.address() as AddressInfo, close: async () => void (await admin.close()) }
}
