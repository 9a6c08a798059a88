import type { Codec } from './codec.ts'
import { goMicroCodec } from './go-micro.ts'
import { goZeroCodec, isGoZeroKey } from './go-zero.ts'
import { grpcEndpointCodec } from './grpc-endpoint.ts'
import { kitexCodec } from './kitex.ts'
import { kratosCodec } from './kratos.ts'
import { hasAddress, nameAddressCodec } from './name-address.ts'
import { plainAddressCodec } from './plain-address.ts'
import { isRpcx, rpcxCodec } from './rpcx.ts'
import { serviceObjectCodec } from './service-object.ts'
import { isObject, type JsonObject, parseObject } from './value.ts'
import { waygateCodec } from './waygate.ts'

/**
 * Detects the format of each value by its shape, or by its key where the values of two formats look alike.
 * Services of all formats may share a prefix.
 */
export const autoCodec: Codec = {
  name: 'auto',
  decode(path, value) {
    return formatOf(path, value).decode(path, value)
  },
}

function formatOf(path: string, value: string): Codec {
  if (/^\s*\{/.test(value)) return formatOfObject(parseObject(value))
  if (isRpcx(path, value)) return rpcxCodec
  return isGoZeroKey(path) ? goZeroCodec : plainAddressCodec
}

function formatOfObject(value: JsonObject): Codec {
  const has = (field: string) => Object.hasOwn(value, field)
  if (has('nodes')) return has('endpoints') || hasMicroNode(value.nodes) ? goMicroCodec : serviceObjectCodec
  if (has('endpoints')) return kratosCodec
  if (has('Op') || (has('Addr') && !has('Name'))) return grpcEndpointCodec
  if (has('network') && has('address')) return kitexCodec
  return hasAddress(value) && !has('port') ? nameAddressCodec : waygateCodec
}

function hasMicroNode(nodes: unknown): boolean {
  return Array.isArray(nodes) && nodes.some(node => isObject(node) && Object.hasOwn(node, 'address'))
}
