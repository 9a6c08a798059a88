import type { LlhttpReader } from './read-llhttp.ts'
import type { OurReader } from './read-ours.ts'
import type { Reading } from './reading.ts'

/** One thing to read. */
export interface Case {
  /** Of the request. */
  readonly method: string
  /** Latin1. */
  readonly bytes: string
  /** Where they are cut into pieces for our reader. */
  readonly cuts: readonly number[]
  /** Whether they were made by the grammar of answers and changed no more. */
  readonly isValid: boolean
}

export interface Comparison {
  readonly ours: Reading
  readonly llhttps: Reading
  /** What must not be; undefined when all is well. */
  readonly divergence: string | undefined
}

/** Why we refuse on purpose what llhttp accepts, by our reason for the refusal. No other reason may come up. */
export const DELIBERATE: Readonly<Record<string, string>> = {
  'the answer has an unknown transfer-encoding':
    'an encoding besides chunked would be passed on without the line that tells of it; HTTP/1.0 has no encodings; ' +
    'llhttp does not know chunked with a tab behind it',
  'the head of the answer is too large': 'llhttp has no limit here; node:http has the same 16 KB',
  'the trailers are too long': 'the same limit as for heads',
  'what came is not HTTP/1':
    'llhttp skips empty lines before an answer, and reads HTTP/0.9, HTTP/2.0, RTSP and ICE',
  'the status is not a number of three digits': 'llhttp accepts those that begin with 0',
  'the status line has a control character': 'llhttp accepts any byte in the reason but CR and LF',
  'the head of the answer has a control character': 'the same, seen before the line is whole',
  'the content-length of the answer is not a number':
    'llhttp counts up to 64 bits; a number here is exact up to 53',
  'a chunk is too large': 'the same, and zeros before a size are counted with it',
  'the extensions of a chunk are too long':
    'nobody needs them; llhttp has no limit, node:http has the same kind of one',
  'the extensions of a chunk are malformed': 'llhttp accepts one without a name',
  'a field must not be a trailer': 'a length, an encoding or a host come too late there to be true',
  'too many interim answers': 'an answer that never comes',
  'an interim answer has a body': 'it has none; llhttp looks for one behind a status that it does not know',
  'an interim answer ends the connection': 'in HTTP/1.0, close wins over keep-alive here',
  'the node switched protocols without being asked': 'no request here asks for it',
}

/** Those that may come up for an answer that is valid. */
const FOR_VALID = new Set([
  'the answer has an unknown transfer-encoding',
  'the head of the answer is too large',
])

/** Reads with both, and compares. What we accept llhttp must accept, and understand in the same way. */
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
  // What was handed on is with the client, whatever comes after it.
  if (ours.status !== 0) {
    if (llhttps.status === 0) return `a head is accepted that llhttp refuses: ${llhttps.reason}`
    if (ours.status !== llhttps.status) return 'the status differs'
    if (ours.headers.join('\n') !== llhttps.headers.join('\n')) return 'the header lines differ'
    // llhttp judges an answer to HEAD as if its body came.
    if (ours.persistent && !llhttps.persistent && method !== 'HEAD')
      return 'the connection is kept that llhttp gives up'
    if (!ours.body.startsWith(llhttps.body) && !llhttps.body.startsWith(ours.body)) return 'the body differs'
  }
  if (ours.outcome === 'refused') return undefined
  if (ours.outcome === 'partial') return llhttps.outcome === 'whole' ? 'whole for llhttp alone' : undefined
  if (llhttps.outcome !== 'whole') return `whole for us, ${llhttps.outcome} for llhttp: ${llhttps.reason}`
  if (ours.body !== llhttps.body) return 'the body differs'
  if (ours.end !== llhttps.end) return 'the end differs'
  return undefined
}

function differenceByCuts(cut: Reading, uncut: Reading): string | undefined {
  if (cut.outcome !== uncut.outcome) return `cut in pieces it is ${cut.outcome}, in one ${uncut.outcome}`
  for (const name of ['status', 'body', 'end', 'persistent'] as const) {
    if (cut[name] !== uncut[name]) return `cut in pieces it has another ${name}`
  }
  return undefined
}
