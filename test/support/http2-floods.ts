import { FRAME } from '../../internal/http2/frames.ts'
import {
  continuationFrame,
  dataFrame,
  headersFrame,
  literalBlock,
  pingFrame,
  priorityFrame,
  rawFrame,
  requestLines,
  rstStreamFrame,
  settingsFrame,
  windowUpdateFrame,
} from './raw-http2.ts'

/** What a hostile client sends at once, behind its preface and SETTINGS. The gateway ends its connection for that. */
export interface Flood {
  /** The reason in metrics. */
  readonly reason: string
  readonly frames: readonly Buffer[]
  /** The error that the client gets before its connection ends. */
  readonly gets: string
}

export interface FloodOptions {
  /** Lines of a request that no node answers, and of one with a body. */
  readonly hung: readonly string[]
  readonly post: readonly string[]
  /** `http2.concurrentStreams` of the gateway. */
  readonly streams: number
  /** More than `http2.earlyResets` of the gateway. */
  readonly resets: number
}

/** Returns what `make` returns for each odd id from 1 on. */
export function forStreams(count: number, make: (id: number) => readonly Buffer[]): Buffer[] {
  return Array.from({ length: count }, (_, i) => make(i * 2 + 1)).flat()
}

export function times(count: number, ...frames: readonly Buffer[]): Buffer[] {
  return Array.from({ length: count }, () => frames).flat()
}

/** A block that names a field of 4 KB twice and then 200 times by its index: 8 KB that decode to 800 KB. */
const BOMB = Buffer.concat([
  literalBlock(requestLines()),
  Buffer.from([0x40]),
  literalBlock(['x', 'y'.repeat(4_000)]).subarray(1),
  ...times(200, Buffer.from([0xbe])),
])

/**
 * Returns floods by name. Each is larger than its limit: while a busy machine reads it, the client earns more.
 */
export function http2Floods({ hung, post, streams, resets }: FloodOptions): Record<string, Flood> {
  return {
    'rapid reset, CVE-2023-44487': {
      reason: 'early-resets',
      frames: forStreams(resets, id => [headersFrame(id, hung), rstStreamFrame(id)]),
      gets: 'ENHANCE_YOUR_CALM',
    },
    'MadeYouReset by windows of nothing, CVE-2025-8671': {
      reason: 'caused-resets',
      frames: forStreams(300, id => [headersFrame(id, hung), windowUpdateFrame(id, 0)]),
      gets: 'ENHANCE_YOUR_CALM',
    },
    'MadeYouReset by windows that overflow': {
      reason: 'caused-resets',
      frames: forStreams(300, id => [headersFrame(id, hung), windowUpdateFrame(id, 0x7fffffff)]),
      gets: 'ENHANCE_YOUR_CALM',
    },
    'MadeYouReset by malformed requests': {
      reason: 'caused-resets',
      frames: forStreams(300, id => [headersFrame(id, [':method', 'GET'])]),
      gets: 'ENHANCE_YOUR_CALM',
    },
    'more streams than allowed': {
      reason: 'refused-streams',
      frames: forStreams(streams + 300, id => [headersFrame(id, hung)]),
      gets: 'ENHANCE_YOUR_CALM',
    },
    'a CONTINUATION flood, CVE-2024-28182': {
      reason: 'header-block',
      frames: [
        headersFrame(1, hung, { isWhole: false }),
        ...times(17, continuationFrame(1, Buffer.alloc(1), false)),
      ],
      gets: 'ENHANCE_YOUR_CALM',
    },
    'a header block of 32 KB and more': {
      reason: 'header-block',
      frames: [
        headersFrame(1, hung, { isWhole: false }),
        ...times(3, continuationFrame(1, Buffer.alloc(16_000), false)),
      ],
      gets: 'ENHANCE_YOUR_CALM',
    },
    'an HPACK bomb': {
      reason: 'large-heads',
      frames: forStreams(60, id => [headersFrame(id, BOMB)]),
      gets: 'ENHANCE_YOUR_CALM',
    },
    'updates of the size of the header table': {
      reason: 'compression-error',
      frames: [headersFrame(1, Buffer.concat([Buffer.from([0x20, 0x20, 0x20]), literalBlock(hung)]))],
      gets: 'COMPRESSION_ERROR',
    },
    'an index into nowhere': {
      reason: 'compression-error',
      frames: [headersFrame(1, Buffer.from([0xff, 0x80, 0x80, 0x80, 0x01]))],
      gets: 'COMPRESSION_ERROR',
    },
    'a PING flood': {
      reason: 'control-frames',
      frames: times(3_000, pingFrame()),
      gets: 'ENHANCE_YOUR_CALM',
    },
    'a SETTINGS flood': {
      reason: 'control-frames',
      frames: times(3_000, settingsFrame()),
      gets: 'ENHANCE_YOUR_CALM',
    },
    'a PRIORITY flood': {
      reason: 'control-frames',
      frames: times(3_000, priorityFrame(1, 3)),
      gets: 'ENHANCE_YOUR_CALM',
    },
    'a flood of unknown frames': {
      reason: 'control-frames',
      frames: times(3_000, rawFrame(0xbe, 0, 0)),
      gets: 'ENHANCE_YOUR_CALM',
    },
    'a flood of empty DATA': {
      reason: 'control-frames',
      frames: [headersFrame(1, post, { isEnd: false }), ...times(3_000, dataFrame(1))],
      gets: 'ENHANCE_YOUR_CALM',
    },
    'a WINDOW_UPDATE flood': {
      reason: 'window-updates',
      frames: times(3_000, windowUpdateFrame(0, 1)),
      gets: 'ENHANCE_YOUR_CALM',
    },
    'a window that overflows': {
      reason: 'flow-control-error',
      frames: [windowUpdateFrame(0, 0x7fffffff)],
      gets: 'FLOW_CONTROL_ERROR',
    },
    'DATA beyond the window of the connection': {
      reason: 'flow-control-error',
      frames: forStreams(20, id => [
        // No node takes anything of it at first.
        headersFrame(id, [...post, 'expect', '100-continue'], { isEnd: false }),
        ...times(4, dataFrame(id, Buffer.alloc(16_384))),
      ]),
      gets: 'FLOW_CONTROL_ERROR',
    },
    'a frame that is too long': {
      reason: 'frame-size-error',
      frames: [rawFrame(FRAME.data, 0, 1, Buffer.alloc(0), 0xffffff)],
      gets: 'FRAME_SIZE_ERROR',
    },
    'a pushed stream': {
      reason: 'protocol-error',
      frames: [rawFrame(FRAME.pushPromise, 4, 1, Buffer.alloc(8))],
      gets: 'PROTOCOL_ERROR',
    },
  }
}
