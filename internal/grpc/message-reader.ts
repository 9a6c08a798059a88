import { QuietError } from '../http/quiet-error.ts'

/** One message of a gRPC body, without its prefix. */
export interface GrpcMessage {
  readonly bytes: Buffer
  /** Whether the bytes are compressed as `grpc-encoding` says. */
  readonly isCompressed: boolean
}

/**
 * Why a body is not a sequence of messages.
 * - `too-large`: a message announces more bytes than are accepted.
 * - `malformed`: a prefix has a flag that does not exist.
 * - `cut-off`: the body ended in the middle of a message.
 */
export type MessageErrorReason = 'too-large' | 'malformed' | 'cut-off'

/** It has no stack, because what a peer sends is no crash of ours. */
export class MessageError extends QuietError {
  override readonly name = 'MessageError'
  readonly reason: MessageErrorReason

  constructor(reason: MessageErrorReason, message: string) {
    super(message)
    this.reason = reason
  }
}

const PREFIX_BYTES = 5
const COMPRESSED = 1
/** The first room for a message that comes in several chunks. It grows with what has come, never with what is announced. */
const FIRST_ROOM_BYTES = 4_096
const NOTHING: Buffer = Buffer.alloc(0)

/**
 * Splits a gRPC body into messages, whatever the chunks (grpc/doc/PROTOCOL-HTTP2.md, "Length-Prefixed-Message"). It holds
 * one incomplete message at most; a message that lies within one chunk is a view of it.
 */
export class MessageReader {
  readonly #maxBytes: number
  #chunk = NOTHING
  #at = 0
  readonly #prefix = Buffer.alloc(PREFIX_BYTES)
  #prefixBytes = 0
  /** The length of the message whose prefix was read; -1 while there is none. */
  #length = -1
  #room = NOTHING
  #filled = 0

  /** @param maxBytes the longest message that is accepted */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Takes the next chunk of the body, which must not change any more. Messages are had with `read`. */
  push(chunk: Buffer): void {
    this.#chunk = this.#at === this.#chunk.length ? chunk : Buffer.concat([this.#rest(), chunk])
    this.#at = 0
  }

  /**
   * Returns the next whole message; undefined when more chunks are needed.
   *
   * @throws MessageError `too-large` or `malformed`; nothing more can be read after that
   */
  read(): GrpcMessage | undefined {
    if (this.#length === -1 && !this.#readPrefix()) return undefined
    const bytes = this.#readBytes()
    if (bytes === undefined) return undefined
    this.#length = -1
    return { bytes, isCompressed: this.#prefix[0] === COMPRESSED }
  }

  /** @throws MessageError `cut-off` when the body ends and a message is not whole */
  end(): void {
    if (this.#at === this.#chunk.length && this.#length === -1 && this.#prefixBytes === 0) return
    throw new MessageError('cut-off', 'the body ends in the middle of a message')
  }

  #rest(): Buffer {
    return this.#chunk.subarray(this.#at)
  }

  #readPrefix(): boolean {
    const taken = this.#chunk.copy(
      this.#prefix,
      this.#prefixBytes,
      this.#at,
      this.#at + PREFIX_BYTES - this.#prefixBytes,
    )
    this.#at += taken
    this.#prefixBytes += taken
    if (this.#prefixBytes < PREFIX_BYTES) return false
    this.#prefixBytes = 0
    const flag = this.#prefix[0]!
    if (flag > COMPRESSED) throw new MessageError('malformed', `a message begins with the flag ${flag}`)
    this.#length = this.#prefix.readUInt32BE(1)
    if (this.#length > this.#maxBytes) {
      throw new MessageError('too-large', `a message of ${this.#length} bytes exceeds ${this.#maxBytes}`)
    }
    return true
  }

  #readBytes(): Buffer | undefined {
    const available = this.#chunk.length - this.#at
    const missing = this.#length - this.#filled
    const taken = Math.min(available, missing)
    const end = this.#at + taken
    if (this.#filled === 0 && taken === missing) {
      const message = this.#chunk.subarray(this.#at, end)
      this.#at = end
      return message
    }
    this.#grow(this.#filled + taken)
    this.#chunk.copy(this.#room, this.#filled, this.#at, end)
    this.#filled += taken
    this.#at = end
    if (taken < missing) return undefined
    const message = this.#room.subarray(0, this.#length)
    this.#room = NOTHING
    this.#filled = 0
    return message
  }

  #grow(bytes: number): void {
    if (bytes <= this.#room.length) return
    const doubled = Math.max(bytes, this.#room.length * 2, FIRST_ROOM_BYTES)
    const room = Buffer.allocUnsafe(Math.min(doubled, this.#length))
    this.#room.copy(room, 0, 0, this.#filled)
    this.#room = room
  }
}
