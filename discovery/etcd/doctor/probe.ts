import { connect as connectHttp2 } from 'node:http2'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls'
import type { EtcdTls } from '../tls-credentials.ts'
import {
  type ConnectionFailure,
  type ConnectionStep,
  explainCertificate,
  explainConnection,
} from './connection-failure.ts'
import type { EndpointUrl } from './endpoint-url.ts'
import { within } from './within.ts'

/** The certificate was seen and is not accepted. */
class UntrustedError extends Error {
  readonly failure: ConnectionFailure

  constructor(failure: ConnectionFailure) {
    super(failure.message)
    this.failure = failure
  }
}

/**
 * Connects to an endpoint step by step (TCP, TLS where its URL says so, HTTP/2), because gRPC says little
 * more than "unavailable" of any of them.
 *
 * @returns what failed; undefined when nothing did
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
      // RFC 6066 section 3: an address is no server name.
      ...(isIP(host) === 0 && { servername: host }),
      checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
      // Decided below, where the certificate can still be looked at. Nothing is sent before.
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

/** A server with which the connection works says so with a SETTINGS frame (RFC 9113 section 3.4). */
function settings({ url }: EndpointUrl, socket: Socket, open: Open): Promise<void> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(url, { createConnection: () => socket })
    open.push(session)
    session.on('error', reject)
    // With TLS 1.3 a server refuses the client's certificate only after the handshake.
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
