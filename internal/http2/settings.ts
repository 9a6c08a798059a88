import { FloodError } from './flood-budget.ts'
import { ERROR, Http2Error, MAX_FRAME_BYTES, SETTING } from './frames.ts'

/** The largest window (RFC 9113, section 6.9.1). */
export const MAX_WINDOW_BYTES = 2 ** 31 - 1
/** The size of windows before SETTINGS and WINDOW_UPDATE say otherwise. */
export const DEFAULT_WINDOW_BYTES = 65_535
/** How many streams a client opens before it knows the server's limit; the least that a server should allow. */
const CONCURRENT_STREAMS_BEFORE_SETTINGS = 100
/** The most settings in one frame: there are fewer than ten that anyone sends. */
const MAX_SETTINGS = 64
const PAIR_BYTES = 6

/** What the other side's SETTINGS say (RFC 9113, section 6.5.2). */
export class PeerSettings {
  headerTableBytes = 4_096
  maxConcurrentStreams = CONCURRENT_STREAMS_BEFORE_SETTINGS
  initialWindowBytes = DEFAULT_WINDOW_BYTES
  /** Whether SETTINGS were received. */
  isKnown = false
  readonly #isServer: boolean

  /** @param isServer whether the other side is the server */
  constructor(isServer: boolean) {
    this.#isServer = isServer
  }

  /**
   * Applies the payload of a frame.
   *
   * @throws Http2Error for the connection
   */
  apply(bytes: Buffer, start: number, end: number): void {
    if (end - start > MAX_SETTINGS * PAIR_BYTES) throw new FloodError('control-frames')
    // Servers that say nothing allow any number (RFC 9113, section 6.5.2).
    if (!this.isKnown) this.maxConcurrentStreams = Number.POSITIVE_INFINITY
    this.isKnown = true
    for (let at = start; at < end; at += PAIR_BYTES) {
      this.#set(bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2))
    }
  }

  #set(setting: number, value: number): void {
    if (setting === SETTING.headerTableSize) this.headerTableBytes = value
    else if (setting === SETTING.maxConcurrentStreams) this.maxConcurrentStreams = value
    else if (setting === SETTING.initialWindowSize) {
      if (value > MAX_WINDOW_BYTES)
        throw new Http2Error(ERROR.flowControlError, 'SETTINGS_INITIAL_WINDOW_SIZE is out of range')
      this.initialWindowBytes = value
    } else if (setting === SETTING.maxFrameSize) {
      if (value < MAX_FRAME_BYTES || value >= 2 ** 24)
        throw new Http2Error(ERROR.protocolError, 'SETTINGS_MAX_FRAME_SIZE is out of range')
    } else if (setting === SETTING.enablePush && value > (this.#isServer ? 0 : 1)) {
      throw new Http2Error(ERROR.protocolError, 'SETTINGS_ENABLE_PUSH is out of range')
    }
  }
}

/** What we announce. The default size of the header table, 4,096 bytes, needs no word. */
export interface OwnSettings {
  readonly role: 'client' | 'server'
  readonly maxConcurrentStreams: number
  readonly streamWindowBytes: number
  readonly maxListBytes: number
}

/** Returns the settings that we announce, as pairs of identifier and value. */
export function settingPairs(own: OwnSettings): number[] {
  const role =
    own.role === 'client' ? [SETTING.enablePush, 0] : [SETTING.maxConcurrentStreams, own.maxConcurrentStreams]
  return [
    ...role,
    SETTING.initialWindowSize,
    own.streamWindowBytes,
    SETTING.maxHeaderListSize,
    own.maxListBytes,
  ]
}
