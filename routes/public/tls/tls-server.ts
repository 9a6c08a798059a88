import { constants, createHash, hkdfSync } from 'node:crypto'
import type { Socket } from 'node:net'
import {
  createSecureContext,
  createServer,
  type SecureContext,
  type TLSSocket,
  type TlsOptions,
} from 'node:tls'
import { CLIENT_TLS } from '../../../internal/http/client-tls.ts'
import { coversHost } from '../../../internal/tls/alt-names.ts'
import { awaitClientHello } from './client-hello.ts'
import { HandshakeQueue } from './handshake-queue.ts'
import { type HostRules, readClientTls, verifiedCertificate } from './read-client-tls.ts'
import { failureOf, type HandshakeFailure, type TlsCounts } from './tls-counts.ts'

/** A certificate with its key, in PEM. */
export interface ServedCertificate {
  readonly names: readonly string[]
  readonly cert: string
  readonly key: string
}

export interface TlsServerOptions {
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  readonly handshakeTimeoutMs: number
  /** 0: sessions are not resumed. */
  readonly ticketLifetimeSeconds: number
  /** The secret that the keys of tickets are made from. Processes that share it resume each other's sessions. */
  readonly ticketSecret: Buffer
  /** The protocols that clients may choose from, the best one first. */
  readonly protocols: readonly ('h2' | 'http/1.1')[]
  readonly certificates: {
    /** Returns the certificate for a server name. */
    find(serverName: string): ServedCertificate | undefined
    /** The certificate for all other clients; undefined = they get no connection. */
    readonly default: ServedCertificate | undefined
  }
  readonly clientAuth: ClientAuthOptions | undefined
  /** The value of Strict-Transport-Security; undefined = none. */
  readonly hsts: string | undefined
  readonly counts: TlsCounts
  /** Called with handshakes that have failed, but not with those that were too many. */
  readonly onFailure: (reason: HandshakeFailure, socket: Socket, error: Error) => void
}

export interface ClientAuthOptions {
  /** Returns the certificates of the authorities and their revocation lists, in PEM, as they are now. */
  readonly authorities: () => { readonly ca: string; readonly crl?: string | undefined }
  readonly isRequired: boolean
  /** The hosts that ask for certificates; undefined = all. */
  readonly hosts: readonly string[] | undefined
}

// Forward secrecy and authenticated encryption alone.
const CIPHERS = [
  ...['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
  ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'],
  ...['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'],
  ...['ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
].join(':')
/**
 * Groups for the key exchange, the best one first. Without those of finite fields, with which clients could make a handshake
 * cost a server many times as much (D(HE)at, CVE-2002-20001).
 */
const GROUPS = ['X25519MLKEM768', 'X25519', 'P-256', 'P-384'].filter(isKnownGroup).join(':')
const TICKET_KEY_BYTES = 48
const NO_CERTIFICATE = 'NO_CERTIFICATE_FOR_NAME'
const NO_CLIENT_CERTIFICATE = 'PEER_DID_NOT_RETURN_A_CERTIFICATE'

/** Undocumented fields of a socket while its handshake goes on. */
interface HandshakingSocket extends TLSSocket {
  _requestCert: boolean
  _rejectUnauthorized: boolean
  readonly _handle: { setVerifyMode(asks: boolean, rejects: boolean): void } | null
}

/** The socket that TLS runs over, as node:tls keeps it. */
export interface SecuredSocket extends TLSSocket {
  readonly _parent: Socket | null
}

/** TLS in front of an HTTP server, which accepts the connections. Its owner calls `close()`. */
export class TlsServer {
  readonly #options: TlsServerOptions
  readonly #rules: HostRules
  #contexts = new WeakMap<ServedCertificate, SecureContext>()
  #tls: ReturnType<typeof createServer> | undefined
  #ticketTimer: NodeJS.Timeout | undefined
  /** Connections whose handshake is not over, which the HTTP server does not know of. */
  readonly #unsecured = new Set<Socket>()
  #authorities: { readonly ca?: string; readonly crl?: string } = {}
  /** The certificate of the present context. */
  #default: ServedCertificate | undefined

  constructor(options: TlsServerOptions) {
    this.#options = options
    const { certificates, clientAuth } = options
    this.#rules = {
      namesFor: serverName => (serverName === '' ? undefined : certificates.find(serverName)?.names),
      asksForCertificate: host =>
        clientAuth !== undefined && (clientAuth.hosts === undefined || coversHost(clientAuth.hosts, host)),
    }
  }

  /**
   * Begins to take connections. Called once.
   *
   * @param onSecured is called with a connection whose handshake is over, as it was accepted and with its TLS
   * @param onHttp is called with a connection whose client has sent a request without TLS
   * @returns the function that begins the handshake of a connection, now or when it is its turn
   */
  open(
    onSecured: (accepted: Socket, socket: TLSSocket) => void,
    onHttp: (socket: Socket) => void,
  ): (socket: Socket) => void {
    const { clientAuth, counts, handshakeTimeoutMs, hsts, onFailure, protocols } = this.#options
    const { ticketLifetimeSeconds } = this.#options
    const ofAllHosts = clientAuth !== undefined && clientAuth.hosts === undefined
    this.#readAuthorities()
    const tls = createServer({
      ...this.#contextOptions(),
      handshakeTimeout: handshakeTimeoutMs,
      ALPNProtocols: [...protocols],
      SNICallback: this.#chooser(),
      requestCert: ofAllHosts,
      rejectUnauthorized: ofAllHosts && clientAuth.isRequired,
    })
    this.#tls = tls
    tls
      .on('secureConnection', socket => {
        const accepted = (socket as SecuredSocket)._parent
        if (accepted === null || !this.#isAllowed(socket)) {
          this.#fail(socket, new Error(NO_CLIENT_CERTIFICATE))
          return
        }
        this.#unsecured.delete(accepted)
        socket.allowHalfOpen = true
        if (socket.isSessionReused()) counts.resumed++
        else counts.full++
        Object.assign(socket, { [CLIENT_TLS]: readClientTls(socket, this.#rules, hsts) })
        onSecured(accepted, socket)
      })
      .on('tlsClientError', (error, socket) => this.#fail(socket, error))
    if (ticketLifetimeSeconds > 0) this.#awaitNextPeriod()
    const queue = new HandshakeQueue(
      socket => void tls.emit('connection', socket),
      () => counts.failed['too-many']++,
    )
    return socket => {
      // Otherwise a client that leaves during its handshake would be waited for until `handshakeTimeoutMs`.
      socket.allowHalfOpen = false
      this.#unsecured.add(socket)
      // Before its handshake, nobody else would notice an error, which would end the process.
      socket.on('error', () => {}).once('close', () => this.#unsecured.delete(socket))
      const fail = (reason: HandshakeFailure, message: string) => {
        counts.failed[reason]++
        onFailure(reason, socket, new Error(message))
      }
      awaitClientHello(socket, {
        timeoutMs: handshakeTimeoutMs,
        onWhole: () => queue.add(socket),
        onHttp() {
          fail('not-tls', 'the client has sent a request without TLS')
          onHttp(socket)
        },
        onMissing: reason => fail(reason, 'the client has said nothing'),
      })
    }
  }

  /** Returns whether a host gives no connection to clients without a certificate. */
  requiresCertificate(host: string): boolean {
    return this.#options.clientAuth?.isRequired === true && this.#rules.asksForCertificate(host)
  }

  /** Takes over other certificates and authorities. Open connections keep theirs. */
  refresh(): void {
    const before = this.#authorities
    this.#readAuthorities()
    const isSame = before === this.#authorities && this.#default === this.#options.certificates.default
    if (!isSame) this.#tls?.setSecureContext(this.#contextOptions())
  }

  /** Ends every connection whose handshake is not over. */
  cutOff(): void {
    for (const socket of this.#unsecured) socket.destroy()
  }

  close(): void {
    clearTimeout(this.#ticketTimer)
  }

  #readAuthorities(): void {
    const { ca, crl } = this.#options.clientAuth?.authorities() ?? {}
    const next = { ...(ca !== undefined && { ca }), ...(crl !== undefined && { crl }) }
    if (next.ca === this.#authorities.ca && next.crl === this.#authorities.crl) return
    this.#authorities = next
    this.#contexts = new WeakMap()
  }

  /** The options of the context in which every handshake begins, that of the default certificate. */
  #contextOptions(): TlsOptions {
    const { certificates, minVersion, ticketLifetimeSeconds } = this.#options
    this.#default = certificates.default
    const { cert, key } = this.#default ?? {}
    return {
      ...(cert !== undefined && key !== undefined && { cert, key }),
      ...this.#authorities,
      minVersion,
      ciphers: CIPHERS,
      ecdhCurve: GROUPS,
      honorCipherOrder: true,
      secureOptions:
        constants.SSL_OP_NO_RENEGOTIATION |
        constants.SSL_OP_NO_COMPRESSION |
        (ticketLifetimeSeconds > 0 ? 0 : constants.SSL_OP_NO_TICKET),
      sessionIdContext: 'waygate',
      ...(ticketLifetimeSeconds > 0 && {
        sessionTimeout: ticketLifetimeSeconds,
        ticketKeys: this.#ticketKeys(),
      }),
    }
  }

  /** Replaces the keys of tickets at the moment at which all processes do. */
  #awaitNextPeriod(): void {
    const periodMs = this.#periodMs
    this.#ticketTimer = setTimeout(
      () => {
        this.#tls?.setTicketKeys(this.#ticketKeys())
        this.#awaitNextPeriod()
      },
      periodMs - (Date.now() % periodMs),
    ).unref()
  }

  /** How long the keys of tickets are used: half of the lifetime of tickets. */
  get #periodMs(): number {
    return (this.#options.ticketLifetimeSeconds * 1_000) / 2
  }

  /**
   * Makes the keys of tickets for the present period. They depend on the authorities, because a session that is resumed
   * counts as verified by those of the time when it began.
   */
  #ticketKeys(): Buffer {
    const { ticketSecret } = this.#options
    const period = Math.floor(Date.now() / this.#periodMs)
    const { ca = '', crl = '' } = this.#authorities
    const salt = createHash('sha256').update(`${ca}\0${crl}`).digest()
    return Buffer.from(hkdfSync('sha256', ticketSecret, salt, `waygate tickets ${period}`, TICKET_KEY_BYTES))
  }

  /** Makes the choice of a certificate for the name that a client asks for. Node calls it with the client's socket as `this`. */
  #chooser(): NonNullable<TlsOptions['SNICallback']> {
    const { certificates, clientAuth } = this.#options
    const [contextOf, rules] = [this.#contextOf, this.#rules]
    return function choose(this: unknown, serverName, done) {
      const certificate = certificates.find(serverName) ?? certificates.default
      if (certificate === undefined) {
        done(Object.assign(new Error(`no certificate for ${serverName}`), { code: NO_CERTIFICATE }))
        return
      }
      if (clientAuth?.hosts !== undefined && rules.asksForCertificate(serverName.toLowerCase())) {
        const socket = this as HandshakingSocket
        // What `requestCert` does for all hosts, Node does not offer for one. `#isAllowed` looks at what has come of it.
        socket._requestCert = true
        socket._rejectUnauthorized = clientAuth.isRequired
        socket._handle?.setVerifyMode(true, clientAuth.isRequired)
      }
      done(null, contextOf(certificate))
    }
  }

  readonly #contextOf = (certificate: ServedCertificate): SecureContext => {
    const { ca, crl } = this.#authorities
    let context = this.#contexts.get(certificate)
    context ??= createSecureContext({ cert: certificate.cert, key: certificate.key, ca, crl })
    this.#contexts.set(certificate, context)
    return context
  }

  /** Whether a client has the certificate that the host asks for. A resumed session does not ask for it again. */
  #isAllowed(socket: TLSSocket): boolean {
    const { clientAuth } = this.#options
    if (clientAuth?.isRequired !== true) return true
    const serverName = typeof socket.servername === 'string' ? socket.servername.toLowerCase() : ''
    return !this.#rules.asksForCertificate(serverName) || verifiedCertificate(socket) !== undefined
  }

  #fail(socket: TLSSocket, error: Error): void {
    // Node hangs up on a client whose certificate does not verify, and says why only here.
    const { authorizationError: unverified } = socket
    const reason = unverified ? 'client-certificate' : failureOf(error)
    this.#options.counts.failed[reason]++
    // The socket of the TLS no longer knows the address of one that is closed.
    const accepted = (socket as SecuredSocket)._parent ?? socket
    this.#options.onFailure(reason, accepted, unverified ? new Error(String(unverified)) : error)
    socket.destroy()
  }
}

/** OpenSSL before 3.5, as Node 22 has it, does not know the first one. */
function isKnownGroup(name: string): boolean {
  try {
    createSecureContext({ ecdhCurve: name })
    return true
  } catch {
    return false
  }
}
