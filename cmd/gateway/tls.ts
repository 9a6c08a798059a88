import type { Logger } from 'pino'
import { certificateFilesOf, type TlsKeys } from '../../config/keys/tls-keys.ts'
import type { Config } from '../../config/schema.ts'
import type { KeyProblem } from '../../discovery/key-problems.ts'
import { OnceAMinute } from '../../internal/once-a-minute.ts'
import type { Step } from '../../internal/policy.ts'
import { plainAddress } from '../../middleware/request/client-address.ts'
import { createRequireTls } from '../../middleware/request/require-tls.ts'
import { type HandshakeFailure, TlsCounts } from '../../routes/public/tls/tls-counts.ts'
import { TlsServer } from '../../routes/public/tls/tls-server.ts'
import { FollowedFiles } from './followed-files.ts'
import { LiveAuthorities } from './live-authorities.ts'
import { LiveCertificates } from './live-certificates.ts'

export interface TlsOptions {
  readonly config: Pick<Config, 'tls' | 'http2'>
  readonly keys: TlsKeys
  /** The secret that the keys of tickets are made from, which the processes of a gateway share. */
  readonly ticketSecret: Buffer
  /** Returns the port that clients use with TLS; called once it is open. */
  readonly port: () => number
  readonly logger: Logger
}

/** TLS for clients as a gateway runs it. Its owner calls `close()`. */
export interface GatewayTls {
  readonly server: TlsServer
  readonly certificates: LiveCertificates
  readonly counts: TlsCounts
  /** Resolves when the files were looked at once, so that what they hold now is served. */
  readonly ready: Promise<void>
  /** Redirects or refuses requests whose connection lacks what their hosts require; undefined = none does. */
  readonly requireTls: Step | undefined
  /** What is wrong with the files and certificates, for people. */
  problems(): KeyProblem[]
  close(): void
}

/** Makes TLS for clients, whose files it follows. */
export function openTls(options: TlsOptions): GatewayTls {
  const { config, keys, ticketSecret, logger } = options
  const { tls, http2 } = config
  const counts = new TlsCounts()
  const certificates = new LiveCertificates({
    files: certificateFilesOf(tls),
    pairs: keys.certificates,
    default: tls.default === undefined ? { origin: tls.cert } : { name: tls.default },
    logger,
    onChange: () => server.refresh(),
  })
  const { clientAuth } = tls
  const authorities =
    clientAuth &&
    new LiveAuthorities({
      files: clientAuth,
      authorities: keys.clientAuthorities!,
      logger,
      onChange: () => server.refresh(),
    })
  const reports = new OnceAMinute<HandshakeFailure>()
  const server = new TlsServer({
    ...{ ...tls, ticketSecret, counts, certificates },
    protocols: http2.enabled ? ['h2', 'http/1.1'] : ['http/1.1'],
    clientAuth: authorities && {
      authorities: () => authorities.present,
      isRequired: clientAuth.mode === 'required',
      hosts: clientAuth.hosts?.map(host => host.toLowerCase()),
    },
    hsts: tls.hsts && hstsOf(tls.hsts),
    onFailure(failure, socket, error) {
      // Scanners and clients that change their mind do nothing else.
      if (failure === 'closed' || !reports.isDue(failure, performance.now())) return
      const client = plainAddress(socket.remoteAddress)
      logger.info(
        { failure, client, reason: (error as { reason?: string }).reason ?? error.message },
        'TLS handshake failed; logged at most once a minute for each kind of failure',
      )
    },
  })
  const files = new FollowedFiles([...(authorities ? [authorities.followed] : []), ...certificates.followed])
  return {
    ...{ server, certificates, counts },
    requireTls:
      tls.plain === 'redirect' || tls.clientAuth?.mode === 'required'
        ? createRequireTls({
            redirects: tls.plain === 'redirect',
            requiresCertificate: host => server.requiresCertificate(host),
            hasCertificate: host => certificates.find(host) !== undefined,
            port: () => tls.publicPort ?? options.port(),
          })
        : undefined,
    ready: files.ready,
    problems: () => [...certificates.problems(), ...(authorities?.problems() ?? [])],
    close() {
      files.close()
      certificates.close()
      authorities?.close()
      server.close()
    },
  }
}

function hstsOf({ maxAgeSeconds, includeSubDomains, preload }: NonNullable<Config['tls']['hsts']>): string {
  return `max-age=${maxAgeSeconds}${includeSubDomains ? '; includeSubDomains' : ''}${preload ? '; preload' : ''}`
}
