import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import { FieldFault } from '../protobuf/field-fault.ts'
import { type Json, setOwn } from '../protobuf/special-decoders.ts'
import { isJsonObject, isWrapper } from '../protobuf/special-encoders.ts'

/** Types that are a text in JSON, and so can stand in a path or a query. */
const TEXT_TYPES = new Set(['Timestamp', 'Duration', 'FieldMask'].map(name => `google.protobuf.${name}`))

/** The fields of the types that were asked about, by both of their names. */
const fieldsByName = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>()

/** Returns a field by its name in JSON or in the .proto file. */
export function fieldNamed(desc: DescMessage, name: string): DescField | undefined {
  let byName = fieldsByName.get(desc)
  if (byName === undefined) {
    // Of two fields with one name, the first one counts, and a name in JSON more than one of the .proto file.
    const fields = desc.fields.toReversed()
    const names = fields.map(field => [field.name, field] as const)
    byName = new Map([...names, ...fields.map(field => [field.jsonName, field] as const)])
    fieldsByName.set(desc, byName)
  }
  return byName.get(name)
}

/** Returns the fields that lead to a field of a nested message; undefined when there are no such fields. */
export function fieldPathTo(desc: DescMessage, names: readonly string[]): readonly DescField[] | undefined {
  const path: DescField[] = []
  let message: DescMessage | undefined = desc
  for (const name of names) {
    const field: DescField | undefined = message && fieldNamed(message, name)
    if (field === undefined) return undefined
    path.push(field)
    message = field.fieldKind === 'message' ? field.message : undefined
  }
  return path
}

/**
 * Returns the function that turns a text of a path or a query into JSON for one value of a field; undefined when no text
 * can be such a value.
 */
export function textReaderOf(field: DescField): ((text: string) => unknown) | undefined {
  const { enum: enumeration, message } = field
  if (enumeration) return text => (/^-?\d{1,10}$/.test(text) ? Number(text) : text)
  if (!message) return field.scalar === ScalarType.BOOL ? toBoolean : asIs
  if (TEXT_TYPES.has(message.typeName)) return asIs
  if (!isWrapper(message)) return undefined
  return message.fields[0]!.scalar === ScalarType.BOOL ? toBoolean : asIs
}

function asIs(text: string): string {
  return text
}

function toBoolean(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new FieldFault('not true or false')
  return text === 'true'
}

/**
 * Sets a field of a nested message in the JSON of a message.
 *
 * @throws FieldFault when it has a value already
 */
export function assignAt(root: Json, path: readonly DescField[], value: unknown): void {
  let json = root
  for (const [i, field] of path.entries()) {
    const key = Object.hasOwn(json, field.name) ? field.name : field.jsonName
    const known = Object.hasOwn(json, key) ? json[key] : undefined
    if (i === path.length - 1) {
      if (known !== undefined && known !== null) throw faultAt(path, 'given twice')
      setOwn(json, key, value)
      return
    }
    if (known !== undefined && known !== null) {
      if (!isJsonObject(known)) throw faultAt(path.slice(0, i + 1), 'not an object')
      json = known
    } else {
      const nested: Json = {}
      setOwn(json, key, nested)
      json = nested
    }
  }
}

/** Returns the fault of a field that a path leads to. */
export function faultAt(path: readonly DescField[], message: string): FieldFault {
  const fault = new FieldFault(message)
  fault.path = textOfPath(path)
  return fault
}

/** Returns a path as faults have it, such as `.task.title`. */
export function textOfPath(path: readonly DescField[]): string {
  return path.map(({ jsonName }) => `.${jsonName}`).join('')
}
