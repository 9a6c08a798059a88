import { autoCodec } from './auto.ts'
import type { Codec } from './codec.ts'
import { goMicroCodec } from './go-micro.ts'
import { goZeroCodec } from './go-zero.ts'
import { grpcEndpointCodec } from './grpc-endpoint.ts'
import { hertzCodec } from './hertz.ts'
import { kitexCodec } from './kitex.ts'
import { kratosCodec } from './kratos.ts'
import { nameAddressCodec } from './name-address.ts'
import { plainAddressCodec } from './plain-address.ts'
import { rpcxCodec } from './rpcx.ts'
import { serviceObjectCodec } from './service-object.ts'
import { waygateCodec } from './waygate.ts'

/** The value formats that can be chosen by name. `docs/formats.md` describes them. */
export const codecs: readonly Codec[] = [
  autoCodec,
  waygateCodec,
  plainAddressCodec,
  serviceObjectCodec,
  nameAddressCodec,
  grpcEndpointCodec,
  kratosCodec,
  goMicroCodec,
  goZeroCodec,
  rpcxCodec,
  kitexCodec,
  hertzCodec,
]

/** @throws TypeError that lists the formats, when there is none of that name */
export function codecNamed(name: string): Codec {
  const codec = codecs.find(candidate => candidate.name === name)
  if (!codec)
    throw new TypeError(
      `unknown format "${name}"; the formats are ${codecs.map(each => each.name).join(', ')}`,
    )
  return codec
}
