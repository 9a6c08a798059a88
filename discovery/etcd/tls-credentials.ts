import { isIP, type Socket } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import { ChannelCredentials } from '@grpc/grpc-js'
import type { Etcd3 } from 'etcd3'
import { type Logger, silentLogger } from '../logger.ts'
import { checkTls, type EtcdTls, isSameTls, readTlsFiles, staleReason } from './tls-files.ts'

type CreateConnector = ChannelCredentials['_createSecureConnector']

const SUFFIX = '.ip-address.invalid'

/**
 * TLS credentials whose files are read again for each new connection, and that also work for endpoints that are IP
 * addresses. grpc-js sends an address as the server name (SNI), which RFC 6066 section 3 forbids and Node rejects since
 * version 26. For such an endpoint these credentials send a name made from the address, and check the certificate
 * against the address itself.
 */
export class EtcdTlsCredentials extends ChannelCredentials {
  readonly #logger: Logger
  #tls: EtcdTls
  #inner: ChannelCredentials
  /** The texts that cannot be used and why, so that each is reported once. */
  #rejected = ''

  /** @throws Error when `tls` cannot be used */
  constructor(tls: EtcdTls, logger: Logger = silentLogger) {
    super()
    this.#logger = logger
    this.#tls = tls.ca || tls.cert || tls.key ? tls : readTlsFiles(tls.files ?? {})
    this.#inner = createSsl(this.#tls)
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
    const connectorOf = (inner: ChannelCredentials) =>
      inner._createSecureConnector(target, named, callCredentials)
    const first = connectorOf(this.#inner)
    return {
      connect: async socket => {
        this.#readAgain()
        const secured = await connectorOf(this.#inner).connect(socket)
        this.#explainAlerts(secured.socket)
        return secured
      },
      waitForReady: () => first.waitForReady(),
      getCallCredentials: () => first.getCallCredentials(),
      destroy: () => first.destroy(),
    }
  }

  /** Takes over what the files hold by now. What cannot be used is reported, and the last good texts stay. */
  #readAgain(): void {
    const { files } = this.#tls
    if (!files) return
    try {
      const tls = readTlsFiles(files)
      if (isSameTls(tls, this.#tls)) return
      this.#inner = createSsl(tls)
      this.#tls = tls
      this.#rejected = ''
      this.#logger.info({ files }, 'etcd certificates changed; new connections use the new ones')
    } catch (error) {
      const reason = (error as Error).message
      if (reason === this.#rejected) return
      this.#rejected = reason
      this.#logger.warn({ reason }, 'etcd certificates cannot be used; keeping the last good ones')
    }
  }

  /** Adds to the alert of a server that rejects our certificate what is wrong with its dates, which alerts do not say. */
  #explainAlerts(socket: Socket): void {
    const tls = this.#tls
    socket.prependListener('error', error => {
      const reason = error.message.includes('alert') ? staleReason(tls) : undefined
      if (reason !== undefined) error.message += ` (${reason})`
    })
  }
}

function createSsl(tls: EtcdTls): ChannelCredentials {
  checkTls(tls)
  const [roots, chain, secret] = [tls.ca, tls.cert, tls.key].map(pem =>
    pem === undefined ? null : Buffer.from(pem),
  )
  return ChannelCredentials.createSsl(roots, secret, chain, {
    checkServerIdentity: (name, certificate) => checkServerIdentity(addressIn(name) ?? name, certificate),
  })
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
