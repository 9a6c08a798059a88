/**
 * Stands in for `@grpc/proto-loader` in the bundle, where etcd3 and the embedded etcd load the protocol files of etcd at
 * every start. Here the files have been parsed when the program was built, and both share one set of types. That takes a
 * start 0.15 s less, and the process 8 MB.
 */
import Long from 'long'
import protobuf from 'protobufjs/light.js'

/** The files as JSON of `Root.toJSON`. `bundle.ts` puts it here. */
declare const ETCD_PROTOS: string

type Options = protobuf.IConversionOptions

// Otherwise revisions and lease ids would be JavaScript numbers, which do not hold them.
protobuf.util.Long = Long
protobuf.configure()

const etcdserverpb = protobuf.Root.fromJSON(JSON.parse(ETCD_PROTOS)).resolveAll().lookup('etcdserverpb')

/**
 * Returns the services of etcd in the shape that `loadSync` of proto-loader has.
 *
 * @throws Error for any other file than etcd's `rpc.proto`
 */
export function loadSync(file: string, options: Options): Record<string, object> {
  if (!file.endsWith('rpc.proto')) throw new Error(`${file} is not part of the bundle`)
  const services = (etcdserverpb as protobuf.Namespace).nestedArray.filter(
    entry => entry instanceof protobuf.Service,
  )
  return Object.fromEntries(
    services.map(service => [
      `etcdserverpb.${service.name}`,
      Object.fromEntries(service.methodsArray.map(method => [method.name, definitionOf(method, options)])),
    ]),
  )
}

function definitionOf(method: protobuf.Method, options: Options): object {
  const request = method.resolvedRequestType!
  const response = method.resolvedResponseType!
  return {
    path: `/etcdserverpb.${method.parent!.name}/${method.name}`,
    requestStream: method.requestStream === true,
    responseStream: method.responseStream === true,
    requestSerialize: serializerOf(request),
    requestDeserialize: deserializerOf(request, options),
    responseSerialize: serializerOf(response),
    responseDeserialize: deserializerOf(response, options),
    originalName: camelCase(method.name),
  }
}

/** Returns the second name under which a client has a method: `hashKv` for `HashKV`. */
function camelCase(name: string): string {
  const rest = name
    .slice(1)
    .replace(/[A-Z]+/g, ([first = '', ...others]) => first + others.join('').toLowerCase())
  return name[0]!.toLowerCase() + rest
}

function serializerOf(type: protobuf.Type): (message: Record<string, unknown>) => Uint8Array {
  return message => type.encode(type.fromObject(message)).finish()
}

function deserializerOf(type: protobuf.Type, options: Options): (bytes: Uint8Array) => object {
  return bytes => type.toObject(type.decode(bytes), options)
}
