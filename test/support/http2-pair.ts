import type { Socket } from 'node:net'
import { Http2Connection } from '../../internal/http2/connection.ts'
import type { Http2ConnectionOptions } from '../../internal/http2/connection-options.ts'
import type { FatalReason } from '../../internal/http2/flood-budget.ts'
import type { Http2Error } from '../../internal/http2/frames.ts'
import { Http2Stream, type ResetBy } from '../../internal/http2/http2-stream.ts'

/** A stream that notes what it receives, and gives windows back at once unless told otherwise. */
export class NotingStream extends Http2Stream {
  /** All heads, interim ones first. */
  readonly heads: string[][] = []
  readonly pieces: Buffer[] = []
  trailers: string[] | undefined = undefined
  isTooLarge = false
  isEnded = false
  drains = 0
  readonly resets: { code: number; by: ResetBy; reason: string }[] = []
  consumes = true
  /** Is called after whatever has happened to the stream. */
  onEvent: ((stream: NotingStream) => void) | undefined = undefined

  get body(): Buffer {
    return Buffer.concat(this.pieces)
  }

  /** The final head as an object. Repeated fields are joined. */
  get fields(): Record<string, string> {
    return fieldsOf(this.heads.at(-1) ?? [])
  }

  onHead(lines: string[], isEnd: boolean): void {
    this.heads.push(lines)
    this.#noted(isEnd)
  }

  onHeadTooLarge(): void {
    this.isTooLarge = true
    this.#noted(this.isReceived)
  }

  onData(bytes: Buffer, start: number, end: number, isEnd: boolean): void {
    this.pieces.push(Buffer.from(bytes.subarray(start, end)))
    if (this.consumes) this.consume(end - start)
    this.#noted(isEnd)
  }

  onTrailers(lines: string[]): void {
    this.trailers = lines
    this.#noted(true)
  }

  onReset(code: number, by: ResetBy, reason: string): void {
    this.resets.push({ code, by, reason })
    this.#noted(false)
  }

  onDrain(): void {
    this.drains++
    this.#noted(false)
  }

  #noted(isEnd: boolean): void {
    if (isEnd) this.isEnded = true
    this.onEvent?.(this)
  }
}

export function fieldsOf(lines: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {}
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!
    fields[name] = fields[name] === undefined ? lines[i + 1]! : `${fields[name]}, ${lines[i + 1]}`
  }
  return fields
}

export type EndpointOptions = Partial<Omit<Http2ConnectionOptions, 'role' | 'events'>>

/** A connection without a socket: what it writes is collected, and what it tells its owner is noted. */
export class Endpoint {
  readonly connection: Http2Connection
  /** Streams that the other side has opened, in order. */
  readonly accepted: NotingStream[] = []
  readonly goaways: { lastStreamId: number; code: number; text: string }[] = []
  readonly retired: string[] = []
  fatal: { error: Http2Error; reason: FatalReason } | undefined = undefined
  pongs = 0
  settings = 0
  counts: number[] = []
  #last: Buffer = Buffer.alloc(0)
  /** What was written and not taken by `takeWritten`. */
  written: Buffer[] = []
  writes = 0
  /** What `write` returns. */
  isWritable = true
  wantsFlush = false
  /** Milliseconds. */
  now = 0
  /** Is called for each stream that the other side opens, before it receives anything. */
  onStream: ((stream: NotingStream) => void) | undefined = undefined
  /** Is called instead of collecting what is written. */
  onWrite: ((bytes: Buffer) => boolean) | undefined = undefined
  /** Is called when the connection asks for a flush. Default: `flush()` is left to the test. */
  onWantsFlush: (() => void) | undefined = undefined

  onFatal: (() => void) | undefined = undefined
  /** Is called with the number of streams after a change of it. */
  onCount: ((count: number) => void) | undefined = undefined

  constructor(role: 'client' | 'server', options: EndpointOptions = {}) {
    this.connection = new Http2Connection({
      maxConcurrentStreams: 100,
      streamWindowBytes: 65_535,
      connectionWindowBytes: 65_535,
      maxListBytes: 16_384,
      maxFields: 256,
      mayIndex: () => true,
      now: () => this.now,
      ...options,
      role,
      events: {
        write: bytes => {
          this.writes++
          if (this.onWrite) return this.onWrite(bytes)
          this.written.push(bytes)
          return this.isWritable
        },
        wantsFlush: () => {
          this.wantsFlush = true
          this.onWantsFlush?.()
        },
        createStream: () => {
          const stream = new NotingStream()
          this.accepted.push(stream)
          this.onStream?.(stream)
          return stream
        },
        onSettings: () => {
          this.settings++
        },
        onGoaway: (lastStreamId, code, text) => {
          this.goaways.push({ lastStreamId, code, text })
        },
        onPong: () => {
          this.pongs++
        },
        onRetired: reason => {
          this.retired.push(reason)
        },
        onFatal: (error, reason) => {
          this.fatal = { error, reason }
          this.onFatal?.()
        },
        onStreamCount: count => {
          this.counts.push(count)
          this.onCount?.(count)
        },
      },
    })
  }

  /** Opens a stream with the usual pseudo-header fields, and those given. */
  request(lines: readonly string[] = [], isEnd = true, method = 'GET'): NotingStream {
    const stream = new NotingStream()
    const head = [':method', method, ':scheme', 'http', ':path', '/', ':authority', 'example.com', ...lines]
    this.connection.open(stream, head, isEnd)
    return stream
  }

  /** Flushes as `takeWritten`, and keeps only the bytes of the last write for `takeLast`. */
  takeWrittenKeepingLast(): void {
    const bytes = this.takeWritten()
    if (bytes.length > 0) this.#last = bytes
  }

  takeLast(): Buffer {
    return this.#last
  }

  /** Flushes if that was asked for, and returns everything written since it was last called. */
  takeWritten(): Buffer {
    if (this.wantsFlush) {
      this.wantsFlush = false
      this.connection.flush()
    }
    const bytes = Buffer.concat(this.written)
    this.written = []
    return bytes
  }
}

/**
 * Carries bytes between two endpoints until both are silent.
 *
 * @param splits returns how many bytes are carried next; default: all that are there
 */
export function exchange(one: Endpoint, other: Endpoint, splits?: () => number): void {
  for (let isBusy = true; isBusy; ) {
    isBusy = false
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      const bytes = from.takeWritten()
      if (bytes.length > 0) isBusy = true
      for (let at = 0; at < bytes.length; ) {
        const size = splits?.() ?? bytes.length
        // A copy that is overwritten, since bytes are valid during the call only.
        const piece = Buffer.from(bytes.subarray(at, at + size))
        to.connection.receive(piece)
        piece.fill(0xff)
        at += size
      }
    }
  }
}

/** The most that a socket holds before `write` says that it is full. */
const SOCKET_BYTES = 65_536

/**
 * Connects an endpoint to a socket, and flushes at the end of each turn. Pieces are overwritten once they were received.
 *
 * @returns resolves when the socket has closed
 */
export function attach(endpoint: Endpoint, socket: Socket): Promise<void> {
  const { connection } = endpoint
  endpoint.onWrite = bytes => {
    socket.write(bytes)
    return socket.writableLength < SOCKET_BYTES
  }
  endpoint.onWantsFlush = () => process.nextTick(() => connection.flush())
  endpoint.onFatal = () => socket.end()
  socket.on('drain', () => connection.drained())
  socket.on('data', (bytes: Buffer) => {
    connection.receive(bytes)
    bytes.fill(0xff)
  })
  socket.on('error', () => {})
  connection.flush()
  return new Promise(resolve => {
    socket.once('close', () => {
      connection.closed()
      resolve()
    })
  })
}
