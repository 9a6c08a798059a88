import type { Codec } from './codec.ts'
import { goMicro } from './go-micro.ts'
import { goZero, isGoZeroKey } from './go-zero.ts'
import { grpcEndpoint } from './grpc-endpoint.ts'
import { kitex } from './kitex.ts'
import { kratos } from './kratos.ts'
import { hasAddress, nameAddress } from './name-address.ts'
import { plainAddress } from './plain-address.ts'
import { isRpcx, rpcx } from './rpcx.ts'
import { serviceObject } from './service-object.ts'
import { isObject, type JsonObject, parseObject } from './value.ts'
import { waygate } from './waygate.ts'

/**
 * Reads each value in the format that its shape shows, or its key where values of two formats look alike;
 * services of all formats may share a prefix.
 */
export const auto: Codec = {
  name: 'auto',
  decode(path, value) {
    return formatOf(path, value).decode(path, value)
  },
}

function formatOf(path: string, value: string): Codec {
  if (/^\s*\{/.test(value)) return formatOfObject(parseObject(value))
  if (isRpcx(path, value)) return rpcx
  return isGoZeroKey(path) ? goZero : plainAddress
}

function formatOfObject(value: JsonObject): Codec {
  const has = (field: string) => Object.hasOwn(value, field)
  if (has('nodes')) return has('endpoints') || hasMicroNode(value.nodes) ? goMicro : serviceObject
  if (has('endpoints')) return kratos
  if (has('Op') || (has('Addr') && !has('Name'))) return grpcEndpoint
  if (has('network') && has('address')) return kitex
  return hasAddress(value) && !has('port') ? nameAddress : waygate
}

function hasMicroNode(nodes: unknown): boolean {
  return Array.isArray(nodes) && nodes.some(node => isObject(node) && Object.hasOwn(node, 'address'))
}
