import { auto } from './auto.ts'
import type { Codec } from './codec.ts'
import { plainAddress } from './plain-address.ts'
import { serviceObject } from './service-object.ts'
import { waygate } from './waygate.ts'

/** Every value format that can be chosen by name. */
export const codecs: readonly Codec[] = [auto, waygate, plainAddress, serviceObject]

/** @throws TypeError naming the formats there are, when there is none of that name. */
export function codecNamed(name: string): Codec {
  const codec = codecs.find(candidate => candidate.name === name)
  if (!codec)
    throw new TypeError(`no format "${name}"; there are ${codecs.map(each => each.name).join(', ')}`)
  return codec
}
