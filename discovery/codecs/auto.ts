import type { Codec } from './codec.ts'
import { plainAddress } from './plain-address.ts'
import { serviceObject } from './service-object.ts'
import { parseObject } from './value.ts'
import { waygate } from './waygate.ts'

/** Reads each value in the format that its shape shows; services of all formats may share a prefix. */
export const auto: Codec = {
  name: 'auto',
  decode(path, value) {
    return formatOf(value).decode(path, value)
  },
}

function formatOf(value: string): Codec {
  if (!/^\s*\{/.test(value)) return plainAddress
  return Object.hasOwn(parseObject(value), 'nodes') ? serviceObject : waygate
}
