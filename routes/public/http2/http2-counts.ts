import { FLOOD_LIMITS, type Flood } from '../../../internal/http2/flood-budget.ts'
import type { SlowReason } from '../../../middleware/connection/connection-watch.ts'

/**
 * Why the gateway ended a connection or a stream of an HTTP/2 client: a flood of something, a client that left it waiting,
 * or a violation of the protocol.
 */
export type Http2EndReason =
  | Flood
  | SlowReason
  | 'header-block'
  | 'held-bytes'
  | 'unread-frames'
  | 'protocol-error'
  | 'flow-control-error'
  | 'frame-size-error'
  | 'compression-error'

const REASONS: Readonly<Record<Exclude<Http2EndReason, Flood>, true>> = {
  'head-late': true,
  idle: true,
  'body-idle': true,
  'body-slow': true,
  'send-idle': true,
  'send-slow': true,
  'header-block': true,
  'held-bytes': true,
  'unread-frames': true,
  'protocol-error': true,
  'flow-control-error': true,
  'frame-size-error': true,
  'compression-error': true,
}

/** What metrics show of the HTTP/2 connections of clients. */
export class Http2Counts {
  /** Requests in flight. */
  streams = 0
  /** Bytes of bodies that are held because their node or their client does not take them. */
  bufferedBytes = 0
  /** RST_STREAM frames since the start, by the side that sent them. */
  readonly resets = { client: 0, gateway: 0 }
  /** Connections and streams that the gateway ended since the start, by reason. */
  readonly ended = Object.fromEntries(
    [...Object.keys(FLOOD_LIMITS), ...Object.keys(REASONS)].map(reason => [reason, 0]),
  ) as Record<Http2EndReason, number>
}
