import { createNode, type Node, parseAddress } from '../../internal/nodes/node.ts'
import type { Codec } from './codec.ts'
import { idOf, quote, splitNamedPath } from './key.ts'
import { parseWeight, readMetadata, withVersion } from './metadata.ts'
import { listIn, readEach, readNodes } from './node-list.ts'
import { parseObject } from './value.ts'

/** The weight that Kratos' own balancers use for an instance without one (`selector/node/direct`). */
const DEFAULT_WEIGHT = 100

/** The protocols of HTTP and those of gRPC, each in order of preference. */
const HTTP: readonly string[] = ['http', 'https']
const GRPC: readonly string[] = ['grpc', 'grpcs']

/** An instance has one endpoint per protocol. Each may become a node with a copy of all the metadata. */
const MAX_ENDPOINTS = 64

interface Endpoint {
  readonly protocol: string
  readonly authority: string
}

/**
 * Reads `{"id","name","version","metadata","endpoints":["http://h:p","grpc://h:p"]}` at `<name>/<id>`, as
 * go-kratos' `contrib/registry/etcd` writes it. The weight is `metadata.weight`, or 100 as in Kratos.
 *
 * An instance is a node at its http endpoint and another one, with the id `<id>@grpc`, at its grpc endpoint. One that
 * has only one of them is one node with the instance's id. If there are several endpoints of a protocol, each is a node,
 * with `@<address>` behind the id. Without http, https is used instead, and without grpc, grpcs. An instance with none of
 * these is a node at its first endpoint, so that it is at least visible. TLS is recognised by the scheme, or by
 * `?isSecure=true`, which Kratos wrote before 2.3.1.
 */
export const kratosCodec: Codec = {
  name: 'kratos',
  decode(path, value) {
    const object = parseObject(value)
    const { service, rest } = splitNamedPath(path, object.name)
    if (object.id !== undefined && object.id !== rest) {
      throw new TypeError(`the id in the value differs from the one in its key, ${quote(rest)}`)
    }
    const metadata = withVersion(readMetadata(object.metadata), object.version)
    const word = metadata?.weight
    const weight = word === undefined ? DEFAULT_WEIGHT : parseWeight(word)
    const endpoints = listIn('endpoints', object.endpoints)
    if (endpoints.length > MAX_ENDPOINTS) {
      throw new TypeError(`endpoints must not have more than ${MAX_ENDPOINTS} entries`)
    }
    const given = readEach('endpoints', endpoints, readEndpoint)
    const nodesAt = (chosen: readonly Endpoint[], instance: string): readonly Node[] =>
      readNodes(`${chosen[0]?.protocol} endpoints`, chosen, ({ protocol, authority }) => {
        const id = idOf(chosen.length === 1 ? instance : `${instance}@${authority}`)
        return createNode({ service, id, ...parseAddress(authority), weight, metadata, protocol })
      })
    const http = preferred(given, HTTP)
    const grpc = preferred(given, GRPC)
    if (http.length === 0 && grpc.length === 0) {
      return nodesAt(
        given.filter(({ protocol }) => protocol === given[0]?.protocol),
        rest,
      )
    }
    return [...nodesAt(http, rest), ...nodesAt(grpc, http.length === 0 ? rest : `${rest}@grpc`)]
  },
}

function readEndpoint(item: unknown): Endpoint {
  if (typeof item !== 'string') throw new TypeError('must be a string')
  const match = /^([A-Za-z][A-Za-z0-9+.-]{0,30}):\/\/([^/?#]*)[^?#]*(?:\?([^#]*))?/.exec(item)
  if (!match) throw new TypeError(`must be scheme://host:port, not ${quote(item)}`)
  const scheme = match[1]!.toLowerCase()
  const secure = /(?:^|&)isSecure=(?:1|[tT]|true|True|TRUE)(?:&|$)/.test(match[3] ?? '')
  return { protocol: secure && !scheme.endsWith('s') ? `${scheme}s` : scheme, authority: match[2]! }
}

/** Returns the endpoints of the first protocol that has any; none if no protocol has. */
function preferred(endpoints: readonly Endpoint[], protocols: readonly string[]): readonly Endpoint[] {
  const kind = protocols.find(each => endpoints.some(({ protocol }) => protocol === each))
  return endpoints.filter(({ protocol }) => protocol === kind)
}
