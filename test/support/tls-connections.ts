import { once } from 'node:events'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { connect as connectPlain } from 'node:net'
import type { TestContext } from 'node:test'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { type RawClient, readRaw } from './http.ts'
import { PREFACE, RawHttp2, settingsFrame } from './raw-http2.ts'

/** Completes a handshake with a port of loopback. @throws Error when it fails. The connection is closed after the test. */
export async function openTls(
  t: Pick<TestContext, 'after'>,
  port: number,
  options: ConnectionOptions = {},
): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ...options })
  t.after(() => socket.destroy())
  await once(socket, 'secureConnect')
  socket.on('error', () => {})
  return socket
}

/** Opens a connection with TLS on which the test can write anything. Closed after the test. */
export async function openRawTls(
  t: Pick<TestContext, 'after'>,
  port: number,
  options: ConnectionOptions = {},
): Promise<RawClient & { readonly socket: TLSSocket }> {
  const socket = await openTls(t, port, options)
  return { ...readRaw(socket), socket }
}

/** Sends bytes over TLS, and resolves with all that comes until the connection is closed. */
export async function sendRawTls(
  t: Pick<TestContext, 'after'>,
  port: number,
  bytes: string | Buffer,
  options: ConnectionOptions = {},
): Promise<string> {
  const { socket, closed } = await openRawTls(t, port, options)
  socket.write(bytes)
  return await closed
}

/**
 * Tries to get an answer over TLS.
 *
 * @returns the status, or `none` when the connection ends without one: with TLS 1.3, a client is through with its handshake
 *   before the server has looked at its certificate
 */
export async function statusOver(
  port: number,
  options: ConnectionOptions,
  host = String(options.servername),
): Promise<number | 'none'> {
  const socket = connect({ host: '127.0.0.1', port, ...options })
  const client = readRaw(socket)
  let mistake: Error | undefined
  socket.on('error', (error: NodeJS.ErrnoException) => {
    // The client itself did not like the server's certificate.
    if (error.code?.startsWith('ERR_TLS_CERT')) mistake = error
  })
  socket.write(`GET /user HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
  const status = /^HTTP\/1\.1 (\d+)/.exec(await client.closed)?.[1]
  if (mistake) throw mistake
  return status === undefined ? 'none' : Number(status)
}

/** Opens a connection of node:http2 over TLS. Closed after the test. */
export function openHttp2Tls(
  t: Pick<TestContext, 'after'>,
  port: number,
  options: ConnectionOptions,
): ClientHttp2Session {
  const session = connectHttp2(`https://127.0.0.1:${port}`, options)
  session.on('error', () => {})
  t.after(() => session.destroy())
  return session
}

/** Opens a connection with TLS that speaks HTTP/2 frame by frame. Closed after the test. */
export async function openRawHttp2Tls(
  t: Pick<TestContext, 'after'>,
  port: number,
  options: ConnectionOptions,
): Promise<RawHttp2> {
  const socket = await openTls(t, port, { ALPNProtocols: ['h2'], ...options })
  const raw = new RawHttp2(socket, false)
  raw.write(PREFACE, settingsFrame())
  return raw
}

/** Gets the first message of a client, without a server. */
export async function clientHello(options: ConnectionOptions): Promise<Buffer> {
  const { Duplex } = await import('node:stream')
  const { promise, resolve } = Promise.withResolvers<Buffer>()
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      resolve(chunk)
      done()
    },
  })
  const socket = connect({ ...options, socket: stream })
  socket.on('error', () => {})
  const hello = await promise
  socket.destroy()
  return hello
}

/** Connects without saying anything. Closed after the test. */
export async function openSilent(t: Pick<TestContext, 'after'>, port: number): Promise<RawClient> {
  const socket = connectPlain(port, '127.0.0.1')
  const client = readRaw(socket)
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return client
}
