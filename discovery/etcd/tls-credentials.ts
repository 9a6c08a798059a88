import { isIP } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import { ChannelCredentials } from '@grpc/grpc-js'
import type { Etcd3 } from 'etcd3'

type CreateConnector = ChannelCredentials['_createSecureConnector']

/** PEM texts for TLS to etcd. `cert` and `key` are for an etcd that requires a client certificate. */
export interface EtcdTls {
  readonly ca?: string | Buffer | undefined
  readonly cert?: string | Buffer | undefined
  readonly key?: string | Buffer | undefined
}

const SUFFIX = '.ip-address.invalid'

/**
 * TLS credentials that also work for endpoints that are IP addresses. grpc-js sends an address as the server
 * name (SNI), which RFC 6066 section 3 forbids and Node rejects since version 26. For such an endpoint these
 * credentials send a name made from the address, and check the certificate against the address itself.
 */
export class EtcdTlsCredentials extends ChannelCredentials {
  readonly #inner: ChannelCredentials

  constructor({ ca, cert, key }: EtcdTls) {
    super()
    const [roots, chain, secret] = [ca, cert, key].map(pem => (pem === undefined ? null : Buffer.from(pem)))
    this.#inner = ChannelCredentials.createSsl(roots, secret, chain, {
      checkServerIdentity: (name, certificate) => checkServerIdentity(addressIn(name) ?? name, certificate),
    })
  }

  override _isSecure(): boolean {
    return true
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other
  }

  override _createSecureConnector(
    ...[target, options, callCredentials]: Parameters<CreateConnector>
  ): ReturnType<CreateConnector> {
    const host = /^\[?(.*?)\]?:\d+$/.exec(target.path)?.[1] ?? target.path
    const named = isIP(host) ? { ...options, 'grpc.ssl_target_name_override': nameOf(host) } : options
    return this.#inner._createSecureConnector(target, named, callCredentials)
  }
}

interface Pool {
  readonly hosts: { channelCredentials: ChannelCredentials }[]
  readonly authenticator: { credentials: ChannelCredentials }
}

/**
 * Makes a client that has not connected yet use `credentials`. etcd3 creates its own and has no option for
 * others.
 */
export function useCredentials(client: Etcd3, credentials: ChannelCredentials): void {
  const { hosts, authenticator } = (client as unknown as { readonly pool: Pool }).pool
  authenticator.credentials = credentials
  for (const host of hosts) host.channelCredentials = credentials
}

function nameOf(address: string): string {
  return `${address.replaceAll('.', '-').replaceAll(':', '_')}${SUFFIX}`
}

function addressIn(name: string): string | undefined {
  if (!name.endsWith(SUFFIX)) return undefined
  return name.slice(0, -SUFFIX.length).replaceAll('-', '.').replaceAll('_', ':')
}
