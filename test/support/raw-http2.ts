import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { ERROR, FLAG, FRAME } from '../../internal/http2/frames.ts'
import { HpackDecoder } from '../../internal/http2/hpack-decoder.ts'

/*
 * HTTP/2 written and read frame by frame, for hostile clients and hostile nodes: nothing here keeps to the protocol unless
 * the test does. Frames are made by functions that return bytes, such as `headersFrame`. `describeFrames` turns bytes into
 * lines such as `RST_STREAM 1 PROTOCOL_ERROR`, which tests compare. `openRawHttp2` is a client on a real socket, and
 * `listenRawHttp2` a server.
 */

/** The first bytes of a client (RFC 9113, section 3.4). */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')
const HEADER_BYTES = 9
const NOTHING = Buffer.alloc(0)

/** A frame as it came: nothing of it was checked. */
export interface RawFrame {
  /** One of FRAME, or unknown. */
  readonly type: number
  readonly flags: number
  readonly streamId: number
  readonly payload: Buffer
}

/**
 * Returns the bytes of a frame.
 *
 * @param length what the header says, if it shall lie
 */
export function rawFrame(
  type: number,
  flags: number,
  streamId: number,
  payload: Buffer = NOTHING,
  length = payload.length,
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUIntBE(length, 0, 3)
  header[3] = type
  header[4] = flags
  header.writeUInt32BE(streamId, 5)
  return Buffer.concat([header, payload])
}

/** Returns a header block of literals: neither table is used, nothing is compressed, and nothing is checked. */
export function literalBlock(lines: readonly string[]): Buffer {
  const pieces: Buffer[] = []
  for (let i = 0; i < lines.length; i += 2) {
    pieces.push(Buffer.from([0x00]), literalText(lines[i]!), literalText(lines[i + 1]!))
  }
  return Buffer.concat(pieces)
}

function literalText(text: string): Buffer {
  const length: number[] = []
  if (text.length < 0x7f) length.push(text.length)
  else {
    length.push(0x7f)
    let left = text.length - 0x7f
    for (; left >= 0x80; left >>>= 7) length.push((left & 0x7f) | 0x80)
    length.push(left)
  }
  return Buffer.concat([Buffer.from(length), Buffer.from(text, 'latin1')])
}

export interface HeadersOptions {
  /** Whether END_STREAM is set. Default true. */
  readonly isEnd?: boolean
  /** Whether END_HEADERS is set. Default true. */
  readonly isWhole?: boolean
  /** Bytes of padding. Default: the frame is not padded. */
  readonly padding?: number
  /** The stream that the stream depends on. Default: the frame has no priority. */
  readonly dependsOn?: number
}

/** Returns HEADERS. @param block lines, or the bytes of a block */
export function headersFrame(
  streamId: number,
  block: readonly string[] | Buffer,
  { isEnd = true, isWhole = true, padding, dependsOn }: HeadersOptions = {},
): Buffer {
  let payload = Buffer.isBuffer(block) ? block : literalBlock(block)
  let flags = (isEnd ? FLAG.endStream : 0) | (isWhole ? FLAG.endHeaders : 0)
  if (dependsOn !== undefined) {
    flags |= FLAG.priority
    payload = Buffer.concat([uint32(dependsOn), Buffer.from([15]), payload])
  }
  if (padding !== undefined) {
    flags |= FLAG.padded
    payload = padded(payload, padding)
  }
  return rawFrame(FRAME.headers, flags, streamId, payload)
}

/** Returns CONTINUATION. */
export function continuationFrame(streamId: number, block: Buffer, isWhole = true): Buffer {
  return rawFrame(FRAME.continuation, isWhole ? FLAG.endHeaders : 0, streamId, block)
}

/** The lines of a request head that nothing is wrong with, and those given. */
export function requestLines(more: readonly string[] = [], method = 'GET', path = '/'): string[] {
  return [':method', method, ':scheme', 'http', ':path', path, ':authority', 'example.com', ...more]
}

/** Returns DATA. Default: neither END_STREAM nor padding. */
export function dataFrame(
  streamId: number,
  body: string | Buffer = '',
  { isEnd = false, padding }: { readonly isEnd?: boolean; readonly padding?: number } = {},
): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body
  const flags = (isEnd ? FLAG.endStream : 0) | (padding === undefined ? 0 : FLAG.padded)
  return rawFrame(FRAME.data, flags, streamId, padding === undefined ? bytes : padded(bytes, padding))
}

/** Returns SETTINGS. @param pairs identifier, value, identifier, value ... */
export function settingsFrame(pairs: readonly number[] = []): Buffer {
  const payload = Buffer.alloc(pairs.length * 3)
  for (let i = 0; i < pairs.length; i += 2) {
    payload.writeUInt16BE(pairs[i]!, i * 3)
    payload.writeUInt32BE(pairs[i + 1]!, i * 3 + 2)
  }
  return rawFrame(FRAME.settings, 0, 0, payload)
}

export const SETTINGS_ACK: Buffer = rawFrame(FRAME.settings, FLAG.ack, 0)

/** @param text eight characters */
export function pingFrame(text = '12345678', isAck = false): Buffer {
  return rawFrame(FRAME.ping, isAck ? FLAG.ack : 0, 0, Buffer.from(text, 'latin1'))
}

export function rstStreamFrame(streamId: number, code: number = ERROR.cancel): Buffer {
  return rawFrame(FRAME.rstStream, 0, streamId, uint32(code))
}

export function windowUpdateFrame(streamId: number, increment: number): Buffer {
  return rawFrame(FRAME.windowUpdate, 0, streamId, uint32(increment))
}

export function goawayFrame(lastStreamId: number, code: number = ERROR.noError, text = ''): Buffer {
  const payload = Buffer.concat([uint32(lastStreamId), uint32(code), Buffer.from(text, 'latin1')])
  return rawFrame(FRAME.goaway, 0, 0, payload)
}

export function priorityFrame(streamId: number, dependsOn: number): Buffer {
  return rawFrame(FRAME.priority, 0, streamId, Buffer.concat([uint32(dependsOn), Buffer.from([15])]))
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}

function padded(payload: Buffer, padding: number): Buffer {
  return Buffer.concat([Buffer.from([padding]), payload, Buffer.alloc(padding)])
}

/**
 * Splits bytes into frames. An incomplete one at the end is left out.
 *
 * @returns the frames, and how many bytes they take
 */
export function splitFrames(bytes: Buffer): { frames: RawFrame[]; size: number } {
  const frames: RawFrame[] = []
  let at = 0
  while (bytes.length - at >= HEADER_BYTES) {
    const end = at + HEADER_BYTES + bytes.readUIntBE(at, 3)
    if (end > bytes.length) break
    frames.push({
      type: bytes[at + 3]!,
      flags: bytes[at + 4]!,
      streamId: bytes.readUInt32BE(at + 5) & 0x7fffffff,
      payload: bytes.subarray(at + HEADER_BYTES, end),
    })
    at = end
  }
  return { frames, size: at }
}

const TYPE_NAMES = [
  'DATA',
  'HEADERS',
  'PRIORITY',
  'RST_STREAM',
  'SETTINGS',
  'PUSH_PROMISE',
  'PING',
  'GOAWAY',
  'WINDOW_UPDATE',
  'CONTINUATION',
]

/** Returns the name of an error code as the RFC writes it: `PROTOCOL_ERROR`. */
export function errorName(code: number): string {
  const [key] = Object.entries(ERROR).find(([, value]) => value === code) ?? [String(code)]
  return key.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()
}

/**
 * Returns a line that says what matters of a frame: `HEADERS 1 END_STREAM`, `DATA 1 5 bytes`, `RST_STREAM 1 CANCEL`,
 * `GOAWAY last 7 NO_ERROR`, `WINDOW_UPDATE 0 by 1000`, `SETTINGS`, `SETTINGS ACK`, `PING`, `PING ACK`. Padding counts among
 * the bytes.
 */
export function describeFrame({ type, flags, streamId, payload }: RawFrame): string {
  const name = TYPE_NAMES[type] ?? `TYPE ${type}`
  const ack = flags & FLAG.ack ? ' ACK' : ''
  const end = flags & FLAG.endStream ? ' END_STREAM' : ''
  if (type === FRAME.settings || type === FRAME.ping) return `${name}${ack}`
  if (type === FRAME.goaway)
    return `GOAWAY last ${payload.readUInt32BE(0)} ${errorName(payload.readUInt32BE(4))}`
  if (type === FRAME.rstStream) return `RST_STREAM ${streamId} ${errorName(payload.readUInt32BE(0))}`
  if (type === FRAME.windowUpdate) return `WINDOW_UPDATE ${streamId} by ${payload.readUInt32BE(0)}`
  if (type === FRAME.data) return `DATA ${streamId} ${payload.length} bytes${end}`
  if (type === FRAME.headers) return `HEADERS ${streamId}${end}`
  return `${name} ${streamId}`
}

/** Describes all whole frames of some bytes. A client's preface before them is left out. */
export function describeFrames(bytes: Buffer): string[] {
  const from = bytes.subarray(0, PREFACE.length).equals(PREFACE) ? PREFACE.length : 0
  return splitFrames(bytes.subarray(from)).frames.map(describeFrame)
}

/** An HTTP/2 connection on a socket, read frame by frame. It answers nothing by itself. The caller disposes of it. */
export class RawHttp2 implements Disposable {
  readonly socket: Socket
  /** All frames that were received, in order. */
  readonly frames: RawFrame[] = []
  /** Header lines of the other side by stream: heads and then trailers, as lists of name, value. */
  readonly fields = new Map<number, string[][]>()
  /** Resolves when the connection is closed, however. */
  readonly closed: Promise<void>
  #isClosed = false
  #bytes: Buffer = NOTHING
  #block: Buffer = NOTHING
  readonly #decoder = new HpackDecoder({ maxTableBytes: 4_096, maxListBytes: 1 << 20, maxFields: 10_000 })
  readonly #listeners = new Set<() => void>()
  /** Bytes of a preface that are still to come, on the side of the server. */
  #prefaceBytes: number

  constructor(socket: Socket, isServer: boolean) {
    this.socket = socket
    this.#prefaceBytes = isServer ? PREFACE.length : 0
    socket.on('data', (bytes: Buffer) => this.#read(bytes))
    // A reset is a normal end here.
    socket.on('error', () => {})
    this.closed = new Promise(resolve => {
      socket.once('close', () => {
        this.#isClosed = true
        this.#tell()
        resolve()
      })
    })
  }

  #read(bytes: Buffer): void {
    const skipped = Math.min(this.#prefaceBytes, bytes.length)
    this.#prefaceBytes -= skipped
    this.#bytes = Buffer.concat([this.#bytes, bytes.subarray(skipped)])
    const { frames, size } = splitFrames(this.#bytes)
    this.#bytes = this.#bytes.subarray(size)
    for (const frame of frames) {
      this.frames.push(frame)
      this.#readFields(frame)
    }
    this.#tell()
  }

  #readFields({ type, flags, streamId, payload }: RawFrame): void {
    if (type === FRAME.headers) this.#block = payload
    else if (type === FRAME.continuation) this.#block = Buffer.concat([this.#block, payload])
    else return
    if ((flags & FLAG.endHeaders) === 0) return
    const lines = this.#decoder.decode(this.#block, 0, this.#block.length) ?? []
    this.fields.set(streamId, [...(this.fields.get(streamId) ?? []), lines])
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }

  /** What was received so far, as `describeFrame` writes it. */
  get described(): string[] {
    return this.frames.map(describeFrame)
  }

  write(...pieces: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(pieces))
  }

  /**
   * Resolves with `look`'s result once that is neither false nor undefined. Rejects when the connection ends before, with
   * all that was received in its message.
   */
  async until<T>(look: (connection: this) => T | false | undefined): Promise<T> {
    return await new Promise((resolve, reject) => {
      const check = () => {
        const found = look(this)
        if (found !== undefined && found !== false) resolve(found)
        else if (this.#isClosed) reject(new Error(`the connection ended after ${this.described.join(', ')}`))
        else return
        this.#listeners.delete(check)
      }
      this.#listeners.add(check)
      check()
    })
  }

  /** Resolves once a frame was received that `describeFrame` begins with `start` for. */
  async receives(start: string): Promise<RawFrame> {
    return await this.until(({ frames }) => frames.find(frame => describeFrame(frame).startsWith(start)))
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}

export interface RawHttp2Options {
  /** What is sent first. Default: the preface, and SETTINGS without a setting. */
  readonly hello?: Buffer
  readonly host?: string
}

/** Connects as a client. The caller disposes of the connection. */
export async function openRawHttp2(
  port: number,
  { hello = Buffer.concat([PREFACE, settingsFrame()]), host = '127.0.0.1' }: RawHttp2Options = {},
): Promise<RawHttp2> {
  const socket = connect({ host, port })
  socket.setNoDelay(true)
  await once(socket, 'connect')
  const raw = new RawHttp2(socket, false)
  if (hello.length > 0) raw.write(hello)
  return raw
}

export interface RawHttp2Server extends AsyncDisposable {
  readonly port: number
  /** All connections, in order. */
  readonly connections: readonly RawHttp2[]
}

/**
 * Listens as a server that sends nothing by itself, SETTINGS included.
 *
 * @param onConnection is called with each connection
 */
export async function listenRawHttp2(
  onConnection: (connection: RawHttp2) => void = () => {},
): Promise<RawHttp2Server> {
  const connections: RawHttp2[] = []
  const server = createServer({ noDelay: true }, socket => {
    const connection = new RawHttp2(socket, true)
    connections.push(connection)
    onConnection(connection)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    async [Symbol.asyncDispose]() {
      for (const { socket } of connections) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
