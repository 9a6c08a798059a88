import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

const PROTO_FOLDER = join(import.meta.dirname, '../../examples/grpc/proto')

/** How a call of an example ended. */
export interface ExampleResult {
  readonly status: string
  readonly message: string
  readonly replies: readonly Record<string, unknown>[]
}

type Metadata = Readonly<Record<string, string>>

/** A client of one example. */
export interface ExampleClient extends Disposable {
  /** @param user its id, as the gateway would send it, or other metadata */
  call(method: string, requests: object | readonly object[], user?: string | Metadata): Promise<ExampleResult>
  /** Starts a call, to read replies as they come. */
  start(method: string, request: object, user?: string): grpc.ClientDuplexStream<object, object>
}

/** @param file below `examples/grpc/proto` */
export function createExampleClient(file: string, service: string, port: number): ExampleClient {
  const definition = loadSync(file, {
    includeDirs: [PROTO_FOLDER],
    longs: Number,
    enums: String,
    defaults: true,
  })
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
  const open = (method: string, requests: readonly object[], user: string | Metadata = {}) => {
    const { path, requestSerialize, responseDeserialize } = (definition[service] as grpc.ServiceDefinition)[
      method
    ]!
    const metadata = new grpc.Metadata()
    const sent = typeof user === 'string' ? { 'x-user-id': user } : user
    for (const [name, value] of Object.entries(sent)) metadata.set(name, value)
    // On the wire, a unary call is a stream of one message.
    const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, {})
    call.on('error', () => {})
    for (const request of requests) call.write(request)
    call.end()
    return call
  }
  return {
    start: (method, request, user) => open(method, [request], user),
    call(method, requests, user) {
      const call = open(method, Array.isArray(requests) ? requests : [requests], user)
      const replies: Record<string, unknown>[] = []
      call.on('data', reply => replies.push(reply))
      return new Promise(resolve => {
        call.on('status', ({ code, details }) => {
          resolve({ status: grpc.status[code] ?? String(code), message: details, replies })
        })
      })
    },
    [Symbol.dispose]: () => client.close(),
  }
}
