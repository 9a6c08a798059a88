import { http2Floods, times } from './http2-floods.ts'
import {
  continuationFrame,
  dataFrame,
  headersFrame,
  literalBlock,
  PREFACE,
  pingFrame,
  rstStreamFrame,
  settingsFrame,
  windowUpdateFrame,
} from './raw-http2.ts'

/** What hostile connections do for as long as they are let. */
export interface Http2Attack {
  /** Connections at the same time. One that is ended is replaced, though at most {@link NEW_PER_SECOND} in a second. */
  readonly connections: number
  /** What is sent first. */
  readonly hello: Buffer
  /** What is sent `everyMs`, by its number from 0. */
  readonly next?: (n: number) => readonly Buffer[]
  readonly everyMs?: number
  /** Whether it reads what it is sent. Default true. */
  readonly reads?: boolean
}

/** New connections of one attack in a second. */
export const NEW_PER_SECOND = 10

const HELLO = [PREFACE, settingsFrame()]
/** SETTINGS_INITIAL_WINDOW_SIZE */
const WINDOW = 0x4
const LARGEST_WINDOW = 0x7fffffff
const PATH = '/t.Calls/'
const lines = (method: string) => [
  ...[':method', 'POST', ':scheme', 'http', ':path', `${PATH}${method}`, ':authority', 'example.com'],
  ...['content-type', 'application/grpc', 'te', 'trailers'],
]
const HUNG = lines('Hung')
/** An endless answer. */
const STREAM = lines('Stream')
const EMPTY_MESSAGE = Buffer.alloc(5)

const floods = http2Floods({ hung: HUNG, post: HUNG, streams: 250, resets: 2_000 })

/** Attacks by name: every flood that ends its connection, and those that stay below the limits or do nothing. */
export const HTTP2_ATTACKS: Readonly<Record<string, Http2Attack>> = {
  ...Object.fromEntries(
    Object.entries(floods).map(([name, { frames }]) => [
      name,
      { connections: 10, hello: Buffer.concat([...HELLO, ...frames]) },
    ]),
  ),
  'resets, PINGs and windows just below their limits': {
    connections: 5,
    hello: Buffer.concat(HELLO),
    everyMs: 100,
    next: n => [
      ...Array.from({ length: 20 }, (_, i) => 1 + 2 * (n * 20 + i)).flatMap(id => [
        headersFrame(id, HUNG),
        rstStreamFrame(id),
      ]),
      ...times(10, pingFrame()),
      ...times(10, windowUpdateFrame(0, 1)),
    ],
  },
  'prefaces that stop in their middle': { connections: 100, hello: PREFACE.subarray(0, 20) },
  'heads in pieces of one byte': {
    connections: 100,
    hello: Buffer.concat([...HELLO, headersFrame(1, literalBlock(HUNG), { isWhole: false })]),
    everyMs: 1_000,
    next: () => [continuationFrame(1, Buffer.from([0x82]), false)],
  },
  'bodies in pieces of one byte': {
    connections: 10,
    hello: Buffer.concat([
      ...HELLO,
      ...Array.from({ length: 50 }, (_, i) => headersFrame(1 + 2 * i, HUNG, { isEnd: false })),
    ]),
    everyMs: 1_000,
    next: () => Array.from({ length: 50 }, (_, i) => dataFrame(1 + 2 * i, Buffer.alloc(1))),
  },
  'windows of nothing': {
    connections: 10,
    hello: Buffer.concat([PREFACE, settingsFrame([WINDOW, 0]), ...streams()]),
  },
  'large windows, and nothing read': {
    connections: 10,
    hello: Buffer.concat([
      ...[PREFACE, settingsFrame([WINDOW, LARGEST_WINDOW])],
      ...[windowUpdateFrame(0, LARGEST_WINDOW - 65_535), ...streams()],
    ]),
    reads: false,
  },
  'PINGs whose answers are not read': {
    connections: 10,
    hello: Buffer.concat(HELLO),
    everyMs: 100,
    next: () => times(10, pingFrame()),
    reads: false,
  },
}

function streams(): Buffer[] {
  return Array.from({ length: 100 }, (_, i) => [
    headersFrame(1 + 2 * i, STREAM, { isEnd: false }),
    dataFrame(1 + 2 * i, EMPTY_MESSAGE, { isEnd: true }),
  ]).flat()
}
