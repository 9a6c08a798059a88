import { type RequestFields, readRequestFields } from '../../../internal/http2/field-rules.ts'
import { FrameWriter } from '../../../internal/http2/frame-writer.ts'
import { ERROR, Http2Error } from '../../../internal/http2/frames.ts'
import { HpackDecoder } from '../../../internal/http2/hpack-decoder.ts'
import { hasPythonHpack, type PythonResult, runPythonHpack } from '../../support/python-hpack.ts'
import { PREFACE, settingsFrame } from '../../support/raw-http2.ts'
import { Choice } from '../choice.ts'
import { HeaderBlocks } from './make-header-block.ts'
import { Nghttp2Server, type Nghttp2Stream } from './nghttp2.ts'

export interface CodecFuzzResult {
  /** Header blocks that were read. */
  count: number
  /** Requests that both readers accepted. */
  accepted: number
  /** Refused by both: malformed requests, and blocks that cannot be decoded. */
  refused: number
  undecodable: number
  /** Refused by us alone: how often, by rule. */
  readonly refusedByUs: Map<string, number>
  /** How many of the blocks Python has read, too. */
  readByPython: number
  /** What readers disagree on, with the seed of the connection and its blocks. */
  readonly findings: Map<string, string>
}

/** The rules by which we refuse what nghttp2 accepts, with the reason. */
export const STRICTER: Readonly<Record<string, string>> = {
  'a header block changes the size of the table too often': 'twice is all that RFC 7541 needs',
  'a field name is not a token in lower case': 'nghttp2 drops such a field and passes the rest on',
  'a field value has a control character': 'nghttp2 drops such a field and passes the rest on',
  'a field value begins or ends with a blank': 'nghttp2 drops such a field and passes the rest on',
  'the request has no valid :method': 'HTTP/1 knows no method in lower case',
  'the request has no valid :scheme': 'only http and https are served',
  'the request has no valid :path': 'servers behind us read "#" and bytes beyond ASCII differently',
  'the request has no valid :authority': 'an authority has no user info, and is a host',
  'host and :authority differ': 'the route is chosen by one, and the node could see the other',
  'host occurs more than once': 'nghttp2 drops a host with a byte beyond ASCII and passes the other on',
  'content-length is not a number': 'a length of 16 digits cannot be counted exactly',
}

/** What we make of one block. */
type Reading =
  | { readonly kind: 'undecodable'; readonly rule: string }
  | { readonly kind: 'refused'; readonly rule: string; readonly lines: readonly string[] }
  | { readonly kind: 'accepted'; readonly lines: readonly string[]; readonly fields: RequestFields }

/** One connection: its blocks, and what we make of each, up to one that cannot be decoded. */
interface Connection {
  readonly seed: number
  readonly blocks: Buffer[]
  readonly readings: Reading[]
}

const AT_ONCE = 8
const PYTHON_BATCH = 400

/**
 * Makes header blocks, valid and mutated, and compares our decoder and field rules with nghttp2 and, where it is
 * installed, our decoder with Python's hpack.
 *
 * @param isOver is called before each connection with the number of blocks read
 */
export async function fuzzCodec(seed: number, isOver: (count: number) => boolean): Promise<CodecFuzzResult> {
  const result: CodecFuzzResult = {
    count: 0,
    accepted: 0,
    refused: 0,
    undecodable: 0,
    refusedByUs: new Map(),
    readByPython: 0,
    findings: new Map(),
  }
  let next = seed
  let unread: Connection[] = []
  const readWithPython = () => {
    if (hasPythonHpack) compareWithPython(unread, result)
    unread = []
  }
  const work = async () => {
    while (!isOver(result.count)) {
      const connection = await fuzzConnection(next++, result)
      unread.push(connection)
      if (unread.length >= PYTHON_BATCH) readWithPython()
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  readWithPython()
  return result
}

async function fuzzConnection(seed: number, result: CodecFuzzResult): Promise<Connection> {
  const choice = new Choice(seed)
  const source = new HeaderBlocks(choice)
  const decoder = new HpackDecoder({ maxTableBytes: 4096, maxListBytes: 65_536, maxFields: 256 })
  const server = new Nghttp2Server(false)
  const connection: Connection = { seed, blocks: [], readings: [] }
  await server.read(Buffer.concat([PREFACE, settingsFrame()]))
  for (let left = 1 + choice.below(6); left > 0; left--) {
    const block = source.make()
    connection.blocks.push(block)
    const id = connection.blocks.length * 2 - 1
    const ours = read(decoder, block)
    connection.readings.push(ours)
    await server.read(framesOf(id, block))
    result.count++
    const divergence = compare(ours, server.streams.get(id), server.goaway?.code, result)
    if (divergence !== undefined) find(result, divergence, connection)
    if (divergence !== undefined || ours.kind === 'undecodable') break
  }
  server.destroy()
  return connection
}

function framesOf(id: number, block: Buffer): Buffer {
  const writer = new FrameWriter()
  const begin = writer.beginBlock()
  writer.reserve(block.length)
  writer.end += block.copy(writer.buffer, writer.end)
  // Without END_STREAM, which would make any other content-length than 0 an error.
  writer.endBlock(begin, id, false)
  return writer.take()
}

function read(decoder: HpackDecoder, block: Buffer): Reading {
  let lines: string[] = []
  try {
    lines = decoder.decode(block, 0, block.length)!
    return { kind: 'accepted', lines, fields: readRequestFields(lines) }
  } catch (error) {
    if (!(error instanceof Http2Error)) throw error
    return error.code === ERROR.compressionError
      ? { kind: 'undecodable', rule: error.message }
      : { kind: 'refused', rule: error.message, lines }
  }
}

/** Counts the outcome. Returns what we and nghttp2 disagree on, unless we are stricter on purpose. */
function compare(
  ours: Reading,
  theirs: Nghttp2Stream | undefined,
  goawayCode: number | undefined,
  result: CodecFuzzResult,
): string | undefined {
  const lines = theirs?.resetCode === undefined ? theirs?.lines : undefined
  if (goawayCode !== undefined && goawayCode !== ERROR.compressionError)
    return `nghttp2 ends with ${goawayCode}`
  if (theirs?.resetCode !== undefined && theirs.resetCode !== ERROR.protocolError)
    return `nghttp2 resets with ${theirs.resetCode}`
  if (ours.kind === 'undecodable') {
    if (goawayCode === undefined) return stricter(ours.rule, result)
    result.undecodable++
    return undefined
  }
  if (goawayCode !== undefined) return 'nghttp2 cannot decode what we decode'
  if (ours.kind === 'refused') {
    if (lines === undefined) {
      result.refused++
      return undefined
    }
    return isSame(lines, passedOn(ours.lines)) ? stricter(ours.rule, result) : 'other fields'
  }
  if (lines === undefined) return 'nghttp2 refuses what we accept'
  result.accepted++
  return isSame(lines, ours.lines) ? undefined : 'other fields'
}

function stricter(rule: string, result: CodecFuzzResult): string | undefined {
  if (STRICTER[rule] === undefined) return `refused by us alone: ${rule}`
  result.refusedByUs.set(rule, (result.refusedByUs.get(rule) ?? 0) + 1)
  return undefined
}

/** The lines without fields that are malformed in themselves, and without a host beyond ASCII: nghttp2 drops these. */
function passedOn(lines: readonly string[]): string[] {
  return lines.filter((_, i) => {
    const at = i - (i % 2)
    return lines[at] !== '' && !(lines[at] === 'host' && /[^\0-\x7f]/.test(lines[at + 1]!))
  })
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i])
}

function find(result: CodecFuzzResult, what: string, { seed, blocks }: Connection): void {
  if (!result.findings.has(what))
    result.findings.set(what, `seed ${seed}: ${blocks.map(block => block.toString('hex')).join(' ')}`)
}

/** Compares what the decoders alone say: fields that are malformed in themselves come from Python as they are. */
function compareWithPython(connections: readonly Connection[], result: CodecFuzzResult): void {
  const read = runPythonHpack(
    connections.map(({ blocks }) => blocks.map(block => ({ decode: block.toString('hex') }))),
  )
  for (const [i, connection] of connections.entries()) {
    for (const [j, ours] of connection.readings.entries()) {
      result.readByPython++
      const divergence = compareDecoders(ours, read[i]?.[j])
      if (divergence === undefined) continue
      find(result, divergence, connection)
      break
    }
  }
}

/** Rules of the decoder that Python does not have: its numbers have no limit, and sizes may change as often as they like. */
const UNKNOWN_TO_PYTHON = [
  'a header block changes the size of the table too often',
  'a header block has an integer that is too long',
]
const MAY_BE_BROKEN = /^(?:[^a-z:!#$%&'*+.^_`|~0-9-]|:?$)|[^\x21-\x7e]|[A-Z"(),/;<=>?@[\\\]{}]|.:/

function compareDecoders(ours: Reading, theirs: PythonResult | undefined): string | undefined {
  if (theirs === undefined) return 'Python has ended the connection'
  if (ours.kind === 'undecodable') {
    return theirs.refused !== undefined || UNKNOWN_TO_PYTHON.includes(ours.rule)
      ? undefined
      : `Python decodes what we do not: ${ours.rule}`
  }
  const { lines } = theirs
  if (lines === undefined) return `Python does not decode what we decode: ${theirs.refused}`
  if (lines.length !== ours.lines.length) return 'Python reads another number of fields'
  for (let i = 0; i < lines.length; i += 2) {
    const [name, value] = [lines[i]!, lines[i + 1]!]
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it matches
    const isBroken = MAY_BE_BROKEN.test(name) || /[\0-\x08\x0a-\x1f\x7f]|^[ \t]|[ \t]$/.test(value)
    if (isBroken !== (ours.lines[i] === '')) return 'a field is judged otherwise'
    if (!isBroken && (name !== ours.lines[i] || value !== ours.lines[i + 1]))
      return 'Python reads other fields'
  }
  return undefined
}
