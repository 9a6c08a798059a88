import type { DescEnum } from '@bufbuild/protobuf'
import { FieldFault } from './field-fault.ts'
import type { WriteValue } from './write-scalar.ts'

/** Returns the number of a value of an enum, given by its name or number; undefined when the value is skipped. */
export type EnumNumber = (json: unknown) => number | undefined

/**
 * Returns the function that reads values of an enum. All fields of the enum share it, since it has all names.
 *
 * @param ignoresUnknown whether a name that the enum does not have is skipped
 */
export function enumNumber(desc: DescEnum, ignoresUnknown: boolean): EnumNumber {
  const numbers = new Map<string, number>()
  for (const { jsonName, number } of desc.values) numbers.set(jsonName, number)
  for (const { name, number } of desc.values) numbers.set(name, number)
  const known = desc.open ? undefined : new Set(desc.values.map(({ number }) => number))
  const isNull = desc.typeName === 'google.protobuf.NullValue'
  return json => {
    if (isNull && json === null) return 0
    if (typeof json === 'string') {
      const number = numbers.get(json)
      if (number === undefined && !ignoresUnknown) throw new FieldFault(`not a value of ${desc.typeName}`)
      return number
    }
    if (typeof json !== 'number' || !Number.isInteger(json))
      throw new FieldFault(`not a value of ${desc.typeName}`)
    if ((json | 0) !== json) throw new FieldFault('out of range')
    if (known?.has(json) === false) throw new FieldFault(`not a value of ${desc.typeName}`)
    return json
  }
}

/**
 * Returns the function that writes values of an enum.
 *
 * @param tag written in front of the value; 0 = none
 * @param skipsZero whether a zero is not written, because its absence means the same
 */
export function enumWriter(toNumber: EnumNumber, tag: number, skipsZero: boolean): WriteValue {
  return (json, writer) => {
    const number = toNumber(json)
    if (number === undefined || (skipsZero && number === 0)) return
    if (tag !== 0) writer.uint32(tag)
    writer.int32(number)
  }
}
