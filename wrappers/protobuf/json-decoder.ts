import type { DescEnum, DescField, DescMessage, DescOneof } from '@bufbuild/protobuf'
import {
  COST,
  costOf,
  listReader,
  mapReader,
  messageReader,
  type ReadField,
  scalarReader,
} from './read-fields.ts'
import { READ_SCALAR, zeroOf } from './read-scalar.ts'
import { anyReader, isSpecial, type Json, setOwn, simplifierOf } from './special-decoders.ts'
import { type ReadValue, readWire, WireFault } from './wire-reader.ts'
import { MAX_MESSAGE_DEPTH } from './wire-types.ts'

export interface JsonDecoderOptions {
  /** Finds the types of `Any` by their names. */
  readonly typeNamed: (typeName: string) => DescMessage | undefined
  /** Whether fields that are not set are in the JSON as well, with their zero. Default false. */
  readonly emitsDefaults?: boolean | undefined
  /** Default `name`. */
  readonly enums?: 'name' | 'number' | undefined
  /** Whether fields have the names of JSON (camelCase) or those of the .proto file. Default `json`. */
  readonly names?: 'json' | 'proto' | undefined
  /**
   * How much JSON may be made of one message, roughly in bytes, because two bytes of a message may become an object with
   * hundreds of fields. Default 64 MiB.
   */
  readonly maxJsonBytes?: number | undefined
}

const IMPLICIT = 2

/**
 * Decodes protobuf messages to JSON (protobuf.dev/programming-guides/json). The functions that read the fields of a type
 * are put together at its first use.
 *
 * @bufbuild/protobuf has this as well, but builds every message with all of its fields first: an answer of 3 MB then takes
 * 20 s and gigabytes. It also refuses what answers of nodes do have, such as an `Any` of an unknown type.
 */
export class JsonDecoder {
  readonly #options: JsonDecoderOptions
  readonly #readers = new Map<DescMessage, ReadValue>()
  readonly #enumNames = new Map<DescEnum, ReadonlyMap<number, string>>()
  readonly #oneofNames = new Map<DescOneof, readonly string[]>()

  constructor(options: JsonDecoderOptions) {
    this.#options = options
  }

  /**
   * Returns the JSON value of a message.
   *
   * @throws WireFault when the bytes are no message of that type, or too much JSON would be made of them
   */
  decode(desc: DescMessage, bytes: Buffer): unknown {
    return readWire(bytes, this.#readerOf(desc), this.#options.maxJsonBytes ?? 64 * 1024 * 1024)
  }

  /** Returns the name that a field has in JSON. */
  nameOf(field: DescField): string {
    return this.#options.names === 'proto' ? field.name : field.jsonName
  }

  /** Returns what stands for a field that is not set; undefined when it has no such value. */
  defaultOf(field: DescField): unknown {
    if (field.fieldKind === 'list') return []
    if (field.fieldKind === 'map') return {}
    return field.fieldKind === 'message' ? undefined : this.#zeroOf(field)
  }

  #zeroOf({ enum: enumeration, scalar }: DescField): unknown {
    return enumeration ? this.#enumJson(enumeration)(enumeration.values[0]!.number) : zeroOf(scalar!)
  }

  #readerOf(desc: DescMessage): ReadValue {
    let read = this.#readers.get(desc)
    if (read === undefined) {
      read = this.#createReader(desc)
      this.#readers.set(desc, read)
    }
    return read
  }

  /** Types are put together when the first message of theirs comes: a schema may be a chain of thousands. */
  #lazyReader(message: DescMessage): ReadValue {
    let known: ReadValue | undefined
    return (reader, depth, former) => {
      known ??= this.#readerOf(message)
      return known(reader, depth, former)
    }
  }

  #createReader(desc: DescMessage): ReadValue {
    if (desc.typeName === 'google.protobuf.Any') {
      return anyReader(typeName => {
        const type = this.#options.typeNamed(typeName)
        if (type === undefined) return undefined
        return { read: this.#readerOf(type), isSpecial: isSpecial(type) }
      })
    }
    const simplify = simplifierOf(desc)
    if (simplify === undefined) return this.#objectReader(desc, COST.container)
    // The object with the fields is gone at once.
    const read = this.#objectReader(desc, 0)
    return (reader, depth) => simplify(read(reader, depth) as Json)
  }

  #objectReader(desc: DescMessage, cost: number): ReadValue {
    const fields: (ReadField | undefined)[] = []
    const many = new Map<number, ReadField>()
    for (const field of desc.fields) {
      const read = this.#fieldReader(field)
      if (field.number < MAX_INDEXED) fields[field.number] = read
      else many.set(field.number, read)
    }
    const emitted = this.#options.emitsDefaults && cost > 0 ? desc.fields.filter(isEmitted) : []
    const defaults = emitted.map(field => {
      const name = this.nameOf(field)
      return { field, name, cost: costOf(name) + (isContainer(field) ? COST.container : 0) }
    })
    return (reader, depth, former) => {
      if (depth > MAX_MESSAGE_DEPTH) throw new WireFault('a message is nested too deep')
      // Of a message in many parts, each part looks for all defaults.
      reader.spend(former === undefined ? cost : defaults.length * COST.value)
      const json: Json = (former as Json | undefined) ?? {}
      while (reader.pos < reader.end) {
        const tag = reader.uint32()
        const number = tag >>> 3
        const read = number < MAX_INDEXED ? fields[number] : many.get(number)
        if (read === undefined) reader.skipField(tag)
        else read(reader, tag, json, depth)
      }
      for (const { field, name, cost } of defaults) {
        if (Object.hasOwn(json, name)) continue
        reader.spend(cost)
        setOwn(json, name, this.defaultOf(field))
      }
      return json
    }
  }

  #fieldReader(field: DescField): ReadField {
    const name = this.nameOf(field)
    const read = this.#valueReader(field)
    switch (field.fieldKind) {
      case 'list':
        return listReader(field, name, read)
      case 'map':
        return mapReader(field, name, read, () => this.#zeroOf(field))
      case 'message':
        return messageReader(field, name, read, this.#othersOf(field))
      default: {
        const isImplicit = field.presence === IMPLICIT && !field.oneof && !this.#options.emitsDefaults
        const zero = isImplicit ? this.#zeroOf(field) : undefined
        return scalarReader(field, name, read, { zero, clearOthers: this.#othersOf(field) })
      }
    }
  }

  /** Returns the reader of one value: that of a field, of an element of a list, or of a map. */
  #valueReader({ message, enum: enumeration, scalar }: DescField): ReadValue {
    if (message) return this.#lazyReader(message)
    if (!enumeration) return READ_SCALAR[scalar!]
    const toJson = this.#enumJson(enumeration)
    return reader => {
      const json = toJson(reader.int32())
      if (typeof json === 'string') reader.spend(json.length)
      return json
    }
  }

  #enumJson(desc: DescEnum): (number: number) => unknown {
    if (desc.typeName === 'google.protobuf.NullValue') return () => null
    if (this.#options.enums === 'number') return number => number
    let names = this.#enumNames.get(desc)
    if (names === undefined) {
      // Two names of one number: the first one counts.
      names = new Map(desc.values.toReversed().map(({ number, jsonName }) => [number, jsonName]))
      this.#enumNames.set(desc, names)
    }
    const known = names
    return number => known.get(number) ?? number
  }

  /** Returns the function that removes the other fields of a oneof; undefined when there are none. */
  #othersOf(field: DescField): ((json: Json) => void) | undefined {
    if (field.oneof === undefined || field.oneof.fields.length < 2) return undefined
    const names = this.#namesOf(field.oneof)
    const own = this.nameOf(field)
    return json => {
      for (const name of names) if (name !== own && Object.hasOwn(json, name)) delete json[name]
    }
  }

  /** Returns the names of the fields of a oneof, which all of them share: a list for each would take the square of that. */
  #namesOf(oneof: DescOneof): readonly string[] {
    let names = this.#oneofNames.get(oneof)
    if (names === undefined) {
      names = oneof.fields.map(field => this.nameOf(field))
      this.#oneofNames.set(oneof, names)
    }
    return names
  }
}

/** Fields with larger numbers are found in a map. */
const MAX_INDEXED = 256

/** Fields with explicit presence have no default in JSON: their absence is a value. */
function isEmitted(field: DescField): boolean {
  if (isContainer(field)) return true
  return field.fieldKind !== 'message' && field.presence === IMPLICIT && !field.oneof
}

function isContainer({ fieldKind }: DescField): boolean {
  return fieldKind === 'list' || fieldKind === 'map'
}
