/** What a body asks of its stream. */
export interface BodyOwner {
  /** Notes that so many more bytes are held; may be negative. */
  hold(bytes: number): void
  /** Lets the client send as many bytes again. */
  giveBack(bytes: number): void
}

/** Who takes a body, piece by piece. */
export interface BodyTaker {
  readonly isPaused: boolean
  onPiece(piece: Buffer): void
  /** Is called last, when the body is whole. May be called more than once. */
  end(): void
  /** Is called last, when no more of the body will come. */
  fail(error: Error): void
}

/** Smaller pieces are joined. A client may send a body in frames of one byte. */
const SMALL_PIECE_BYTES = 1_024
/** What small pieces are joined in. */
const JOINED_BYTES = 4_096
/** How many times its own length of memory a piece that waits may keep. Longer pieces of a pool are not worth a copy. */
const MAX_KEPT_TIMES = 8
const NO_PIECES: Buffer[] = []

/**
 * What has arrived of one request body. It is held until a node takes it, and only then may the client send as much again,
 * so that it is never more than one window.
 */
export class IncomingBody {
  /** The bytes that are held. */
  heldBytes = 0
  /** All bytes that have arrived. */
  receivedBytes = 0
  /** Whether the client has sent all of it. */
  isWhole = false
  /** Whether the client may pause for as long as it likes. */
  mayPause = false
  readonly #length: number
  readonly #owner: BodyOwner
  #pieces: Buffer[] = NO_PIECES
  /** How many of the first pieces are known to keep not much more memory than their own. */
  #own = 0
  /** The bytes of the last piece; it may be longer. */
  #lastLength = 0
  #isLastWhole = true
  #taker: BodyTaker | undefined = undefined
  #isDiscarded = false
  #error: Error | undefined = undefined
  /** Bytes that were passed on while the node asked for a pause: it has not taken them yet. */
  #passedBytes = 0

  /** @param length as the client has announced it; -1 = unknown */
  constructor(length: number, owner: BodyOwner) {
    this.#length = length
    this.#owner = owner
  }

  /** Whether the gateway waits for the client: a node takes what comes, and nothing is there. */
  get isAwaited(): boolean {
    if (this.isWhole || this.mayPause || this.#taker === undefined || this.#taker.isPaused) return false
    return this.heldBytes === 0 || this.receivedBytes === this.#length
  }

  /** Adds a copy of what has arrived. {@link pass} passes it on. */
  add(bytes: Buffer, start: number, end: number): void {
    const size = end - start
    this.receivedBytes += size
    if (this.#isDiscarded) {
      this.#owner.giveBack(size)
      return
    }
    this.#hold(size)
    if (this.#pieces === NO_PIECES) this.#pieces = []
    const last = this.#isLastWhole ? undefined : this.#pieces.at(-1)
    if (size < SMALL_PIECE_BYTES && last !== undefined && this.#lastLength + size <= last.length) {
      bytes.copy(last, this.#lastLength, start, end)
      this.#lastLength += size
      return
    }
    this.#trimLast()
    // The first small piece is copied as it is: most short bodies come in one.
    const isJoined = size < SMALL_PIECE_BYTES && this.#pieces.length > 0
    const piece = isJoined ? Buffer.allocUnsafeSlow(JOINED_BYTES) : Buffer.allocUnsafe(size)
    bytes.copy(piece, 0, start, end)
    this.#pieces.push(piece)
    this.#lastLength = size
    this.#isLastWhole = !isJoined
  }

  /** Ends the body, because no more of it will come. */
  fail(error: Error): void {
    if (this.#error !== undefined) return
    this.#error = error
    this.#passedBytes += this.#drop()
    this.#giveBack()
    this.#taker?.fail(error)
  }

  /** Discards what is held, and all that still comes. */
  discard(): void {
    if (this.#isDiscarded) return
    this.#isDiscarded = true
    this.#taker = undefined
    this.#passedBytes += this.#drop()
    this.#giveBack()
  }

  /**
   * Passes on what is held, as far as a node takes it. What looks like the last piece is held until the client says that
   * it is: a node must not take a body for whole that is longer than announced.
   */
  pass(): void {
    const taker = this.#taker
    if (taker === undefined) {
      this.#keepOwn()
      return
    }
    this.#trimLast()
    const kept = this.isWhole || this.receivedBytes !== this.#length ? 0 : 1
    // A taker may stop, pause and resume while it gets a piece.
    while (this.#pieces.length > kept && this.#taker === taker && !taker.isPaused) {
      const piece = this.#pieces.shift()!
      if (this.#own > 0) this.#own--
      this.#hold(-piece.length)
      this.#passedBytes += piece.length
      taker.onPiece(piece)
    }
    if (this.#taker !== taker) return
    if (this.#pieces.length === 0) this.#pieces = NO_PIECES
    else this.#keepOwn()
    const isOver = this.isWhole && this.heldBytes === 0
    if (isOver || !taker.isPaused) this.#giveBack()
    if (isOver) taker.end()
  }

  /** Passes on what comes to `taker`, unless it is paused. To be called whenever it no longer is. */
  resume(taker: BodyTaker): void {
    this.#taker = taker
    if (this.#error !== undefined) taker.fail(this.#error)
    else {
      this.#giveBack()
      this.pass()
    }
  }

  #giveBack(): void {
    const bytes = this.#passedBytes
    if (bytes === 0) return
    this.#passedBytes = 0
    this.#owner.giveBack(bytes)
  }

  #hold(bytes: number): void {
    this.heldBytes += bytes
    this.#owner.hold(bytes)
  }

  /** Drops what is held. Returns how much that was. */
  #drop(): number {
    const dropped = this.heldBytes
    this.#hold(-dropped)
    this.#pieces = NO_PIECES
    this.#own = 0
    this.#isLastWhole = true
    return dropped
  }

  /** Gives pieces that have to wait memory of their own. One byte of a body that never ends would keep a whole pool. */
  #keepOwn(): void {
    const pieces = this.#pieces
    // One that is not full yet is trimmed later, which gives it other memory.
    const whole = this.#isLastWhole ? pieces.length : pieces.length - 1
    for (; this.#own < whole; this.#own++) {
      const piece = pieces[this.#own]!
      if (piece.buffer.byteLength <= MAX_KEPT_TIMES * piece.length) continue
      const own = Buffer.allocUnsafeSlow(piece.length)
      piece.copy(own)
      pieces[this.#own] = own
    }
  }

  /** Copies a short piece, because a piece keeps the whole buffer in memory. */
  #trimLast(): void {
    if (this.#isLastWhole) return
    this.#isLastWhole = true
    const piece = this.#pieces.pop()!.subarray(0, this.#lastLength)
    this.#pieces.push(this.#lastLength < SMALL_PIECE_BYTES ? Buffer.from(piece) : piece)
  }
}
