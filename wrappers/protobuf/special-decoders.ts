import type { DescMessage } from '@bufbuild/protobuf'
import { zeroOf } from './read-scalar.ts'
import { isWrapper } from './special-encoders.ts'
import { type ReadValue, WireFault } from './wire-reader.ts'

/** A JSON object. */
export type Json = Record<string, unknown>

/** Makes of the fields of a message, as JSON has them, what stands for the message. */
type Simplify = (fields: Json) => unknown

/**
 * Returns what becomes of the fields of a type whose JSON is not an object with its fields
 * (protobuf.dev/programming-guides/json); undefined for all others. `Any`, which is not read by its fields, is below.
 */
export function simplifierOf(desc: DescMessage): Simplify | undefined {
  switch (desc.typeName) {
    case 'google.protobuf.Timestamp':
      return timestampJson
    case 'google.protobuf.Duration':
      return durationJson
    case 'google.protobuf.FieldMask':
      return maskJson
    case 'google.protobuf.Struct':
      return ({ fields = {} }) => fields
    case 'google.protobuf.ListValue':
      return ({ values = [] }) => values
    case 'google.protobuf.Value':
      return oneof => Object.values(oneof)[0] ?? null
    default:
      return isWrapper(desc) ? wrapperSimplifier(desc) : undefined
  }
}

/** Whether the JSON of a type is something else than an object with its fields. */
export function isSpecial(desc: DescMessage): boolean {
  return desc.typeName === 'google.protobuf.Any' || simplifierOf(desc) !== undefined
}

function wrapperSimplifier({ fields: [field] }: DescMessage): Simplify {
  const zero = zeroOf(field!.scalar!)
  return ({ value = zero }) => value
}

function timestampJson({ seconds = 0, nanos = 0 }: Json): string {
  if (Number(nanos) < 0 || Number(nanos) > 999_999_999) throw new WireFault('a timestamp is out of range')
  const second = secondText(Number(seconds))
  return nanos === 0 ? second.whole : `${second.text}${fractionOf(Number(nanos))}Z`
}

let lastSecond = { seconds: 0, text: '1970-01-01T00:00:00', whole: '1970-01-01T00:00:00Z' }

/** Returns a second as text. A message of 4 MiB may have a million empty timestamps, which would take a second to write. */
function secondText(seconds: number): typeof lastSecond {
  if (lastSecond.seconds === seconds) return lastSecond
  const date = new Date(seconds * 1000)
  const year = date.getUTCFullYear()
  if (!(year >= 1 && year <= 9999)) throw new WireFault('a timestamp is out of range')
  const text = date.toISOString().slice(0, 19)
  lastSecond = { seconds, text, whole: `${text}Z` }
  return lastSecond
}

const MAX_DURATION_SECONDS = 315_576_000_000

function durationJson(json: Json): string {
  const seconds = Number(json.seconds ?? 0)
  const nanos = Number(json.nanos ?? 0)
  if (Math.abs(seconds) > MAX_DURATION_SECONDS || Math.abs(nanos) > 999_999_999 || seconds * nanos < 0) {
    throw new WireFault('a duration is out of range')
  }
  const sign = seconds < 0 || nanos < 0 ? '-' : ''
  return `${sign}${Math.abs(seconds)}${fractionOf(Math.abs(nanos))}s`
}

/** In 0, 3, 6 or 9 digits. */
function fractionOf(value: number): string {
  if (value === 0) return ''
  const digits = String(value).padStart(9, '0')
  if (digits.endsWith('000000')) return `.${digits.slice(0, 3)}`
  return `.${digits.endsWith('000') ? digits.slice(0, 6) : digits}`
}

function maskJson({ paths = [] }: Json): string {
  return (paths as string[])
    .map(path => path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()))
    .join(',')
}

/** How messages of a type are read. */
interface InnerReader {
  readonly read: ReadValue
  /** Whether their JSON is something else than an object with their fields. */
  readonly isSpecial: boolean
}

/**
 * Returns the function that reads an `Any`. A message whose type is not known stays in base64, so that one detail does not
 * cost the client the whole answer.
 */
export function anyReader(find: (typeName: string) => InnerReader | undefined): ReadValue {
  return (reader, depth) => {
    let url = ''
    let value: Buffer = NOTHING
    let end = reader.pos
    while (reader.pos < reader.end) {
      const tag = reader.uint32()
      if (tag === 0x0a) url = reader.string()
      else if (tag === 0x12) {
        value = reader.bytes() as Buffer
        end = reader.pos
      } else reader.skipField(tag)
    }
    if (url === '') return {}
    const inner = find(url.slice(url.lastIndexOf('/') + 1))
    if (inner === undefined) return { '@type': url, value: value.toString('base64') }
    const json = reader.part(end - value.length, end, inner.read, depth + 1)
    return inner.isSpecial ? { '@type': url, value: json } : { '@type': url, ...(json as object) }
  }
}

const NOTHING = Buffer.alloc(0)

/** Sets a property, whatever its name: `__proto__` is a name like any other. */
export function setOwn(json: Json, key: string, value: unknown): void {
  if (key !== '__proto__') json[key] = value
  else Object.defineProperty(json, key, { value, writable: true, enumerable: true, configurable: true })
}
