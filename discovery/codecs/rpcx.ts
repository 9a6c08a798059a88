import { createNode, parseAddress } from '../../internal/nodes/node.ts'
import type { Codec } from './codec.ts'
import { idOf, quote, splitPath } from './key.ts'
import {
  checkEntries,
  MAX_ENTRIES,
  type Metadata,
  metadataFrom,
  parseWeight,
  protocolOf,
} from './metadata.ts'
import { checkSize } from './value.ts'

/** The transports for which rpcx has listeners (`server/listener*.go`, `kcp.go`, `quic.go`, ...). */
const NETWORK = /^(?:tcp[46]?|http|wss?|kcp|quic|unix|memu|iouring|rdma|reuseport)@/

/** The value at the base path itself. */
const BASE_VALUE = 'rpcx_path'

/**
 * Reads a URL query (`weight=5&state=inactive`, often empty) at `<service>/<network>@<host:port>`, as
 * rpcx-etcd writes it. Without a network, rpcx assumes tcp. The value is the metadata: `weight` is a number,
 * and `state=inactive` takes the node out of use by giving it the weight 0. A key of one segment belongs to a
 * service or to the base path, and has no nodes.
 *
 * rpcx speaks its own binary protocol on every network, including `http@` (after an HTTP CONNECT). The HTTP
 * gateway that it may have on the same port accepts encoded calls with `X-RPCX-*` headers, but the registered
 * value does not say whether it exists. The node therefore speaks `rpcx`, unless its registration adds
 * `protocol=http` to the metadata.
 */
export const rpcxCodec: Codec = {
  name: 'rpcx',
  decode(path, value) {
    if (path !== '' && !path.includes('/')) return []
    const { service, rest } = splitPath(path)
    const network = rest.indexOf('@')
    if (network >= 0 && !NETWORK.test(rest)) {
      throw new TypeError(`key must be <service>/<network>@<host:port>, not ${quote(rest)}`)
    }
    const metadata = readQuery(value)
    const weight = metadata.state === 'inactive' ? '0' : metadata.weight
    return [
      createNode({
        service,
        id: idOf(rest),
        ...parseAddress(rest.slice(network + 1)),
        weight: weight ? parseWeight(weight) : undefined,
        metadata,
        protocol: protocolOf(metadata.protocol, 'rpcx'),
      }),
    ]
  },
}

/** Whether a key and its value are of rpcx, judged by parts that no other format has. */
export function isRpcx(path: string, value: string): boolean {
  const slash = path.indexOf('/')
  if (slash < 0) return path !== '' && (value === path || value === BASE_VALUE)
  return NETWORK.test(path.slice(slash + 1))
}

function readQuery(value: string): Metadata {
  checkSize(value)
  // Count first, because parsing a megabyte of pairs takes seconds.
  checkEntries(value.split('&', MAX_ENTRIES + 1).length)
  return metadataFrom(new URLSearchParams(value))
}
