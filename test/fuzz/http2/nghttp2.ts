import http2 from 'node:http2'
import { Duplex } from 'node:stream'
import { FLAG, FRAME, FrameReader, readUint31 } from '../../../internal/http2/frames.ts'
import { PREFACE, pingFrame } from '../../support/raw-http2.ts'

/** What nghttp2 has made of a stream. */
export interface Nghttp2Stream {
  /** The lines of the head that it received, as they were sent; undefined when it accepted none. */
  lines?: string[]
  bodyBytes: number
  /** Whether the other side's message has ended well. */
  isEnded: boolean
  /** The code of the RST_STREAM that nghttp2 sent. */
  resetCode?: number
}

/** The PING that tells that what was sent before it was read. */
export const BARRIER = 'BARRIER!'

/** A side of node:http2, which is nghttp2, on a connection that is no socket. It reads what it receives. */
export abstract class Nghttp2 {
  readonly streams = new Map<number, Nghttp2Stream>()
  /** The GOAWAY that it ended the connection with; the code -1 = it did so without one; undefined while it is open. */
  goaway: { readonly code: number; readonly text: string } | undefined = undefined
  protected readonly duplex: Duplex
  #session: http2.Http2Session | undefined = undefined
  #onPong: () => void = () => {}

  constructor(startBytes: number) {
    const reader = new FrameReader(2 ** 24, (type, flags, id, bytes, start, end) =>
      this.#onFrame(type, flags, id, bytes.subarray(start, end)),
    )
    let skipped = startBytes
    this.duplex = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        reader.push(chunk.subarray(Math.min(skipped, chunk.length)))
        skipped -= Math.min(skipped, chunk.length)
        done()
      },
    })
  }

  /** Hands it bytes. Resolves once it has read them, or has ended the connection. */
  async read(bytes: Buffer): Promise<void> {
    if (this.goaway !== undefined) return
    const answered = new Promise<void>(resolve => {
      this.#onPong = resolve
    })
    this.duplex.push(Buffer.concat([bytes, pingFrame(BARRIER)]))
    await answered
    // What belongs to the same turn is written behind the answer to a PING, and an answer in the turn after that.
    await new Promise(setImmediate)
    await new Promise(setImmediate)
  }

  destroy(): void {
    this.#session?.destroy()
    this.duplex.destroy()
  }

  protected follow(session: http2.Http2Session): void {
    this.#session = session
    session.on('error', () => {})
    session.on('close', () => this.#over(-1, ''))
  }

  protected followStream(stream: http2.Http2Stream, seen: Nghttp2Stream): void {
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => {
      seen.bodyBytes += chunk.length
    })
    stream.on('end', () => {
      seen.isEnded = !stream.aborted
    })
  }

  protected stream(id: number): Nghttp2Stream {
    const known = this.streams.get(id) ?? { bodyBytes: 0, isEnded: false }
    this.streams.set(id, known)
    return known
  }

  #onFrame(type: number, flags: number, id: number, payload: Buffer): void {
    if (type === FRAME.ping && (flags & FLAG.ack) !== 0) {
      if (payload.toString('latin1') === BARRIER) this.#onPong()
    } else if (type === FRAME.rstStream) this.stream(id).resetCode = readUint31(payload, 0)
    else if (type === FRAME.goaway) this.#over(readUint31(payload, 4), payload.toString('latin1', 8))
  }

  #over(code: number, text: string): void {
    this.goaway ??= { code, text }
    this.#onPong()
  }
}

/** A server, which answers a request once that has ended, or not at all. */
export class Nghttp2Server extends Nghttp2 {
  constructor(answers: boolean) {
    super(0)
    const session = http2.performServerHandshake(this.duplex, {
      maxHeaderListPairs: 256,
      maxSessionInvalidFrames: 10_000,
      maxSessionRejectedStreams: 10_000,
      settings: { initialWindowSize: 65_535 },
    } as http2.ServerSessionOptions)
    this.follow(session)
    session.on('stream', (stream: http2.ServerHttp2Stream, _headers, _flags, rawHeaders: string[]) => {
      const seen = this.stream(stream.id!)
      seen.lines = [...rawHeaders]
      this.followStream(stream, seen)
      stream.on('end', () => {
        if (answers && !stream.destroyed && !stream.closed) stream.respond({}, { endStream: true })
      })
    })
  }
}

/** A client that sends some requests. */
export class Nghttp2Client extends Nghttp2 {
  constructor(requests: number) {
    super(PREFACE.length)
    const session = http2.connect('http://example.com', {
      createConnection: () => this.duplex,
      maxSessionInvalidFrames: 10_000,
      settings: { initialWindowSize: 65_535, enablePush: false },
    } as http2.ClientSessionOptions)
    this.follow(session)
    for (let i = 0; i < requests; i++) {
      const stream = session.request({ ':path': '/' })
      const seen = this.stream(i * 2 + 1)
      stream.on('response', (_headers, _flags, rawHeaders) => {
        seen.lines = [...(rawHeaders as unknown as string[])]
      })
      this.followStream(stream, seen)
    }
  }
}
