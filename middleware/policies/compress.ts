import { chooseEncoding } from '../../internal/http/accept-encoding.ts'
import { addToList, getAllHeaders, getHeader } from '../../internal/http/header-lines.ts'
import { createTypeList, isIncompressible, mediaTypeOf } from '../../internal/http/media-types.ts'
import type { Exchange, Policy, ResponseHead } from '../../internal/policy.ts'
import {
  CompressedResponse,
  encodeHead,
  isDigest,
  type LateReason,
  weakenEtag,
} from './compressed-response.ts'
import { isForeignAndAuthenticated } from './cross-site.ts'
import { createEncoder, type EncodingName } from './encoders.ts'

/** `true` stands for `{}`. */
export type CompressRule = true | CompressOptions

interface CompressOptions {
  /** The preferred one first. Default: zstd, br, gzip. */
  readonly encodings?: readonly EncodingName[] | undefined
  readonly levels?: { readonly [Name in EncodingName]?: number | undefined } | undefined
  /** Bodies that are known to be shorter are sent as they are. Default: 1024. */
  readonly minBytes?: number | undefined
  /** As `createTypeList` takes them. Default: DEFAULT_TYPES. */
  readonly types?: readonly string[] | undefined
  /** Whether event streams are compressed too. Default: false. */
  readonly events?: boolean | undefined
  /** Whether answers hold no secrets, so that they may be compressed whoever has caused the request. Default: false. */
  readonly public?: boolean | undefined
  /** What becomes of answers with a strong ETag: it is made weak, or they are sent as they are. Default: weaken. */
  readonly etags?: 'weaken' | 'skip' | undefined
  /** With as many streams open in the process, no more are opened. Default: 256. */
  readonly maxStreams?: number | undefined
}

/** Why an answer was not compressed, for the metric. */
export type NotCompressed =
  | 'encoded'
  | 'range'
  | 'type'
  | 'no-transform'
  | 'digest'
  | 'http-1.0'
  | 'not-accepted'
  | 'etag'
  | 'cross-site'
  | LateReason

export interface CompressTools {
  /** The compressing streams that are open in this process. */
  readonly openStreams: { count: number }
  /** Is called with bytes that were compressed, and with what became of them. */
  readonly compressedBytes: (
    exchange: Exchange,
    encoding: EncodingName,
    side: 'in' | 'out',
    bytes: number,
  ) => void
  /** Is called for each answer with a body that is sent as it is. */
  readonly notCompressed: (reason: NotCompressed) => void
}

const DEFAULT_ENCODINGS: readonly EncodingName[] = ['zstd', 'br', 'gzip']
const DEFAULT_LEVELS: Readonly<Record<EncodingName, number>> = { zstd: 3, br: 4, gzip: 6 }
const DEFAULT_MIN_BYTES = 1_024
const DEFAULT_TYPES = [
  'text/*',
  'application/json',
  '+json',
  'application/xml',
  '+xml',
  'application/javascript',
  'application/wasm',
]
const DEFAULT_MAX_STREAMS = 256
const EVENT_STREAM = 'text/event-stream'
const NO_TRANSFORM = /(?:^|,)\s*no-transform\s*(?:,|$)/i
const NO_CONTENT = 204
const RESET_CONTENT = 205
const PARTIAL_CONTENT = 206
const NOT_MODIFIED = 304

/** Compresses answers of nodes, fallbacks and policies for clients that accept it (RFC 9110 section 8.4). */
export function createCompress(rule: CompressRule, tools: CompressTools): Policy {
  const options = rule === true ? {} : rule
  const { encodings = DEFAULT_ENCODINGS, minBytes = DEFAULT_MIN_BYTES, types = DEFAULT_TYPES } = options
  const { events = false, etags = 'weaken', maxStreams = DEFAULT_MAX_STREAMS } = options
  const encoders = new Map(
    encodings.map(name => [name, createEncoder(name, options.levels?.[name] ?? DEFAULT_LEVELS[name])]),
  )
  const isListed = createTypeList(types)
  const { openStreams } = tools

  function takePlace(): (() => void) | undefined {
    if (openStreams.count >= maxStreams) return undefined
    openStreams.count++
    return () => {
      openStreams.count--
    }
  }

  /** Returns why a body is not compressed, whatever the client accepts; undefined when it may be. */
  function obstacleOf(
    { status, headers }: ResponseHead,
    { request, call, dialect }: Exchange,
  ): NotCompressed | undefined {
    if (getHeader(headers, 'content-encoding') !== undefined) return 'encoded'
    const isRange = status === PARTIAL_CONTENT || getHeader(headers, 'content-range') !== undefined
    if (isRange || getHeader(request.rawHeaders, 'if-range') !== undefined) return 'range'
    const type = mediaTypeOf(getHeader(headers, 'content-type') ?? '')
    const isAllowed = type === EVENT_STREAM ? events : isListed(type) && !isIncompressible(type)
    if (!isAllowed || dialect !== undefined) return 'type'
    if (forbidsTransforming(headers) || forbidsTransforming(request.rawHeaders)) return 'no-transform'
    if (hasDigest(headers)) return 'digest'
    return call.http === '1.0' ? 'http-1.0' : undefined
  }

  return {
    transform(head, exchange) {
      const { status, headers } = head
      if (status < 200 || status === NO_CONTENT || status === RESET_CONTENT) return undefined
      // Also without compression: a cache must not give this answer to those who would get another one.
      addToList(headers, 'vary', ['Accept-Encoding'])
      const { rawHeaders } = exchange.request
      if (status === NOT_MODIFIED) {
        if (etags === 'weaken') confirmWeakEtag(headers, rawHeaders)
        return undefined
      }
      const skip = (reason: NotCompressed): undefined => tools.notCompressed(reason) as undefined
      const obstacle = obstacleOf(head, exchange)
      if (obstacle !== undefined) return skip(obstacle)
      const name = chooseEncoding(getAllHeaders(rawHeaders, 'accept-encoding'), encodings)
      if (name === undefined) return skip('not-accepted')
      if (etags === 'skip' && getHeader(headers, 'etag')?.startsWith('"')) return skip('etag')
      if (!options.public && isForeignAndAuthenticated(exchange)) return skip('cross-site')
      const declared = getHeader(headers, 'content-length')
      const length = declared === undefined ? undefined : Number(declared)
      if (length !== undefined && length < minBytes) return skip('small')
      if (exchange.call.method === 'HEAD') {
        encodeHead(headers, name)
        return undefined
      }
      const compression = {
        ...{ encoder: encoders.get(name)!, length, minBytes, takePlace, onSkipped: skip },
        isEventStream: events && mediaTypeOf(getHeader(headers, 'content-type')!) === EVENT_STREAM,
        onCompressed: () => {
          exchange.call.encoding = name
        },
        onBytes: (side: 'in' | 'out', bytes: number) => tools.compressedBytes(exchange, name, side, bytes),
      }
      return (target, fail) => new CompressedResponse(target, compression, fail)
    },
  }
}

function forbidsTransforming(lines: readonly string[]): boolean {
  return NO_TRANSFORM.test(getAllHeaders(lines, 'cache-control') ?? '')
}

/** Returns whether a head has a digest of the body, or announces one as a trailer. */
function hasDigest(headers: readonly string[]): boolean {
  const announced = getAllHeaders(headers, 'trailer')
  if (announced?.split(',').some(name => isDigest(name.trim()))) return true
  return headers.some((name, i) => i % 2 === 0 && isDigest(name))
}

/** Confirms the ETag that the client has, if it is weak because the answer to it was compressed (RFC 9111 section 4.3.4). */
function confirmWeakEtag(headers: string[], requestLines: readonly string[]): void {
  const etag = getHeader(headers, 'etag')
  if (etag?.startsWith('"') && getAllHeaders(requestLines, 'if-none-match')?.includes(`W/${etag}`)) {
    weakenEtag(headers)
  }
}
