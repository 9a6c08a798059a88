import { EventEmitter } from 'node:events'
import type { ClientResponse } from '../../internal/http/client-exchange.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { getHeader, removeHeaders } from '../../internal/http/header-lines.ts'
import { WrappedResponse } from '../../internal/http/wrapped-response.ts'
import type { Encoder, EncoderStream } from './encoders.ts'

/** Why a body that could have been compressed was not. */
export type LateReason = 'small' | 'no-gain' | 'busy'

/** What is compressed, and how. */
export interface Compression {
  readonly encoder: Encoder
  /** The length of the body; undefined = unknown. */
  readonly length: number | undefined
  /** Shorter bodies are sent as they are. */
  readonly minBytes: number
  /** Whether every piece must reach the client before the next one comes. */
  readonly isEventStream: boolean
  /** Takes a place among the open streams, and returns what gives it back; undefined when there is none. */
  readonly takePlace: () => (() => void) | undefined
  /** Is called when the body is compressed, before any `onBytes`. */
  readonly onCompressed: () => void
  /** Is called when the body is sent as it is, after all. */
  readonly onSkipped: (reason: LateReason) => void
  /** Is called with numbers of bytes that were compressed, and of what became of them. */
  readonly onBytes: (side: 'in' | 'out', bytes: number) => void
}

/** Bodies up to this size are compressed at once if they are here soon. Longer ones would hold up other requests. */
const MAX_WHOLE_BYTES = 16_384
/**
 * How long a short body has to become whole, and how long a stream may be silent before what it holds is flushed,
 * milliseconds. So nothing that a node has sent stays in the encoder because no more follows.
 */
const SILENCE_MS = 20
/** Fields that no longer hold for a compressed body. */
const OF_PLAIN_BODY = new Set(['content-length', 'accept-ranges'])
/** Trailers about the bytes of a body; digests of the plain body are wrong for the compressed one. */
const DIGESTS = new Set(['content-digest', 'repr-digest', 'digest', 'content-md5'])

/** Returns whether a name, as it is spelled, is that of a digest of a body. */
export function isDigest(spelling: string): boolean {
  return DIGESTS.has(spelling.toLowerCase())
}

/** Changes a head, in place, as its body is changed. */
export function encodeHead(headers: string[], encoding: string): void {
  removeHeaders(headers, spelling => OF_PLAIN_BODY.has(spelling.toLowerCase()))
  weakenEtag(headers)
  headers.push('content-encoding', encoding)
}

/** Makes a strong ETag weak, in place: it promises equal bytes (RFC 9110 section 8.8.1). */
export function weakenEtag(headers: string[]): void {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.toLowerCase() === 'etag' && headers[i + 1]!.startsWith('"')) {
      headers[i + 1] = `W/${headers[i + 1]}`
    }
  }
}

/**
 * Compresses a body on its way to a client. It holds the head and the first pieces back until it knows whether the body is
 * short and whole, and then either compresses it at once, opens a stream, or lets everything pass as it is.
 */
export class CompressedResponse extends WrappedResponse {
  readonly #compression: Compression
  readonly #fail: (error: unknown) => void
  readonly #drains = new EventEmitter()
  #status = 0
  #headers: string[] = []
  /** What came before the decision; undefined after it. */
  #held: (Buffer | string)[] | undefined = []
  #heldBytes = 0
  #timer: NodeJS.Timeout | undefined = undefined
  #stream: EncoderStream | undefined = undefined
  #trailers: readonly string[] | undefined = undefined
  #isCompressed = false
  #isUnflushed = false
  #isOver = false

  constructor(target: ClientResponse, compression: Compression, fail: (error: unknown) => void) {
    super(target)
    this.#compression = compression
    this.#fail = fail
    target.on('close', () => this.#dispose())
    target.on('drain', () => this.#drained())
  }

  /** What is held, and what waits for zlib, is not copied. */
  override get copiesChunks(): boolean {
    return this.#held === undefined && this.#stream === undefined && super.copiesChunks
  }

  override writeHead(status: number, headers: string[]): void {
    this.#status = status
    this.#headers = headers
  }

  override write(chunk: Buffer | string): boolean {
    if (this.#isOver) return false
    if (this.#stream) return this.#feed(this.#stream, chunk)
    if (this.#held === undefined) return super.write(chunk)
    if (chunk.length > 0) this.#held.push(chunk)
    this.#heldBytes += chunk.length
    const { length = 0, isEventStream } = this.#compression
    if (isEventStream || Math.max(length, this.#heldBytes) > MAX_WHOLE_BYTES) return this.#decide()
    this.#timer ??= setTimeout(onSilence, SILENCE_MS, this)
    return true
  }

  override end(chunk?: Buffer | string): void {
    if (this.#isOver) return
    if (chunk !== undefined && chunk.length > 0) {
      if (this.#held) {
        this.#held.push(chunk)
        this.#heldBytes += chunk.length
      } else this.write(chunk)
    }
    if (this.#held) {
      if (this.#heldBytes <= MAX_WHOLE_BYTES) {
        this.#sendWhole(this.#held)
        return
      }
      this.#decide()
    }
    if (this.#stream) this.#stream.end()
    else this.#endTarget()
  }

  override endWithTrailers(trailers: readonly string[]): void {
    this.#trailers = trailers
    this.end()
  }

  override abort(isDelimited: boolean): void {
    if (this.#isOver) return
    // The client gets as much as it would get without compression, and the log its status.
    if (this.#held) this.#pass(this.#held)
    // The head could not be sent, and an error was in its place.
    if (this.#isOver) return
    this.#dispose()
    this.target.abort(isDelimited && !this.#isCompressed)
  }

  override on(event: 'close' | 'drain', listener: () => void): unknown {
    return event === 'drain' ? this.#drains.on(event, listener) : super.on(event, listener)
  }

  override once(event: 'close' | 'drain', listener: () => void): unknown {
    return event === 'drain' ? this.#drains.once(event, listener) : super.once(event, listener)
  }

  /** Is called when nothing has come for a while. */
  silent(): void {
    const stream = this.#stream
    if (this.#held) this.#decide()
    else if (stream === undefined || !this.#isUnflushed || stream.writableEnded) return
    // It is the encoder that others wait for.
    else if (stream.writableLength > 0) this.#timer!.refresh()
    else {
      this.#isUnflushed = false
      stream.flush(this.#compression.encoder.flushKind)
    }
  }

  /** Compresses a body that is whole. */
  #sendWhole(held: (Buffer | string)[]): void {
    const { encoder, minBytes, onBytes } = this.#compression
    const body = Buffer.concat(held.map(toBuffer))
    const compressed = body.length < minBytes ? undefined : this.#attempt(() => encoder.whole(body))
    if (this.#isOver) return
    if (compressed === undefined || compressed.length >= body.length) {
      this.#skip(compressed === undefined ? 'small' : 'no-gain', held)
      this.#endTarget()
      return
    }
    this.#encodeHead()
    // Trailers need chunks.
    if (this.#trailers === undefined && getHeader(this.#headers, 'trailer') === undefined) {
      this.#headers.push('content-length', String(compressed.length))
    }
    if (!this.#sendHead()) return
    onBytes('in', body.length)
    onBytes('out', compressed.length)
    this.target.write(compressed)
    this.#endTarget()
  }

  /** Begins to send a body of which more follows. @returns whether more may come */
  #decide(): boolean {
    const held = this.#held!
    const { encoder, length, minBytes, isEventStream, takePlace } = this.#compression
    // Of a body of unknown length, the first pieces decide.
    if (length === undefined && !isEventStream && held.length > 0 && this.#heldBytes < minBytes) {
      return this.#skip('small', held)
    }
    const giveBack = takePlace()
    if (giveBack === undefined) return this.#skip('busy', held)
    const stream = this.#attempt(() => encoder.open(length, isEventStream))
    if (stream === undefined) {
      giveBack()
      return false
    }
    this.#encodeHead()
    stream.on('close', giveBack)
    stream.on('data', piece => this.#pieceDone(stream, piece))
    stream.on('drain', () => this.#drains.emit('drain'))
    stream.on('end', () => this.#endTarget())
    stream.on('error', error => this.#failWith(error))
    this.#held = undefined
    this.#stream = stream
    if (!this.#sendHead()) return false
    // The client must not wait for the head until the encoder has output.
    this.target.write('', 'latin1')
    let takesMore = true
    for (const chunk of held) takesMore = this.#feed(stream, chunk)
    return takesMore
  }

  #feed(stream: EncoderStream, chunk: Buffer | string): boolean {
    if (chunk.length === 0) return !stream.writableNeedDrain
    const { isEventStream, onBytes } = this.#compression
    onBytes('in', chunk.length)
    if (!isEventStream) {
      this.#isUnflushed = true
      if (this.#timer) this.#timer.refresh()
      else this.#timer = setTimeout(onSilence, SILENCE_MS, this)
    }
    return stream.write(toBuffer(chunk))
  }

  #pieceDone(stream: EncoderStream, piece: Buffer): void {
    this.#compression.onBytes('out', piece.length)
    if (!this.target.write(piece)) stream.pause()
  }

  #drained(): void {
    if (this.#stream) this.#stream.resume()
    else this.#drains.emit('drain')
  }

  #skip(reason: LateReason, held: (Buffer | string)[]): boolean {
    this.#compression.onSkipped(reason)
    return this.#pass(held)
  }

  /** Lets everything pass as it is from now on. */
  #pass(held: (Buffer | string)[]): boolean {
    this.#held = undefined
    if (!this.#sendHead()) return false
    // An empty piece makes the head leave.
    let takesMore = this.target.write('', 'latin1')
    for (const chunk of held) takesMore = super.write(chunk)
    return takesMore
  }

  #encodeHead(): void {
    const { encoder, onCompressed } = this.#compression
    this.#isCompressed = true
    onCompressed()
    encodeHead(this.#headers, encoder.name)
  }

  /** @returns false when the head cannot be sent, so that the answer is over */
  #sendHead(): boolean {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#held = undefined
    try {
      this.target.writeHead(this.#status, this.#headers)
      return true
    } catch (cause) {
      this.#failWith(new GatewayError('WG_UPSTREAM_INVALID', { cause }))
      return false
    }
  }

  #endTarget(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    const trailers = this.#trailers
    if (trailers === undefined) this.target.end()
    else {
      const shown = [...trailers]
      if (this.#isCompressed) removeHeaders(shown, isDigest)
      this.target.endWithTrailers(shown)
    }
  }

  /** Asks the encoder for something, which throws if there is no memory for it. @returns undefined when the answer has failed */
  #attempt<T>(act: () => T): T | undefined {
    try {
      return act()
    } catch (error) {
      this.#failWith(error)
      return undefined
    }
  }

  #failWith(error: unknown): void {
    if (this.#isOver) return
    this.#dispose()
    this.#fail(error)
  }

  #dispose(): void {
    this.#isOver = true
    this.#held = undefined
    clearTimeout(this.#timer)
    this.#stream?.destroy()
  }
}

function onSilence(response: CompressedResponse): void {
  response.silent()
}

function toBuffer(chunk: Buffer | string): Buffer {
  return typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk
}
