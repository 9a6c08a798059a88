import { isIP } from 'node:net'
import type { ConnectionOptions, SecureContext, TLSSocket } from 'node:tls'
import { type Node, speaksHttp1 } from '../../internal/nodes/node.ts'
import { explainTlsError, noHttp2 } from './tls-failures.ts'

/** How TLS is spoken with the nodes of a service. An object stands for the same settings for good. */
export interface TlsSettings {
  /** The authorities that are trusted, our certificate and its key, and the versions of TLS. */
  readonly context: SecureContext
  /** The name or the IP address that certificates must be for; undefined = the host of the node. */
  readonly serverName: string | undefined
  /** Whether certificates are verified. */
  readonly verify: boolean
  /** Whether the context has a certificate of ours. */
  readonly hasCertificate: boolean
}

type WriteCallback = (error?: Error | null) => void

/**
 * Makes the TLS connections to one node, and resumes their sessions. It is told the settings for each connection, so new
 * ones follow what was changed.
 *
 * The socket is made by `tls.connect` without a socket of ours below it, because only such a TLS socket can be read below
 * its stream (`onread`).
 */
export class NodeTls {
  readonly #host: string
  readonly #protocol: string | undefined
  readonly #alpn: 'http/1.1' | 'h2'
  readonly #settings: () => TlsSettings
  /** What the node gave us to resume its last session. */
  #session: Buffer | undefined = undefined
  /** The settings with which that session was verified. It must not be resumed with others: names would not be checked. */
  #sessionOf: TlsSettings | undefined = undefined

  constructor(node: Pick<Node, 'host' | 'protocol'>, settings: () => TlsSettings) {
    this.#host = node.host
    this.#protocol = node.protocol
    this.#alpn = speaksHttp1(node) ? 'http/1.1' : 'h2'
    this.#settings = settings
  }

  /**
   * Begins to connect. The socket emits `secureConnect` when the handshake is over and the certificate is verified. The
   * messages of its errors say what to do.
   *
   * @param options of the TCP connection
   * @param onWriteError is called when a write fails, which then leaves the socket open; undefined = it is destroyed
   */
  connect(options: ConnectionOptions, onWriteError: ((error: Error) => void) | undefined): TLSSocket {
    const tls = process.getBuiltinModule('node:tls')
    const settings = this.#settings()
    const { context, serverName, verify, hasCertificate } = settings
    if (this.#sessionOf !== settings) this.#session = undefined
    this.#sessionOf = settings
    // Certificates are for names without the dot that ends them in DNS.
    const name = (serverName ?? this.#host).replace(/\.$/, '')
    const socket = tls.connect({
      ...options,
      secureContext: context,
      session: this.#session,
      ALPNProtocols: [this.#alpn],
      // RFC 6066 section 3 forbids addresses here.
      ...(isIP(name) === 0 && { servername: name }),
      rejectUnauthorized: verify,
      checkServerIdentity: (_, certificate) => tls.checkServerIdentity(name, certificate),
    })
    if (onWriteError !== undefined) surviveFailedWrites(socket, onWriteError)
    let isSecure = false
    return socket
      .on('session', session => {
        if (this.#sessionOf === settings) this.#session = session
      })
      .prependListener('secureConnect', () => {
        isSecure = true
        if (this.#alpn === 'h2' && socket.alpnProtocol !== 'h2') socket.destroy(noHttp2())
      })
      .prependListener('error', error => {
        if (!isSecure) this.#session = undefined
        explainTlsError(error, { name, protocol: this.#protocol, hasCertificate })
      })
  }
}

/** Makes a TLS socket do with a failed write what ReadableSocket does. `tls.connect` lets nobody choose the class. */
function surviveFailedWrites(socket: TLSSocket, onWriteError: (error: Error) => void): void {
  const { _write: write, _writev: writev } = socket
  let written: WriteCallback = () => {}
  const onWritten: WriteCallback = error => {
    if (error) onWriteError(error)
    else written()
  }
  socket._write = (chunk, encoding, callback) => {
    written = callback
    write.call(socket, chunk, encoding, onWritten)
  }
  socket._writev = (chunks, callback) => {
    written = callback
    writev!.call(socket, chunks, onWritten)
  }
}
