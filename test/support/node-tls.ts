import { createSecureContext, type SecureContextOptions } from 'node:tls'
import type { TlsSettings } from '../../wrappers/transport/node-tls.ts'

/** Returns settings for TLS with a node, which verify its certificate unless told otherwise. */
export function testTls({
  serverName,
  verify = true,
  ...context
}: SecureContextOptions & Partial<Pick<TlsSettings, 'serverName' | 'verify'>>): TlsSettings {
  return {
    context: createSecureContext(context),
    serverName,
    verify,
    hasCertificate: context.cert !== undefined,
  }
}

/** Stands for the settings of tests whose nodes use no TLS. */
export const noTls = (): TlsSettings => {
  throw new Error('no node of this test uses TLS')
}
