import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { TlsOptions } from 'node:tls'

export const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export interface Frame {
  readonly opcode: number
  readonly payload: Buffer
}

/** The node's side of a WebSocket. */
export interface NodeEnd {
  readonly request: IncomingMessage
  readonly socket: Socket
  /** All frames received so far. */
  readonly frames: readonly Frame[]
  write(opcode: number, payload?: Buffer | string): void
  close(code: number, reason?: string): void
  /** Resolves with the first frame, past or future, with this opcode; rejects if the connection ends before. */
  received(opcode: number): Promise<Frame>
  /** Resolves with the code of the received close frame: 1005 for one without a code, 1006 if there was no frame. */
  readonly closed: Promise<number>
}

export interface WebSocketNode {
  readonly port: number
  /** Resolves with the node's side of the next WebSocket. */
  next(): Promise<NodeEnd>
  /** The open connections. */
  readonly connections: ReadonlySet<Socket>
}

export interface WebSocketNodeOptions {
  /** The subprotocol to accept. Default: none. */
  readonly protocol?: string
  /** Further lines of the 101. */
  readonly lines?: readonly string[]
  /** Awaited before each handshake is accepted. */
  readonly beforeAgreeing?: () => Promise<void>
  /** Makes it a node that speaks TLS. */
  readonly tls?: TlsOptions | undefined
  /** Called instead of accepting a handshake. */
  readonly refuse?: (socket: Socket) => void
}

/** Starts a node that echoes every message, with its own code for frames (RFC 6455). Closed after the test. */
export async function startWebSocketNode(
  t: TestContext,
  { protocol, lines: more = [], tls, refuse, beforeAgreeing }: WebSocketNodeOptions = {},
): Promise<WebSocketNode> {
  const connections = new Set<Socket>()
  const opened: NodeEnd[] = []
  const waiting: ((end: NodeEnd) => void)[] = []
  const listener = (_request: IncomingMessage, response: ServerResponse) => response.end('plain')
  const server = tls ? createSecureServer(tls, listener) : createServer(listener)
  server.on('connection', (socket: Socket) => {
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
  })
  server.on('upgrade', async (request, stream, head) => {
    const socket = stream as Socket
    socket.on('error', () => {})
    if (refuse) {
      socket.on('end', () => socket.end()).resume()
      refuse(socket)
      return
    }
    await beforeAgreeing?.()
    const lines = protocol === undefined ? more : [...more, `Sec-WebSocket-Protocol: ${protocol}`]
    socket.write(accepted(request.headers['sec-websocket-key']!, lines))
    const end = speak(request, socket, head)
    const next = waiting.shift()
    if (next) next(end)
    else opened.push(end)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    server.close()
    for (const socket of connections) socket.destroy()
    await once(server, 'close')
  })
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    next: () =>
      new Promise(resolve => {
        const end = opened.shift()
        if (end) resolve(end)
        else waiting.push(resolve)
      }),
  }
}

/** Builds the 101 that accepts a handshake with this key. */
export function accepted(key: string, lines: readonly string[] = []): string {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  return [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
    ...lines,
    '\r\n',
  ].join('\r\n')
}

function speak(request: IncomingMessage, socket: Socket, head: Buffer): NodeEnd {
  const frames: Frame[] = []
  const closed = Promise.withResolvers<number>()
  const listeners = new Set<() => void>()
  let buffer = head
  let code = 1006
  const write = (opcode: number, payload: Buffer | string = '') => {
    const bytes = Buffer.from(payload)
    socket.write(Buffer.concat([frameHead(opcode, bytes.length), bytes]))
  }
  const take = (chunk: Buffer) => {
    buffer = Buffer.concat([buffer, chunk])
    for (let frame = nextFrame(); frame; frame = nextFrame()) {
      frames.push(frame)
      if (frame.opcode === OPCODE.close) {
        code = frame.payload.length < 2 ? 1005 : frame.payload.readUInt16BE(0)
        write(OPCODE.close, frame.payload)
        socket.end()
      } else if (frame.opcode !== OPCODE.pong) {
        write(frame.opcode === OPCODE.ping ? OPCODE.pong : frame.opcode, frame.payload)
      }
    }
    for (const listener of listeners) listener()
  }
  function nextFrame(): Frame | undefined {
    if (buffer.length < 2) return undefined
    const short = buffer[1]! & 0x7f
    const start = short < 126 ? 2 : short === 126 ? 4 : 10
    if (buffer.length < start + 4) return undefined
    const length = short < 126 ? short : start === 4 ? buffer.readUInt16BE(2) : buffer.readUInt32BE(6)
    if (buffer.length < start + 4 + length) return undefined
    const mask = buffer.subarray(start, start + 4)
    const payload = Buffer.from(buffer.subarray(start + 4, start + 4 + length))
    for (let i = 0; i < length; i++) payload[i]! ^= mask[i % 4]!
    const opcode = buffer[0]! & 0x0f
    buffer = buffer.subarray(start + 4 + length)
    return { opcode, payload }
  }
  socket.on('data', take)
  socket.on('end', () => socket.end())
  socket.once('close', () => {
    closed.resolve(code)
    for (const listener of listeners) listener()
  })
  take(Buffer.alloc(0))
  return {
    request,
    socket,
    frames,
    write,
    close: (value, reason = '') => {
      const payload = Buffer.concat([Buffer.from([value >> 8, value & 0xff]), Buffer.from(reason)])
      write(OPCODE.close, payload)
    },
    closed: closed.promise,
    received: opcode =>
      new Promise((resolve, reject) => {
        const look = () => {
          const frame = frames.find(each => each.opcode === opcode)
          if (frame) resolve(frame)
          else if (socket.destroyed) reject(new Error(`the connection ended before a frame ${opcode} came`))
          else return
          listeners.delete(look)
        }
        listeners.add(look)
        look()
      }),
  }
}

/** Builds the head of an unmasked frame that is not fragmented. */
export function frameHead(opcode: number, length: number): Buffer {
  if (length < 126) return Buffer.from([0x80 | opcode, length])
  const head = Buffer.alloc(length < 65_536 ? 4 : 10)
  head[0] = 0x80 | opcode
  head[1] = length < 65_536 ? 126 : 127
  if (length < 65_536) head.writeUInt16BE(length, 2)
  else head.writeUInt32BE(length, 6)
  return head
}

/** A client with Node's built-in WebSocket. Closed after the test. */
export interface WebSocketClient {
  readonly socket: WebSocket
  /** Resolves with the next message. */
  next(): Promise<string | Buffer>
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
}

export interface WebSocketClientOptions {
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly protocols?: readonly string[]
}

/** Opens a WebSocket. Resolves when the handshake has succeeded; rejects when it was refused. */
export async function openWebSocket(
  t: TestContext,
  port: number,
  { path = '/', headers = {}, protocols = [] }: WebSocketClientOptions = {},
): Promise<WebSocketClient> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers, protocols: [...protocols] })
  socket.binaryType = 'arraybuffer'
  t.after(() => socket.close())
  const messages: (string | Buffer)[] = []
  const waiting: ((message: string | Buffer) => void)[] = []
  socket.addEventListener('message', ({ data }) => {
    const message = typeof data === 'string' ? data : Buffer.from(data as ArrayBuffer)
    const next = waiting.shift()
    if (next) next(message)
    else messages.push(message)
  })
  const closed = new Promise<{ code: number; reason: string }>(resolve => {
    socket.addEventListener('close', ({ code, reason }) => resolve({ code, reason }))
  })
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve())
    socket.addEventListener('error', () => reject(new Error('the handshake was refused')))
  })
  return {
    socket,
    closed,
    next: () =>
      new Promise(resolve => {
        const message = messages.shift()
        if (message !== undefined) resolve(message)
        else waiting.push(resolve)
      }),
  }
}

/** Builds a client's frame, with a mask of zeros. */
export function clientFrame(opcode: number, payload: Buffer | string = ''): Buffer {
  const bytes = Buffer.from(payload)
  const head = frameHead(opcode, bytes.length)
  head[1]! |= 0x80
  return Buffer.concat([head, Buffer.alloc(4), bytes])
}

/** The key of {@link handshake}. */
export const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='

/** Builds the head of a handshake, for tests that write it to a socket. */
export function handshake(path: string, lines: readonly string[] = []): string {
  return [
    `GET ${path} HTTP/1.1`,
    'Host: h',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${KEY}`,
    ...lines,
    '\r\n',
  ].join('\r\n')
}
