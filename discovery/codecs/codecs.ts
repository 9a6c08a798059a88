import { auto } from './auto.ts'
import type { Codec } from './codec.ts'
import { goMicro } from './go-micro.ts'
import { goZero } from './go-zero.ts'
import { grpcEndpoint } from './grpc-endpoint.ts'
import { hertz } from './hertz.ts'
import { kitex } from './kitex.ts'
import { kratos } from './kratos.ts'
import { nameAddress } from './name-address.ts'
import { plainAddress } from './plain-address.ts'
import { rpcx } from './rpcx.ts'
import { serviceObject } from './service-object.ts'
import { waygate } from './waygate.ts'

/** Every value format that can be chosen by name; `docs/formats.md` describes them. */
export const codecs: readonly Codec[] = [
  auto,
  waygate,
  plainAddress,
  serviceObject,
  nameAddress,
  grpcEndpoint,
  kratos,
  goMicro,
  goZero,
  rpcx,
  kitex,
  hertz,
]

/** @throws TypeError naming the formats there are, when there is none of that name. */
export function codecNamed(name: string): Codec {
  const codec = codecs.find(candidate => candidate.name === name)
  if (!codec)
    throw new TypeError(`no format "${name}"; there are ${codecs.map(each => each.name).join(', ')}`)
  return codec
}
