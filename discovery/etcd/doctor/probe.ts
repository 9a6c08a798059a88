import { connect as connectHttp2 } from 'node:http2'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls'
import type { EndpointUrl } from '../endpoint-url.ts'
import type { EtcdTls } from '../tls-files.ts'
import {
  type ConnectionFailure,
  type ConnectionStep,
  explainCertificate,
  explainConnection,
} from './connection-failure.ts'
import { within } from './within.ts'

/** The server's certificate was rejected. */
class UntrustedError extends Error {
  readonly failure: ConnectionFailure

  constructor(failure: ConnectionFailure) {
    super(failure.message)
    this.failure = failure
  }
}

/**
 * Connects to an endpoint step by step: TCP, TLS if its URL is https, and HTTP/2. gRPC itself reports little
 * more than "unavailable" for a failure of any of them.
 *
 * @returns the failure, or undefined when there was none
 */
export async function probe(
  endpoint: EndpointUrl,
  tls: EtcdTls | undefined,
  withinMs: number,
): Promise<ConnectionFailure | undefined> {
  const open: { destroy(): unknown }[] = []
  let step: ConnectionStep = 'tcp'
  const steps = async () => {
    let socket = await tcp(endpoint, open)
    if (endpoint.secure) {
      step = 'tls'
      socket = await handshake(endpoint, socket, tls ?? {}, open)
    }
    step = 'http2'
    await settings(endpoint, socket, open)
  }
  try {
    await within(withinMs, steps())
    return undefined
  } catch (error) {
    if (error instanceof UntrustedError) return error.failure
    return explainConnection(endpoint, step, error, tls?.cert !== undefined)
  } finally {
    for (const each of open.reverse()) each.destroy()
  }
}

type Open = { destroy(): unknown }[]

function tcp({ host, port }: EndpointUrl, open: Open): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port })
    open.push(socket)
    socket.on('error', reject).once('connect', () => resolve(socket))
  })
}

function handshake(endpoint: EndpointUrl, socket: Socket, tls: EtcdTls, open: Open): Promise<TLSSocket> {
  const { host } = endpoint
  return new Promise((resolve, reject) => {
    const secured = connectTls({
      socket,
      ...tls,
      ALPNProtocols: ['h2'],
      // RFC 6066 section 3 does not allow an address as the server name.
      ...(isIP(host) === 0 && { servername: host }),
      checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
      // The certificate is judged below, where it can be inspected. Nothing is sent before that.
      rejectUnauthorized: false,
    })
    open.push(secured)
    secured.on('error', reject).once('close', () => reject(new Error('the connection was closed')))
    secured.once('secureConnect', () => {
      const { authorized, authorizationError } = secured
      if (authorized) resolve(secured)
      else {
        const certificate = shown(secured.getPeerCertificate())
        const code = String((authorizationError as NodeJS.ErrnoException).code ?? authorizationError)
        reject(new UntrustedError(explainCertificate(endpoint, code, certificate, tls.ca !== undefined)))
      }
    })
  })
}

/** Waits for the server's SETTINGS frame, which confirms the connection (RFC 9113 section 3.4). */
function settings({ url }: EndpointUrl, socket: Socket, open: Open): Promise<void> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(url, { createConnection: () => socket })
    open.push(session)
    session.on('error', reject)
    // With TLS 1.3 a server rejects the client's certificate only after the handshake.
    socket.on('error', reject)
    session.once('close', () => reject(new Error('the connection was closed')))
    session.once('remoteSettings', () => resolve())
  })
}

function shown({ subject, issuer, subjectaltname, valid_from, valid_to }: PeerCertificate) {
  return {
    subject: nameOf(subject),
    issuer: nameOf(issuer),
    names: subjectaltname ?? '',
    validFrom: valid_from,
    validTo: valid_to,
  }
}

function nameOf(name: PeerCertificate['subject'] | undefined): string {
  return String(name?.CN ?? name?.O ?? 'an unnamed authority')
}
