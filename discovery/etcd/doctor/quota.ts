import { isIP } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import type { EndpointUrl } from '../endpoint-url.ts'
import type { EtcdTls } from '../tls-files.ts'

const MAX_BYTES = 4 << 20

/**
 * Reads the quota of a member's database, in bytes. Only its metrics contain it. Resolves with undefined when
 * the member serves them at another address, or not at all.
 */
export function readQuota(
  { secure, host, port }: EndpointUrl,
  tls: EtcdTls | undefined,
  withinMs: number,
): Promise<number | undefined> {
  return new Promise(resolve => {
    const options = {
      host,
      port,
      path: '/metrics',
      agent: false,
      signal: AbortSignal.timeout(withinMs),
      ...(secure && {
        ...tls,
        ...(isIP(host) === 0 && { servername: host }),
        checkServerIdentity: (_: string, certificate: Parameters<typeof checkServerIdentity>[1]) =>
          checkServerIdentity(host, certificate),
      }),
    }
    const { get } = process.getBuiltinModule(secure ? 'node:https' : 'node:http')
    const request = get(options, response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
        if (text.length > MAX_BYTES) response.destroy()
      })
      response.on('error', () => resolve(undefined))
      response.on('close', () => resolve(quotaIn(text)))
    })
    request.on('error', () => resolve(undefined))
  })
}

function quotaIn(metrics: string): number | undefined {
  const [, number] = /^etcd_server_quota_backend_bytes (\S+)$/m.exec(metrics) ?? []
  const quota = Number(number)
  return quota > 0 ? quota : undefined
}
