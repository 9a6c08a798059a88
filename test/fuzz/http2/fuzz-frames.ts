import {
  checkTrailerFields,
  readRequestFields,
  readResponseFields,
} from '../../../internal/http2/field-rules.ts'
import { FLAG, FRAME } from '../../../internal/http2/frames.ts'
import { Endpoint, type NotingStream } from '../../support/http2-pair.ts'
import { PREFACE, pingFrame, type RawFrame, settingsFrame, splitFrames } from '../../support/raw-http2.ts'
import { Choice } from '../choice.ts'
import { ClientFrames, ServerFrames } from './make-frames.ts'
import { BARRIER, type Nghttp2, Nghttp2Client, Nghttp2Server } from './nghttp2.ts'

export interface FramesFuzzResult {
  /** Steps of connections: a frame each, or a few that belong together. */
  count: number
  /** Requests that both servers have read whole. */
  whole: number
  /** Streams that both have reset. */
  reset: number
  /** Connections that both have ended. */
  ended: number
  /** What ended a connection or a stream for us alone: how often, by rule. */
  readonly refusedByUs: Map<string, number>
  /** What did so for nghttp2 alone. */
  readonly refusedByNghttp2: Map<string, number>
  readonly findings: Map<string, string>
}

/** The rules by which we refuse what nghttp2 accepts, with the reason. */
export const STRICTER_FRAMES: Readonly<Record<string, string>> = {
  'a frame for a stream that is over': 'RFC 9113 section 5.1; nghttp2 ignores most of them',
  'a frame has more padding than bytes': 'nghttp2 does not look into frames for streams that it has reset',
  'a frame has a stream that its type does not allow': 'nghttp2 no longer reads PRIORITY',
  'a frame has a length that its type does not allow': 'nghttp2 no longer reads PRIORITY',
  'a stream depends on itself': 'nghttp2 no longer reads PRIORITY',
  'DATA before a head': 'nghttp2 takes DATA without bytes',
  'a length or a host must not be a trailer': 'nghttp2 takes them where they contradict nothing',
  'a PUSH_PROMISE that was not allowed': 'nghttp2 waits until its SETTINGS are acknowledged',
  'SETTINGS_INITIAL_WINDOW_SIZE is out of range':
    'nghttp2 looks at the last value of a setting that comes twice',
  'SETTINGS_MAX_FRAME_SIZE is out of range': 'nghttp2 looks at the last value of a setting that comes twice',
  'SETTINGS_ENABLE_PUSH is out of range': 'nghttp2 looks at the last value of a setting that comes twice',
}

/**
 * What ends the connection for nghttp2 alone, with the reason: by the rule by which we reset the stream, and otherwise by
 * what nghttp2 says.
 */
export const LENIENT_FRAMES: Readonly<Record<string, string>> = {
  'DATA behind the end of the stream': 'an error of the stream: RFC 9113 section 5.1, half-closed (remote)',
  'HEADERS behind the end of the stream':
    'an error of the stream: RFC 9113 section 5.1, half-closed (remote)',
  'a stream depends on itself': 'an error of the stream: RFC 7540 section 5.3.1',
  'DATA before a head': 'an error of the stream: RFC 9113 section 8.1.1',
  'WINDOW_UPDATE by nothing': 'an error of the stream: RFC 9113 section 6.9',
  'a window is larger than 2^31-1': 'an error of the stream: RFC 9113 section 6.9.1',
  'a body has not the length of its content-length': 'an error of the stream: RFC 9113 section 8.1.1',
  'closed by an ACK of SETTINGS': 'no rule forbids it; it is counted among the control frames',
  'closed by an ACK of PING': 'no rule forbids it; it is counted among the control frames',
  'SETTINGS: unexpected ACK': 'no rule forbids it; it is counted among the control frames',
}

/** A side of ours, fed with the same bytes as one of nghttp2. */
abstract class OurSide {
  readonly endpoint: Endpoint
  readonly streams = new Map<number, NotingStream>()
  readonly resetIds = new Set<number>()
  /** The rule that a stream has broken in the last step. */
  brokenRule: string | undefined = undefined

  constructor(role: 'client' | 'server') {
    this.endpoint = new Endpoint(role, { maxConcurrentStreams: 1_000 })
  }

  read(bytes: Buffer): void {
    this.brokenRule = undefined
    this.endpoint.connection.receive(Buffer.concat([bytes, pingFrame(BARRIER)]))
    const written = this.endpoint.takeWritten()
    const from = written.subarray(0, PREFACE.length).equals(PREFACE) ? PREFACE.length : 0
    for (const { type, streamId } of splitFrames(written.subarray(from)).frames)
      if (type === FRAME.rstStream) this.resetIds.add(streamId)
  }

  /** Applies the rules for fields, as the subclasses of Http2Stream do. */
  protected check(stream: NotingStream): void {
    if (stream.resets.length > 0) this.brokenRule = stream.resets[0]!.reason
    else if (stream.trailers !== undefined) checkTrailerFields(stream.trailers)
    else if (stream.pieces.length === 0 && stream.heads.length > 0) this.checkHead(stream)
  }

  protected abstract checkHead(stream: NotingStream): void
}

class OurServer extends OurSide {
  constructor(answers: boolean) {
    super('server')
    this.endpoint.onStream = stream => {
      stream.onEvent = () => {
        this.check(stream)
        if (answers && stream.isEnded && !stream.hasSentHead) stream.sendHead([':status', '200'], true)
      }
    }
  }

  protected checkHead(stream: NotingStream): void {
    if (this.streams.has(stream.id)) return
    this.streams.set(stream.id, stream)
    stream.expectBytes(readRequestFields(stream.heads[0]!).contentLength)
  }
}

class OurClient extends OurSide {
  constructor(requests: number) {
    super('client')
    for (let i = 0; i < requests; i++) {
      const stream = this.endpoint.request()
      stream.onEvent = () => this.check(stream)
      this.streams.set(stream.id, stream)
    }
  }

  protected checkHead(stream: NotingStream): void {
    const { status, contentLength } = readResponseFields(stream.heads.at(-1)!)
    if (stream.hasReceivedHead) stream.expectBytes(status === 204 || status === 304 ? 0 : contentLength)
  }
}

/** What a client has sent before the other side says anything. */
const REQUESTS = 4
/** Connections. */
const AT_ONCE = 8

/**
 * Sends the same frames, valid and not, to our side of a server and to one of node:http2, and compares what they make of
 * the connection and of each stream.
 */
export async function fuzzFrames(
  seed: number,
  isOver: (count: number) => boolean,
): Promise<FramesFuzzResult> {
  const result: FramesFuzzResult = {
    count: 0,
    whole: 0,
    reset: 0,
    ended: 0,
    refusedByUs: new Map(),
    refusedByNghttp2: new Map(),
    findings: new Map(),
  }
  let next = seed
  const work = async () => {
    while (!isOver(result.count)) await fuzzConnection(next++, result)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return result
}

async function fuzzConnection(seed: number, result: FramesFuzzResult): Promise<void> {
  const choice = new Choice(seed)
  const isServer = choice.chance(0.5)
  const answers = choice.chance(0.5)
  const ours = isServer ? new OurServer(answers) : new OurClient(REQUESTS)
  const theirs = isServer ? new Nghttp2Server(answers) : new Nghttp2Client(REQUESTS)
  const script = isServer ? new ClientFrames(choice) : new ServerFrames(choice, [1, 3, 5, 7])
  const sent: Buffer[] = []
  for (let left = 3 + choice.below(15); left > 0; left--) {
    const hello = isServer ? Buffer.concat([PREFACE, settingsFrame()]) : settingsFrame()
    const step = sent.length === 0 ? hello : script.next()
    sent.push(step)
    ours.read(step)
    await theirs.read(step)
    result.count++
    const verdict = compare(ours, theirs, step)
    if (verdict === undefined) continue
    if (verdict === 'ended') result.ended++
    else
      count(
        verdict,
        result,
        `seed ${seed}: ${sent.map(bytes => bytes.toString('hex').slice(0, 400)).join(' ')}`,
      )
    break
  }
  if (ours.endpoint.fatal === undefined) {
    for (const [id, stream] of theirs.streams) {
      if (stream.resetCode !== undefined) result.reset++
      else if (stream.isEnded && ours.streams.get(id)?.isEnded) result.whole++
    }
  }
  theirs.destroy()
}

type Verdict = 'ended' | { readonly by: 'us' | 'nghttp2' | 'both'; readonly what: string } | undefined

function compare(
  { endpoint, streams, resetIds, brokenRule }: OurSide,
  theirs: Nghttp2,
  step: Buffer,
): Verdict {
  const { goaway } = theirs
  const { fatal } = endpoint
  // A session of Node ends with a GOAWAY that it receives.
  if ((fatal !== undefined || endpoint.goaways.length > 0) && goaway !== undefined) return 'ended'
  if (fatal !== undefined) return { by: 'us', what: fatal.error.message }
  if (goaway !== undefined)
    return {
      by: 'nghttp2',
      what: brokenRule ?? (goaway.text || `closed by ${nameOf(splitFrames(step).frames.at(-1)!)}`),
    }
  for (const id of new Set([...resetIds, ...streams.keys(), ...theirs.streams.keys()])) {
    const our = streams.get(id)
    const their = theirs.streams.get(id)
    const isReset = their?.resetCode !== undefined
    if (resetIds.has(id) !== isReset) {
      return isReset
        ? { by: 'nghttp2', what: `RST_STREAM ${their.resetCode}` }
        : { by: 'us', what: our?.resets.at(-1)?.reason ?? 'RST_STREAM' }
    }
    if (isReset || our?.resets.length) continue
    const lines = our?.hasReceivedHead ? our.heads.at(-1) : undefined
    if (lines?.join() !== their?.lines?.join()) return { by: 'both', what: 'other fields' }
    if (our === undefined || their === undefined) return { by: 'both', what: 'a stream that only one has' }
    if (our.body.length !== their.bodyBytes) return { by: 'both', what: 'another body' }
    if (our.isEnded !== their.isEnded) return { by: 'both', what: 'an end that only one has seen' }
  }
  return undefined
}

function nameOf({ type, flags }: RawFrame): string {
  const isAck = (flags & FLAG.ack) !== 0
  if (isAck && type === FRAME.settings) return 'an ACK of SETTINGS'
  return isAck && type === FRAME.ping ? 'an ACK of PING' : `type ${type}`
}

function count(
  { by, what }: Exclude<Verdict, 'ended' | undefined>,
  result: FramesFuzzResult,
  how: string,
): void {
  const [named, counts] =
    by === 'us' ? [STRICTER_FRAMES, result.refusedByUs] : [LENIENT_FRAMES, result.refusedByNghttp2]
  if (by !== 'both' && named[what] !== undefined) counts.set(what, (counts.get(what) ?? 0) + 1)
  else if (!result.findings.has(`${by}: ${what}`)) result.findings.set(`${by}: ${what}`, how)
}
