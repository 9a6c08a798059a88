import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { CLIENT_PREFACE } from '../../../internal/http2/incoming-frames.ts'
import type { ParserError } from '../../../middleware/connection/client-error.ts'
import { proxyHeaderBytes } from '../../../middleware/connection/proxy-protocol.ts'

const { createServer } = process.getBuiltinModule('node:http')

/** llhttp stops with this code behind a whole preface, however many packets it came in. */
const STOPPED_AT_PREFACE = 'HPE_PAUSED_H2_UPGRADE'
/** The listeners of Node's HTTP server on its connections. */
const SERVERS_OWN = /^(?:bound )?socketOn[A-Z]/
/** The one among them that gives the parser back. */
const GIVE_PARSER_BACK = 'bound socketOnClose'

/**
 * Takes a connection away from Node's HTTP server when its client has begun with the HTTP/2 preface. HTTP/1 pays nothing
 * for that: llhttp recognises the preface by itself and refuses it like any other data that is not HTTP/1.
 *
 * The preface is taken for one only at the very beginning of a connection, or right behind a header of the PROXY protocol.
 * Behind a request it is a part of the request to some servers, and is refused like anything else.
 *
 * @param onBytes gets everything that arrives from now on
 * @returns the bytes that came behind the preface, which `onBytes` does not get; undefined when the connection was left
 *   alone
 */
export function takeOver(
  error: ParserError,
  socket: Socket,
  onBytes: (bytes: Buffer) => void,
): Buffer | undefined {
  const { code, rawPacket, bytesParsed } = error
  if (code !== STOPPED_AT_PREFACE || !Buffer.isBuffer(rawPacket) || bytesParsed === undefined)
    return undefined
  const rest = rawPacket.subarray(bytesParsed)
  if (socket.bytesRead - rest.length - proxyHeaderBytes(socket) !== CLIENT_PREFACE.length) return undefined
  const giveParserBack = socket.listeners('close').find(({ name }) => name === GIVE_PARSER_BACK)
  if (giveParserBack === undefined) return undefined
  // Node's server stops reading a connection that gets another listener for its data.
  socket.on('data', onBytes)
  for (const event of ['data', 'end', 'drain', 'timeout', 'error', 'close']) {
    for (const listener of socket.listeners(event)) {
      if (SERVERS_OWN.test(listener.name)) socket.off(event, listener as () => void)
    }
  }
  Reflect.apply(giveParserBack, socket, [])
  return rest
}

/**
 * Returns whether {@link takeOver} works with this Node, which it asks for things that are not documented. It is tried on a
 * connection that exists in memory only.
 */
export function canTakeOver(): boolean {
  const socket = Object.assign(new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() }), {
    bytesRead: CLIENT_PREFACE.length + 1,
  })
  const received: Buffer[] = []
  const server = createServer().on('clientError', (error, client) => {
    const rest = takeOver(error as ParserError, client as Socket, bytes => received.push(bytes))
    if (rest) received.push(rest)
  })
  server.emit('connection', socket)
  socket.on('error', () => {}).emit('data', Buffer.concat([CLIENT_PREFACE, Buffer.from('1')]))
  socket.emit('data', Buffer.from('2'))
  socket.destroy()
  return Buffer.concat(received).toString() === '12' && !('parser' in socket && socket.parser)
}
