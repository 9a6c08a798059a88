import { request } from 'node:https'
import { connect, type PeerCertificate } from 'node:tls'

/** A gateway with TLS, as a client knows it. */
export interface TlsTarget {
  readonly port: number
  /** The certificates that the client trusts, in PEM. */
  readonly ca: string | Buffer
}

/** Sends a GET over TLS on its own connection, to 127.0.0.1 under a host name. Rejects when the handshake fails. */
export function getTls(
  { port, ca }: TlsTarget,
  host: string,
  path = '/',
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { host: `${host}:${port}` }
    request({ host: '127.0.0.1', servername: host, port, ca, path, headers, agent: false }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', piece => {
        text += piece
      })
      response.on('end', () => resolve({ status: response.statusCode!, text })).on('error', reject)
    })
      .on('error', reject)
      .end()
  })
}

/** Resolves with the certificate that a server shows for a name; undefined when the handshake fails. */
export function shownCertificate(port: number, servername: string): Promise<PeerCertificate | undefined> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate())
      socket.end()
    })
    socket.on('error', () => resolve(undefined))
  })
}
