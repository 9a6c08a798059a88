import type { Logger } from 'pino'
import { readWhileRunning } from '../../config/keys/file-contents.ts'
import { certificateFilesOf, readClientAuthorities, type TlsKeys } from '../../config/keys/tls-keys.ts'
import type { Config } from '../../config/schema.ts'
import type { KeyProblem } from '../../discovery/key-problems.ts'
import { OnceAMinute } from '../../internal/once-a-minute.ts'
import type { Step } from '../../internal/policy.ts'
import { plainAddress } from '../../middleware/request/client-address.ts'
import { createRequireTls } from '../../middleware/request/require-tls.ts'
import { type HandshakeFailure, TlsCounts } from '../../routes/public/tls/tls-counts.ts'
import { type ClientAuthOptions, TlsServer } from '../../routes/public/tls/tls-server.ts'
import { FollowedFiles, type FollowedSet } from './followed-files.ts'
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
  const clientAuth = tls.clientAuth && openClientAuth(tls.clientAuth, keys, logger, () => server.refresh())
  const reports = new OnceAMinute<HandshakeFailure>()
  const server = new TlsServer({
    ...{ ...tls, ticketSecret, counts, certificates },
    protocols: http2.enabled ? ['h2', 'http/1.1'] : ['http/1.1'],
    clientAuth: clientAuth?.options,
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
  const files = new FollowedFiles([...(clientAuth ? [clientAuth.followed] : []), ...certificates.followed])
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
    problems: () => [...certificates.problems(), ...(clientAuth?.problems() ?? [])],
    close() {
      files.close()
      certificates.close()
      server.close()
    },
  }
}

interface LiveClientAuth {
  readonly options: ClientAuthOptions
  readonly followed: FollowedSet
  problems(): KeyProblem[]
}

function openClientAuth(
  { ca, crl, hosts, mode }: NonNullable<Config['tls']['clientAuth']>,
  keys: TlsKeys,
  logger: Logger,
  onChange: () => void,
): LiveClientAuth {
  let authorities = keys.clientAuthorities!
  let problem: string | undefined
  return {
    options: {
      authorities: () => authorities,
      isRequired: mode === 'required',
      hosts: hosts?.map(host => host.toLowerCase()),
    },
    followed: {
      paths: crl === undefined ? [ca] : [ca, crl],
      readAgain() {
        const next = readClientAuthorities({ ca, crl }, readWhileRunning)
        if (next.ca === authorities.ca && next.crl === authorities.crl) return
        authorities = next
        logger.info({ ca, crl }, 'authorities of client certificates changed; sessions are no longer resumed')
        onChange()
      },
      onProblem(reason) {
        problem = reason
        if (reason === undefined) return
        logger.warn(
          { reason },
          'authorities of client certificates cannot be used; keeping the last good ones',
        )
      },
    },
    problems: () => (problem === undefined ? [] : [{ key: ca, reason: problem }]),
  }
}

function hstsOf({ maxAgeSeconds, includeSubDomains, preload }: NonNullable<Config['tls']['hsts']>): string {
  return `max-age=${maxAgeSeconds}${includeSubDomains ? '; includeSubDomains' : ''}${preload ? '; preload' : ''}`
}
