import { FrameWriter } from './frame-writer.ts'

/** What may wait while the other side reads nothing. */
const MAX_WAITING_FRAMES = 1_000
const MAX_WAITING_BYTES = 1_048_576
/** A write that would be larger with another piece of a body does not wait for the end of the turn. */
const MAX_TURN_BYTES = 65_536 - 1_024

/**
 * The way of frames to the socket. The frames of a turn leave in one write, or in writes of 64 KiB if they have long
 * bodies. While the socket is full, only answers to the other side's frames are added, and not many of them.
 */
export class FrameOutput {
  readonly writer = new FrameWriter()
  readonly #write: (bytes: Buffer) => boolean
  readonly #isHeld: () => boolean
  readonly #wantsFlush: () => void
  #isScheduled = false
  /** Whether the socket is full. */
  isBlocked = false
  #waitingFrames = 0
  /** The highest stream whose head was added, and the highest whose head was handed to the socket. */
  lastHeadId = 0
  writtenHeadId = 0

  /**
   * @param write returns whether more may be written now
   * @param isHeld returns whether the socket still refers to bytes that were written
   * @param wantsFlush asks for a flush at the end of this turn
   */
  constructor(write: (bytes: Buffer) => boolean, isHeld: () => boolean, wantsFlush: () => void) {
    this.#write = write
    this.#isHeld = isHeld
    this.#wantsFlush = wantsFlush
  }

  /** Makes room for a piece of a body. Returns false if the socket is full. */
  hasRoomFor(bytes: number): boolean {
    if (!this.isBlocked && this.writer.length > 0 && this.writer.length + bytes > MAX_TURN_BYTES) this.write()
    return !this.isBlocked
  }

  /** Whether the socket is full, and more frames wait for it than an honest peer makes wait. */
  get isOverrun(): boolean {
    return (
      this.isBlocked && (this.#waitingFrames > MAX_WAITING_FRAMES || this.writer.length > MAX_WAITING_BYTES)
    )
  }

  /** Asks for a flush at the end of this turn. To be called after frames of streams were added. */
  schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#wantsFlush()
  }

  /** To be called after another frame was added. Those are added even while the socket is full. */
  addedControl(): void {
    if (this.isBlocked) this.#waitingFrames++
    this.schedule()
  }

  windowUpdate(streamId: number, increment: number): void {
    this.writer.windowUpdate(streamId, increment)
    this.addedControl()
  }

  rstStream(streamId: number, code: number): void {
    this.writer.rstStream(streamId, code)
    this.addedControl()
  }

  /**
   * Writes what was added, even to a full socket.
   *
   * @returns whether something was written and more may be written now
   */
  write(): boolean {
    if (this.writer.length === 0) return false
    this.#waitingFrames = 0
    this.writtenHeadId = this.lastHeadId
    this.isBlocked = !this.#write(this.writer.take())
    if (!this.#isHeld()) this.writer.reuse()
    return !this.isBlocked
  }

  /** A flush is over: the next frame asks for another one. */
  flushed(): void {
    this.#isScheduled = false
  }
}
