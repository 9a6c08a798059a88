import { isUtf8 } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import { FieldFault } from './field-fault.ts'
import { setOwn } from './special-decoders.ts'
import { isJsonObject } from './special-encoders.ts'
import { MAX_MESSAGE_DEPTH } from './wire-types.ts'

/** A double holds every whole number of fewer digits, and no integer of protobuf has more digits than `MAX_DIGITS`. */
const MIN_DIGITS = 16
const MAX_DIGITS = 20
/** A `Value` takes two levels of messages for each level of JSON, but clients count those of JSON. */
const MAX_DEPTH = MAX_MESSAGE_DEPTH

const QUOTE = 0x22
const BACKSLASH = 0x5c
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39
/** What may stand before and behind a whole number; undefined = the text begins or ends there. */
const BEFORE: ReadonlySet<number | undefined> = new Set([undefined, ...Buffer.from('[:, \t\n\r')])
const BEHIND: ReadonlySet<number | undefined> = new Set([undefined, ...Buffer.from(']}, \t\n\r')])

/** Begins the texts that stand for long numbers while a body is parsed. Clients cannot know it. */
const MARK = randomBytes(9).toString('base64url')

/**
 * Parses a JSON text. Whole numbers that a double cannot hold become bigints. Of members with the same name, the last one
 * counts.
 *
 * A reviver would see the digits of numbers, too, but it takes 8 µs for each value in a body, however few of them are long:
 * a body of 3 MB would keep the gateway busy for 8 s.
 *
 * @throws FieldFault when the bytes are not JSON, or when it is nested more than 64 deep
 */
export function parseJsonText(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new FieldFault('the body is not UTF-8')
  const longNumbers = scan(bytes)
  try {
    if (longNumbers.length === 0) return JSON.parse(bytes.toString('utf8'))
    return restored(JSON.parse(withMarks(bytes, longNumbers)))
  } catch {
    throw new FieldFault('the body is not JSON')
  }
}

/**
 * Looks at the nesting before anything is built.
 *
 * @returns where whole numbers begin and end that a double may not hold, flat
 */
function scan(bytes: Buffer): number[] {
  const longNumbers: number[] = []
  let depth = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    if (byte >= ZERO && byte <= NINE) {
      const end = endOfDigits(bytes, i)
      if (end - i >= MIN_DIGITS && end - i <= MAX_DIGITS && byte !== ZERO) {
        const from = bytes[i - 1] === MINUS ? i - 1 : i
        if (BEFORE.has(bytes[from - 1]) && BEHIND.has(bytes[end])) longNumbers.push(from, end)
      }
      i = end - 1
    } else if (byte === QUOTE) i = endOfText(bytes, i + 1)
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > MAX_DEPTH) throw new FieldFault(`the body is nested more than ${MAX_DEPTH} deep`)
    } else if (byte === 0x5d || byte === 0x7d) depth--
  }
  return longNumbers
}

function endOfDigits(bytes: Buffer, from: number): number {
  let end = from + 1
  while (bytes[end]! >= ZERO && bytes[end]! <= NINE) end++
  return end
}

function endOfText(bytes: Buffer, from: number): number {
  let end = bytes.indexOf(QUOTE, from)
  while (end !== -1) {
    let backslashes = 0
    while (bytes[end - 1 - backslashes] === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return end
    end = bytes.indexOf(QUOTE, end + 1)
  }
  return bytes.length
}

/** Returns the text with long numbers as marked texts. */
function withMarks(bytes: Buffer, longNumbers: readonly number[]): string {
  let text = ''
  let at = 0
  for (let i = 0; i < longNumbers.length; i += 2) {
    const from = longNumbers[i]!
    const end = longNumbers[i + 1]!
    text += `${bytes.toString('utf8', at, from)}"${MARK}${bytes.toString('latin1', from, end)}"`
    at = end
  }
  return text + bytes.toString('utf8', at)
}

/** Returns a value with its long numbers, which it changes in place. */
function restored(json: unknown): unknown {
  if (typeof json === 'string') return json.startsWith(MARK) ? exact(json.slice(MARK.length)) : json
  if (Array.isArray(json)) {
    for (let i = 0; i < json.length; i++) json[i] = restored(json[i])
  } else if (isJsonObject(json)) {
    for (const key of Object.keys(json)) {
      if (key.startsWith(MARK)) throw new Error('a number is no name')
      const value = json[key]
      const exactValue = restored(value)
      if (exactValue !== value) setOwn(json, key, exactValue)
    }
  }
  return json
}

function exact(digits: string): number | bigint {
  const number = Number(digits)
  return Number.isSafeInteger(number) ? number : BigInt(digits)
}
