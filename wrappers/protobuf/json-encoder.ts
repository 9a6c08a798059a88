import type { DescEnum, DescField, DescMessage } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { FieldFault, faultWithin } from './field-fault.ts'
import { isJsonObject, specialEncoder } from './special-encoders.ts'
import { isGroup, MAX_MESSAGE_DEPTH, tagOf, valueTypeOf } from './wire-types.ts'
import { type EnumNumber, enumNumber, enumWriter } from './write-enum.ts'
import { mapKeyWriter, scalarWriter, type WriteValue } from './write-scalar.ts'

export interface JsonEncoderOptions {
  /** Finds the types of `Any` by their names. */
  readonly typeNamed: (typeName: string) => DescMessage | undefined
  /** Whether fields and names of enum values that the schema does not have are skipped. Default: they are refused. */
  readonly ignoresUnknown?: boolean | undefined
}

interface FieldEncoder {
  readonly field: DescField
  /** Whether null is a value, and not the absence of one. */
  readonly takesNull: boolean
  readonly write: WriteValue
}

interface MessageEncoder {
  readonly write: WriteValue
  readonly isSpecial: boolean
}

/** The prefix of a message in a gRPC body: a flag, and its length in four bytes. */
const PREFIX = new Uint8Array(5)
const IMPLICIT = 2

/**
 * Encodes JSON as protobuf messages (protobuf.dev/programming-guides/json). The functions that write the fields of a type
 * are put together at its first use.
 */
export class JsonEncoder {
  readonly #options: JsonEncoderOptions
  readonly #encoders = new Map<DescMessage, MessageEncoder>()
  readonly #enumNumbers = new Map<DescEnum, EnumNumber>()

  constructor(options: JsonEncoderOptions) {
    this.#options = options
  }

  /**
   * Returns a message with the prefix that it has in a gRPC body.
   *
   * @param json as `parseJsonText` returns it
   * @throws FieldFault when the value is not of that type
   */
  encode(desc: DescMessage, json: unknown): Buffer {
    const writer = new BinaryWriter().raw(PREFIX)
    this.#encoderOf(desc).write(json, writer, 1)
    const framed = Buffer.from(writer.finish().buffer)
    framed.writeUInt32BE(framed.length - PREFIX.length, 1)
    return framed
  }

  #encoderOf(desc: DescMessage): MessageEncoder {
    let encoder = this.#encoders.get(desc)
    if (encoder) return encoder
    const special = specialEncoder(desc, typeName => {
      const type = this.#options.typeNamed(typeName)
      return type && this.#encoderOf(type)
    })
    const fields = new Map<string, FieldEncoder>()
    encoder = special
      ? { write: special, isSpecial: true }
      : { write: this.#objectWriter(desc, fields), isSpecial: false }
    // A type may have a field of its own type.
    this.#encoders.set(desc, encoder)
    if (special) return encoder
    for (const field of desc.fields) {
      const fieldEncoder: FieldEncoder = {
        field,
        takesNull: takesNull(field),
        write: this.#fieldWriter(field),
      }
      fields.set(field.name, fieldEncoder).set(field.jsonName, fieldEncoder)
    }
    return encoder
  }

  #objectWriter(desc: DescMessage, fields: ReadonlyMap<string, FieldEncoder>): WriteValue {
    const ignoresUnknown = this.#options.ignoresUnknown === true
    const hasOneofs = desc.oneofs.length > 0
    return (json, writer, depth) => {
      if (!isJsonObject(json)) throw new FieldFault('not an object')
      if (depth > MAX_MESSAGE_DEPTH) throw new FieldFault('nested too deep')
      const keys = Object.keys(json)
      let hasProtoNames = false
      let i = 0
      try {
        for (; i < keys.length; i++) {
          const key = keys[i]!
          const encoder = fields.get(key)
          if (encoder === undefined) {
            if (ignoresUnknown) continue
            throw new FieldFault('no such field')
          }
          const value = json[key]
          if (key !== encoder.field.jsonName) hasProtoNames = true
          if (value !== null || encoder.takesNull) encoder.write(value, writer, depth)
        }
      } catch (error) {
        throw faultWithin(`.${keys[i]}`, error)
      }
      if (hasProtoNames) checkNames(json, keys, fields)
      if (hasOneofs) checkOneofs(json, keys, fields)
    }
  }

  #fieldWriter(field: DescField): WriteValue {
    switch (field.fieldKind) {
      case 'list':
        return this.#listWriter(field)
      case 'map':
        return this.#mapWriter(field)
      default:
        return this.#singleWriter(field, field.number, field.presence === IMPLICIT)
    }
  }

  /** Returns the writer of one value: that of a field, of an element of a list, or of a map. */
  #singleWriter(field: DescField, number: number, skipsZero: boolean): WriteValue {
    const { message, enum: enumeration, scalar } = field
    if (message) return this.#messageWriter(message, number, isGroup(field))
    if (enumeration)
      return enumWriter(this.#enumNumber(enumeration), tagOf(number, valueTypeOf(field)), skipsZero)
    return scalarWriter(scalar!, tagOf(number, valueTypeOf(field)), skipsZero)
  }

  #enumNumber(desc: DescEnum): EnumNumber {
    let read = this.#enumNumbers.get(desc)
    if (read === undefined) {
      read = enumNumber(desc, this.#options.ignoresUnknown === true)
      this.#enumNumbers.set(desc, read)
    }
    return read
  }

  #messageWriter(message: DescMessage, number: number, isGroup: boolean): WriteValue {
    // Types are put together when the first message of theirs comes: a schema may be a chain of thousands.
    let encoder: MessageEncoder | undefined
    if (isGroup) {
      const [start, end] = [tagOf(number, WireType.StartGroup), tagOf(number, WireType.EndGroup)]
      return (json, writer, depth) => {
        encoder ??= this.#encoderOf(message)
        writer.uint32(start)
        encoder.write(json, writer, depth + 1)
        writer.uint32(end)
      }
    }
    const tag = tagOf(number, WireType.LengthDelimited)
    return (json, writer, depth) => {
      encoder ??= this.#encoderOf(message)
      writer.uint32(tag).fork()
      encoder.write(json, writer, depth + 1)
      writer.join()
    }
  }

  #listWriter(field: DescField & { fieldKind: 'list' }): WriteValue {
    const nullable = takesNull(field)
    const tag = tagOf(field.number, WireType.LengthDelimited)
    const isPacked = field.packed && field.listKind !== 'message'
    const write = isPacked ? this.#packedWriter(field) : this.#singleWriter(field, field.number, false)
    return (json, writer, depth) => {
      if (!Array.isArray(json)) throw new FieldFault('not an array')
      const hasLength = isPacked && json.length > 0
      if (hasLength) writer.uint32(tag).fork()
      let i = 0
      try {
        for (; i < json.length; i++) {
          if (json[i] === null && !nullable) throw new FieldFault('null is not a value')
          write(json[i], writer, depth)
        }
      } catch (error) {
        throw faultWithin(`[${i}]`, error)
      }
      if (hasLength) writer.join()
    }
  }

  /** The elements of a packed list have no tags. */
  #packedWriter({ enum: enumeration, scalar }: DescField): WriteValue {
    if (enumeration) return enumWriter(this.#enumNumber(enumeration), 0, false)
    return scalarWriter(scalar!, 0, false)
  }

  #mapWriter(field: DescField & { fieldKind: 'map' }): WriteValue {
    const nullable = takesNull(field)
    const tag = tagOf(field.number, WireType.LengthDelimited)
    const writeKey = mapKeyWriter(field.mapKey)
    const writeValue = this.#singleWriter(field, 2, false)
    return (json, writer, depth) => {
      if (!isJsonObject(json)) throw new FieldFault('not an object')
      const keys = Object.keys(json)
      let i = 0
      try {
        for (; i < keys.length; i++) {
          const key = keys[i]!
          const value = json[key]
          if (value === null && !nullable) throw new FieldFault('null is not a value')
          writer.uint32(tag).fork()
          writeKey(key, writer, depth)
          writeValue(value, writer, depth)
          writer.join()
        }
      } catch (error) {
        throw faultWithin(`[${JSON.stringify(keys[i])}]`, error)
      }
    }
  }
}

/** Only `Value` and `NullValue` can be null. Anywhere else, null means that there is no value. */
function takesNull({ message, enum: enumeration }: DescField): boolean {
  return (
    message?.typeName === 'google.protobuf.Value' || enumeration?.typeName === 'google.protobuf.NullValue'
  )
}

/** Refuses a field that is given by both of its names. */
function checkNames(
  json: Record<string, unknown>,
  keys: readonly string[],
  fields: ReadonlyMap<string, FieldEncoder>,
): void {
  for (const key of keys) {
    const jsonName = fields.get(key)?.field.jsonName
    if (jsonName !== undefined && jsonName !== key && Object.hasOwn(json, jsonName)) {
      throw faultWithin(`.${jsonName}`, new FieldFault('given twice'))
    }
  }
}

/** Refuses two fields of which only one can be set. */
function checkOneofs(
  json: Record<string, unknown>,
  keys: readonly string[],
  fields: ReadonlyMap<string, FieldEncoder>,
): void {
  const chosen = new Map<string, string>()
  for (const key of keys) {
    const encoder = fields.get(key)
    const oneof = encoder?.field.oneof
    if (!oneof || (json[key] === null && !encoder.takesNull)) continue
    const other = chosen.get(oneof.name)
    if (other !== undefined) throw faultWithin(`.${key}`, new FieldFault(`cannot be set beside ${other}`))
    chosen.set(oneof.name, key)
  }
}
