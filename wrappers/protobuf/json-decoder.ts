import type { DescEnum, DescField, DescMessage, ScalarType } from '@bufbuild/protobuf'
import { MAX_MESSAGE_DEPTH } from './json-encoder.ts'
import { type Json, type MessageDecoder, readChild, tagOfChild } from './read-child.ts'
import { type ReadValue, scalarReader, zeroOf } from './read-scalar.ts'
import { type ReadMessage, setOwn, specialDecoder } from './special-decoders.ts'
import { WireFault, WireReader } from './wire-reader.ts'
import { WIRE, wireTypeOf } from './write-scalar.ts'

export interface JsonDecoderOptions {
  /** Finds the types of `Any` by their names. */
  readonly typeNamed: (typeName: string) => DescMessage | undefined
  /** Whether fields that are not set are in the JSON as well, with their zero. Default false. */
  readonly emitsDefaults?: boolean | undefined
  /** Default `name`. */
  readonly enums?: 'name' | 'number' | undefined
  /** Whether fields have the names of JSON (camelCase) or those of the .proto file. Default `json`. */
  readonly names?: 'json' | 'proto' | undefined
}

/** Reads a field, whose tag was read, into the JSON of its message. */
type ReadField = (reader: WireReader, tag: number, json: Json, depth: number) => void

const IMPLICIT = 2

/**
 * Decodes protobuf messages to JSON (protobuf.dev/programming-guides/json). The functions that read the fields of a type
 * are put together at its first use.
 */
export class JsonDecoder {
  readonly #options: JsonDecoderOptions
  readonly #decoders = new Map<DescMessage, MessageDecoder>()

  constructor(options: JsonDecoderOptions) {
    this.#options = options
  }

  /**
   * Returns the JSON value of a message.
   *
   * @throws WireFault when the bytes are no message of that type
   */
  decode(desc: DescMessage, bytes: Buffer): unknown {
    return this.#decoderOf(desc).read(new WireReader(bytes), bytes.length, 1)
  }

  /** Returns the name that a field has in JSON. */
  nameOf(field: DescField): string {
    return this.#options.names === 'proto' ? field.name : field.jsonName
  }

  /** Returns what stands for a field that is not set; undefined when it has no such value. */
  defaultOf(field: DescField): unknown {
    if (field.fieldKind === 'list') return []
    if (field.fieldKind === 'map') return {}
    if (field.fieldKind === 'message') return undefined
    return field.enum ? this.#enumJson(field.enum)(field.enum.values[0]!.number) : zeroOf(field.scalar!)
  }

  #decoderOf(desc: DescMessage): MessageDecoder {
    const known = this.#decoders.get(desc)
    if (known) return known
    const special = specialDecoder(desc, {
      readerNamed: typeName => {
        const type = this.#options.typeNamed(typeName)
        return type && this.#decoderOf(type)
      },
      maxDepth: MAX_MESSAGE_DEPTH,
    })
    const fields: (ReadField | undefined)[] = []
    const many = new Map<number, ReadField>()
    const defaults: DescField[] = []
    const readInto = this.#objectReader(fields, many, defaults)
    const decoder: MessageDecoder = special
      ? { read: special, readInto: undefined, isSpecial: true }
      : { read: readerOf(readInto), readInto, isSpecial: false }
    // A type may have a field of its own type.
    this.#decoders.set(desc, decoder)
    if (special) return decoder
    for (const field of desc.fields) {
      const read = this.#fieldReader(field)
      if (field.number < MAX_INDEXED) fields[field.number] = read
      else many.set(field.number, read)
      if (this.#options.emitsDefaults && isEmitted(field)) defaults.push(field)
    }
    return decoder
  }

  #objectReader(
    fields: readonly (ReadField | undefined)[],
    many: ReadonlyMap<number, ReadField>,
    defaults: readonly DescField[],
  ): NonNullable<MessageDecoder['readInto']> {
    return (json, reader, end, depth) => {
      if (depth > MAX_MESSAGE_DEPTH) throw new WireFault('a message is nested too deep')
      while (reader.at < end) {
        const tag = reader.varint32()
        const number = tag >>> 3
        const read = number < MAX_INDEXED ? fields[number] : many.get(number)
        if (read === undefined) {
          if (number === 0) throw new WireFault('a field has the number 0')
          reader.skip(tag)
        } else read(reader, tag, json, depth)
      }
      if (reader.at > end) throw new WireFault('a field reaches beyond its message')
      for (const field of defaults) {
        const name = this.nameOf(field)
        if (!Object.hasOwn(json, name)) setOwn(json, name, this.defaultOf(field))
      }
    }
  }

  #fieldReader(field: DescField): ReadField {
    switch (field.fieldKind) {
      case 'list':
        return this.#listReader(field)
      case 'map':
        return this.#mapReader(field)
      case 'message':
        return this.#messageFieldReader(field)
      default:
        return this.#scalarFieldReader(field)
    }
  }

  /** Returns the reader of one value that is not a message, and its wire type. */
  #valueReader({ enum: enumeration, scalar }: DescField): {
    readonly read: ReadValue
    readonly wireType: number
  } {
    if (!enumeration) return { read: scalarReader(scalar!), wireType: wireTypeOf(scalar!) }
    const toJson = this.#enumJson(enumeration)
    return { read: reader => toJson(reader.varint32() | 0), wireType: WIRE.varint }
  }

  #scalarFieldReader(field: DescField): ReadField {
    const { read, wireType } = this.#valueReader(field)
    const name = this.nameOf(field)
    const clearOthers = this.#othersOf(field)
    if (field.presence === IMPLICIT && !field.oneof && !this.#options.emitsDefaults) {
      const zero = this.defaultOf(field)
      return (reader, tag, json, depth) => {
        if ((tag & 7) !== wireType) {
          reader.skip(tag)
          return
        }
        const value = read(reader, depth)
        if (value !== zero || Object.is(value, -0)) setOwn(json, name, value)
        else delete json[name]
      }
    }
    return (reader, tag, json, depth) => {
      if ((tag & 7) !== wireType) {
        reader.skip(tag)
        return
      }
      clearOthers?.(json)
      setOwn(json, name, read(reader, depth))
    }
  }

  #messageFieldReader(field: DescField): ReadField {
    const name = this.nameOf(field)
    const clearOthers = this.#othersOf(field)
    const child = this.#lazyDecoder(field.message!)
    const childTag = tagOfChild(field)
    return (reader, tag, json, depth) => {
      if (tag !== childTag) {
        reader.skip(tag)
        return
      }
      clearOthers?.(json)
      const decoder = child()
      const former = decoder.isSpecial || !Object.hasOwn(json, name) ? undefined : (json[name] as Json)
      setOwn(json, name, readChild(decoder, reader, tag, depth, former))
    }
  }

  /** Types are put together when the first message of theirs comes: a schema may be a chain of thousands. */
  #lazyDecoder(message: DescMessage): () => MessageDecoder {
    let decoder: MessageDecoder | undefined
    return () => {
      decoder ??= this.#decoderOf(message)
      return decoder
    }
  }

  #listReader(field: DescField & { fieldKind: 'list' }): ReadField {
    const name = this.nameOf(field)
    if (field.message) {
      const child = this.#lazyDecoder(field.message)
      const childTag = tagOfChild(field)
      return (reader, tag, json, depth) => {
        if (tag === childTag) listIn(json, name).push(readChild(child(), reader, tag, depth, undefined))
        else reader.skip(tag)
      }
    }
    const { read, wireType } = this.#valueReader(field)
    return (reader, tag, json, depth) => {
      if ((tag & 7) === wireType) listIn(json, name).push(read(reader, depth))
      else if ((tag & 7) === WIRE.bytes) {
        const list = listIn(json, name)
        const end = reader.end()
        while (reader.at < end) list.push(read(reader, depth))
      } else reader.skip(tag)
    }
  }

  #mapReader(field: DescField & { fieldKind: 'map' }): ReadField {
    const name = this.nameOf(field)
    const readKey = scalarReader(field.mapKey)
    const zeroKey = zeroOf(field.mapKey as ScalarType)
    const child = field.message && this.#lazyDecoder(field.message)
    const readValue: ReadValue = child
      ? (reader, depth) => child().read(reader, reader.end(), depth + 1)
      : this.#valueReader(field).read
    const zeroValue = (): unknown => {
      if (child) return child().read(new WireReader(NOTHING), 0, 1)
      return field.enum ? this.#enumJson(field.enum)(field.enum.values[0]!.number) : zeroOf(field.scalar!)
    }
    return (reader, outerTag, json, depth) => {
      if ((outerTag & 7) !== WIRE.bytes) {
        reader.skip(outerTag)
        return
      }
      const end = reader.end()
      let key = zeroKey
      let value: unknown
      while (reader.at < end) {
        const tag = reader.varint32()
        if (tag >>> 3 === 1) key = readKey(reader, depth)
        else if (tag >>> 3 === 2) value = readValue(reader, depth)
        else reader.skip(tag)
      }
      if (!Object.hasOwn(json, name)) setOwn(json, name, {})
      setOwn(json[name] as Json, String(key), value === undefined ? zeroValue() : value)
    }
  }

  #enumJson(desc: DescEnum): (number: number) => unknown {
    if (desc.typeName === 'google.protobuf.NullValue') return () => null
    if (this.#options.enums === 'number') return number => number
    // Two names of one number: the first one counts.
    const names = new Map<number, string>()
    for (const { jsonName, number } of desc.values) if (!names.has(number)) names.set(number, jsonName)
    return number => names.get(number) ?? number
  }

  /** Returns the function that removes the other fields of a oneof; undefined when there are none. */
  #othersOf(field: DescField): ((json: Json) => void) | undefined {
    const others = field.oneof?.fields.filter(other => other !== field).map(other => this.nameOf(other)) ?? []
    if (others.length === 0) return undefined
    return json => {
      for (const name of others) if (Object.hasOwn(json, name)) delete json[name]
    }
  }
}

/** Fields with larger numbers are found in a map. */
const MAX_INDEXED = 256
const NOTHING = Buffer.alloc(0)

/** Fields with explicit presence have no default in JSON: their absence is a value. */
function isEmitted(field: DescField): boolean {
  if (field.fieldKind === 'list' || field.fieldKind === 'map') return true
  return field.fieldKind !== 'message' && field.presence === IMPLICIT && !field.oneof
}

function readerOf(readInto: NonNullable<MessageDecoder['readInto']>): ReadMessage {
  return (reader, end, depth) => {
    const json: Json = {}
    readInto(json, reader, end, depth)
    return json
  }
}

function listIn(json: Json, name: string): unknown[] {
  if (!Object.hasOwn(json, name)) setOwn(json, name, [])
  return json[name] as unknown[]
}
