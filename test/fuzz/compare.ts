import type { LlhttpReader } from './read-llhttp.ts'
import type { OurReader } from './read-ours.ts'
import type { Reading } from './reading.ts'

/** One input for both readers. */
export interface Case {
  /** The method of the request. */
  readonly method: string
  /** Latin1. */
  readonly bytes: string
  /** Indices at which the bytes are cut into pieces for our reader. */
  readonly cuts: readonly number[]
  /** Whether the bytes come straight from the grammar of answers, without mutations. */
  readonly isValid: boolean
}

export interface Comparison {
  readonly ours: Reading
  readonly llhttps: Reading
  /** How the two readers disagree; undefined when they agree. */
  readonly divergence: string | undefined
}

/** Why we deliberately refuse what llhttp accepts, by the reason that our reader gives. No other reason may occur. */
export const DELIBERATE: Readonly<Record<string, string>> = {
  'the answer has an unsupported transfer-encoding':
    'an encoding besides chunked would be passed on without the header that names it; HTTP/1.0 has no encodings; ' +
    'llhttp does not recognise chunked with a tab behind it',
  'the head of the answer is too large for upstream.answerHeadBytes':
    'llhttp has no limit here; node:http has the same limit of 16 KB',
  'the trailers are too long': 'the same limit as for heads',
  'the answer is not HTTP/1':
    'llhttp skips empty lines before an answer, and reads HTTP/0.9, HTTP/2.0, RTSP and ICE',
  'the status is not a three-digit number': 'llhttp accepts a status that begins with 0',
  'the status line has a control character': 'llhttp accepts any byte in the reason but CR and LF',
  'the head of the answer has a control character':
    'llhttp accepts it in the reason; our reader sees it before the line is whole',
  'the content-length of the answer is not a number':
    'llhttp reads up to 64 bits; a JavaScript number is exact up to 53',
  'a chunk is too large': 'llhttp reads up to 64 bits; our reader also counts leading zeros',
  'the extensions of a chunk are too long':
    'nobody needs long extensions; llhttp has no limit, node:http has a similar one',
  'the extensions of a chunk are malformed': 'llhttp accepts an extension without a name',
  'a field must not be a trailer': 'a length, an encoding or a host must not come after the body',
  'too many interim answers': 'the answer itself may never come',
  'an interim answer has a body':
    'interim answers have no body; llhttp looks for one behind a status that it does not know',
  'an interim answer ends the connection': 'in HTTP/1.0, our reader lets close win over keep-alive',
  'the node switched protocols without being asked': 'no request of the gateway asks for it',
}

/** Reasons that may occur for a valid answer. */
const FOR_VALID = new Set([
  'the answer has an unsupported transfer-encoding',
  'the head of the answer is too large for upstream.answerHeadBytes',
])

/** Reads with both readers and compares. llhttp must accept what we accept, and understand it in the same way. */
export function compare(each: Case, ourReader: OurReader, llhttpReader: LlhttpReader): Comparison {
  const ours = ourReader.read(each.method, each.bytes, each.cuts)
  const llhttps = llhttpReader.read(each.method, each.bytes, ours.end)
  const uncut = each.cuts.length === 0 ? ours : ourReader.read(each.method, each.bytes, [])
  return {
    ours,
    llhttps,
    divergence: differenceOf(each, ours, llhttps) ?? differenceByCuts(ours, uncut),
  }
}

function differenceOf({ method, isValid }: Case, ours: Reading, llhttps: Reading): string | undefined {
  if (ours.outcome === 'refused') {
    if (isValid && !FOR_VALID.has(ours.reason)) return `a valid answer is refused: ${ours.reason}`
    if (llhttps.outcome === 'whole' && !(ours.reason in DELIBERATE))
      return `whole for llhttp, refused by us: ${ours.reason}`
  }
  // So have interim answers that were handed on.
  const interims = llhttps.interims.slice(0, ours.interims.length)
  if (JSON.stringify(ours.interims) !== JSON.stringify(interims)) return 'the interim answers differ'
  // A head that was handed on has reached the client, whatever follows it.
  if (ours.status !== 0) {
    if (llhttps.status === 0) return `a head is accepted that llhttp refuses: ${llhttps.reason}`
    if (ours.status !== llhttps.status) return 'the status differs'
    if (ours.interims.length !== llhttps.interims.length) return 'the number of interim answers differs'
    if (ours.headers.join('\n') !== llhttps.headers.join('\n')) return 'the header lines differ'
    // llhttp decides about an answer to HEAD as if its body would follow.
    if (ours.persistent && !llhttps.persistent && method !== 'HEAD')
      return 'a connection is kept that llhttp would close'
    if (!ours.body.startsWith(llhttps.body) && !llhttps.body.startsWith(ours.body)) return 'the body differs'
  }
  if (ours.outcome === 'refused') return undefined
  if (ours.outcome === 'partial') return llhttps.outcome === 'whole' ? 'whole only for llhttp' : undefined
  if (llhttps.outcome !== 'whole') return `whole for us, ${llhttps.outcome} for llhttp: ${llhttps.reason}`
  if (ours.body !== llhttps.body) return 'the body differs'
  if (ours.end !== llhttps.end) return 'the end differs'
  if (ours.trailers.join('\n') !== llhttps.trailers.join('\n')) return 'the trailers differ'
  return undefined
}

function differenceByCuts(cut: Reading, uncut: Reading): string | undefined {
  if (cut.outcome !== uncut.outcome)
    return `cut into pieces it is ${cut.outcome}, in one piece ${uncut.outcome}`
  for (const name of ['status', 'body', 'end', 'persistent'] as const) {
    if (cut[name] !== uncut[name]) return `cut into pieces it has another ${name}`
  }
  if (JSON.stringify(cut.interims) !== JSON.stringify(uncut.interims))
    return 'cut into pieces it has other interim answers'
  if (cut.trailers.join('\n') !== uncut.trailers.join('\n')) return 'cut into pieces it has other trailers'
  return undefined
}
