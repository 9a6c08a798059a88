import type { DescField, DescMessage } from '@bufbuild/protobuf'
import { FieldFault } from '../protobuf/field-fault.ts'
import { setOwn } from '../protobuf/special-decoders.ts'
import { assignAt, faultAt, fieldPathTo, textReaderOf } from './field-path.ts'

/** The values that a query has for one field. */
interface QueryField {
  readonly path: readonly DescField[]
  readonly values: unknown[]
  /** The entries of a map; undefined for other fields. */
  readonly entries: Record<string, unknown> | undefined
}

export interface QueryOptions {
  /** Whether parameters that are no fields are skipped. Otherwise they are refused, because they may be misspelt. */
  readonly ignoresUnknown: boolean
  /** Whether the query may have fields at all: not when the body is the whole message. */
  readonly takesFields: boolean
}

/**
 * Sets the fields of a query in the JSON of a message. A name is a path of names of fields, in the spelling of JSON or of
 * the .proto file: `task.title=x`. A repeated field is given several times, an entry of a map as `labels[key]=x`.
 *
 * @param query without the question mark
 * @throws FieldFault when a parameter is no field, is given twice, or cannot be given in a query
 */
export function assignQuery(
  root: Record<string, unknown>,
  desc: DescMessage,
  query: string,
  options: QueryOptions,
): void {
  const fields = new Map<string, QueryField>()
  for (const pair of query.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decode(equals === -1 ? pair : pair.slice(0, equals))
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1))
    const [, names = '', key] = /^([^[]*)(?:\[(.*)\])?$/s.exec(name) ?? []
    const path = options.takesFields ? fieldPathTo(desc, names.split('.')) : undefined
    if (path === undefined) {
      if (options.ignoresUnknown) continue
      throw unknownParameter(name, options)
    }
    add(fields, path, key, value)
  }
  for (const { path, values, entries } of fields.values()) {
    if (entries) assignAt(root, path, entries)
    else if (path.at(-1)!.fieldKind === 'list') assignAt(root, path, values)
    else if (values.length > 1) throw faultAt(path, 'given twice')
    else assignAt(root, path, values[0])
  }
}

function add(
  fields: Map<string, QueryField>,
  path: readonly DescField[],
  key: string | undefined,
  text: string,
): void {
  const field = path.at(-1)!
  const isMap = field.fieldKind === 'map'
  if (isMap !== (key !== undefined)) {
    throw faultAt(path, isMap ? 'give an entry of this map as name[key]=value' : 'not a map')
  }
  const read = textReaderOf(field)
  if (read === undefined) throw faultAt(path, 'a message cannot be given in the query; use the body')
  const id = path.map(({ number }) => number).join('.')
  let known = fields.get(id)
  if (!known) {
    known = { path, values: [], entries: isMap ? {} : undefined }
    fields.set(id, known)
  }
  let value: unknown
  try {
    value = read(text)
  } catch (error) {
    throw error instanceof FieldFault ? faultAt(path, error.message) : error
  }
  if (!known.entries) known.values.push(value)
  else if (Object.hasOwn(known.entries, key!)) throw faultAt(path, 'an entry is given twice')
  else setOwn(known.entries, key!, value)
}

function unknownParameter(name: string, { takesFields }: QueryOptions): FieldFault {
  const shown = JSON.stringify(name.slice(0, 100))
  return new FieldFault(
    takesFields
      ? `the query parameter ${shown} is not a field of the request`
      : `the query parameter ${shown} is not used, because the body is the whole request`,
  )
}

function decode(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw new FieldFault('the query is not valid UTF-8 in percent-encoding')
  }
}
