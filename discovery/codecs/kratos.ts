import { createNode, parseAddress } from '../../internal/nodes/node.ts'
import type { Codec } from './codec.ts'
import { idOf, quote, splitNamedPath } from './key.ts'
import { parseWeight, readMetadata, withVersion } from './metadata.ts'
import { listIn, readEach, readNodes } from './node-list.ts'
import { parseObject } from './value.ts'

/** The weight that Kratos' own balancers use for an instance without one (`selector/node/direct`). */
const DEFAULT_WEIGHT = 100

/** The protocols in order of preference. Other protocols come after these, in the order of the endpoints. */
const PREFERRED: readonly string[] = ['http', 'https', 'grpc', 'grpcs']

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
 * An instance is one node at its http endpoint. If it has several, each is a node with the id
 * `<id>@<address>`. If it has none, its https, grpc or other endpoints are used instead, so that the node is
 * at least visible. TLS is recognised by the scheme, or by `?isSecure=true`, which Kratos wrote before 2.3.1.
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
    const chosen = preferred(readEach('endpoints', endpoints, readEndpoint))
    return readNodes(`${chosen[0]?.protocol} endpoints`, chosen, ({ protocol, authority }) => {
      const id = chosen.length === 1 ? rest : `${rest}@${authority}`
      return createNode({ service, id: idOf(id), ...parseAddress(authority), weight, metadata, protocol })
    })
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

/** Returns the endpoints of the most preferred protocol. */
function preferred(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const kinds = [...PREFERRED, ...endpoints.map(endpoint => endpoint.protocol)]
  const kind = kinds.find(each => endpoints.some(endpoint => endpoint.protocol === each))
  return endpoints.filter(endpoint => endpoint.protocol === kind)
}
