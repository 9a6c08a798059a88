/** The trace that a request belongs to, as its sender says (W3C Trace Context, level 2). */
export interface TraceParent {
  /** 32 hexadecimal digits in lower case, not all zero. */
  readonly traceId: string
  /** The span of the sender: 16 hexadecimal digits in lower case, not all zero. */
  readonly spanId: string
  readonly isSampled: boolean
  /** Whether the last 56 bits of the trace id are random. */
  readonly isRandom: boolean
}

const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const SAMPLED = 1
const RANDOM = 2
const FLAGS = ['00', '01', '02', '03']
const LAST_PARTS = FLAGS.map(flags => `-${flags}`)

/**
 * Reads the value of `traceparent`. A version above 00 may have more behind the flags, which is ignored.
 *
 * @returns undefined when it is malformed, so that the request begins a trace of its own
 */
export function parseTraceparent(value: string): TraceParent | undefined {
  const found = TRACEPARENT.exec(value)
  if (found === null) return undefined
  const [, version, traceId, spanId, digits, more] = found
  if (version === '00' && more !== undefined) return undefined
  const flags = Number.parseInt(digits!, 16)
  return {
    traceId: traceId!,
    spanId: spanId!,
    isSampled: (flags & SAMPLED) !== 0,
    isRandom: (flags & RANDOM) !== 0,
  }
}

/** Returns the value of `traceparent`, version 00. No other flags than those of {@link TraceParent} are set. */
export function formatTraceparent(trace: Omit<TraceParent, 'spanId'>, spanId: string): string {
  return `00-${trace.traceId}-${spanId}${LAST_PARTS[flagsOf(trace)]}`
}

/** Returns the flags of a trace as two digits, as in `traceparent` and in logs. */
export function formatFlags(trace: Pick<TraceParent, 'isSampled' | 'isRandom'>): string {
  return FLAGS[flagsOf(trace)]!
}

/** Returns the flags of a trace as a number, 0..3. */
export function flagsOf({ isSampled, isRandom }: Pick<TraceParent, 'isSampled' | 'isRandom'>): number {
  return (isSampled ? SAMPLED : 0) | (isRandom ? RANDOM : 0)
}

const MAX_MEMBERS = 32
const MAX_STATE_CHARACTERS = 512
/** A member that is longer goes before all others. */
const LONG_MEMBER = 128
const KEY = /^[a-z0-9][a-z0-9_\-*/@]{0,255}$/
/** Printable ASCII without `,` and `=`, not ending with a space. */
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/

/**
 * Reads the value of `tracestate`, all lines joined, and shortens it to 512 characters: members of more than 128
 * characters go first, then those on the right.
 *
 * @returns the members, joined by commas, of a key only the first; undefined when there are none, more than 32 or a malformed
 *   one
 */
export function readTracestate(value: string): string | undefined {
  const members: string[] = []
  const keys = new Set<string>()
  for (const part of value.split(',')) {
    const member = withoutBlanks(part)
    if (member === '') continue
    const equals = member.indexOf('=')
    const key = member.slice(0, Math.max(0, equals))
    if (!KEY.test(key) || !VALUE.test(member.slice(equals + 1))) return undefined
    // The leftmost member is the latest.
    if (keys.has(key)) continue
    if (keys.size === MAX_MEMBERS) return undefined
    keys.add(key)
    members.push(member)
  }
  return members.length === 0 ? undefined : shortened(members)
}

/** Removes blanks at both ends. A pattern would look for the end of the text from each blank in its middle. */
function withoutBlanks(text: string): string {
  let from = 0
  let to = text.length
  while (from < to && isBlank(text[from])) from++
  while (from < to && isBlank(text[to - 1])) to--
  return text.slice(from, to)
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t'
}

function shortened(members: readonly string[]): string | undefined {
  let kept = members
  const isTooLong = () => kept.join(',').length > MAX_STATE_CHARACTERS
  if (isTooLong()) kept = kept.filter(({ length }) => length <= LONG_MEMBER)
  while (isTooLong()) kept = kept.slice(0, -1)
  return kept.length === 0 ? undefined : kept.join(',')
}

const MAX_BAGGAGE_BYTES = 8_192

/** Returns the value of `baggage`, all lines joined, as nodes get it; undefined when it has more than 8,192 bytes. */
export function readBaggage(value: string): string | undefined {
  return value === '' || value.length > MAX_BAGGAGE_BYTES ? undefined : value
}
