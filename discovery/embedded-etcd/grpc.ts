import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { EtcdError } from './errors.ts'
import { AT_ONCE, type CallTurns } from './journal.ts'

export type UnaryHandler<Request, Response> = (request: Request) => Response
export type Stream<Request, Response> = grpc.ServerDuplexStream<Request, Response>

export const ETCD_SERVICES = ['KV', 'Watch', 'Lease', 'Cluster', 'Maintenance', 'Auth'] as const
export type EtcdServiceName = (typeof ETCD_SERVICES)[number]

/** The encoded sizes of the requests in flight. */
const sizes = new WeakMap<object, number>()

/**
 * Loads the definitions of etcd's v3 services from the files that come with the etcd3 client. 64-bit numbers
 * are decoded as decimal strings, enums as numbers, and bytes as Buffers.
 */
export function loadEtcdServices(): Record<EtcdServiceName, grpc.ServiceDefinition> {
  const etcd3 = dirname(createRequire(import.meta.url).resolve('etcd3/package.json'))
  const definitions = loadSync(join(etcd3, 'proto', 'rpc.proto'), {
    keepCase: true,
    longs: String,
    defaults: true,
    oneofs: true,
  })
  return Object.fromEntries(
    ETCD_SERVICES.map(name => [
      name,
      withSizes(definitions[`etcdserverpb.${name}`] as grpc.ServiceDefinition),
    ]),
  ) as Record<EtcdServiceName, grpc.ServiceDefinition>
}

/** Returns the size of a request on the wire. */
export function requestBytes(request: object): number {
  return sizes.get(request) ?? 0
}

const CANCELLED = { code: grpc.status.CANCELLED, details: 'the caller has given up' }

/**
 * Creates the handler of a unary call, which takes its turn. Nothing is done for a caller that has given up meanwhile. An
 * {@link EtcdError} that `handler` throws becomes the call's status.
 */
export function unary<Request, Response>(
  handler: UnaryHandler<Request, Response>,
  turns: CallTurns = AT_ONCE,
): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    turns.run(
      () => {
        if (call.cancelled) return { error: CANCELLED }
        try {
          return { response: handler(call.request) }
        } catch (error) {
          return { error: toStatus(error) }
        }
      },
      ({ error, response }) => (error ? callback(error) : callback(null, response)),
    )
  }
}

/** So many requests of a stream wait for their turns, as while a slow disk writes. More stay in the socket. */
const MAX_WAITING = 100

/**
 * Hands the requests of a stream to `answer`, which calls its `done` when it has answered. No more are read while many are not
 * answered yet, or while the client does not read answers, which would otherwise grow in memory.
 */
export function readRequests<Request>(
  call: Stream<Request, object>,
  answer: (request: Request, done: () => void) => void,
): void {
  let waiting = 0
  const readOrPause = () => {
    if (waiting >= MAX_WAITING || call.writableNeedDrain) call.pause()
    else call.resume()
  }
  call.on('data', (request: Request) => {
    waiting++
    answer(request, () => {
      waiting--
      readOrPause()
    })
    readOrPause()
  })
  call.on('drain', readOrPause)
}

/** Ends a stream with an error. */
export function fail(stream: { emit(event: 'error', error: object): boolean }, error: EtcdError): void {
  stream.emit('error', toStatus(error))
}

/** Returns the status with which a call ends that has thrown `error`. */
export function toStatus(error: unknown): { code: grpc.status; details: string } {
  if (error instanceof EtcdError) return { code: grpc.status[error.status], details: error.message }
  return { code: grpc.status.INTERNAL, details: error instanceof Error ? error.message : String(error) }
}

function withSizes(service: grpc.ServiceDefinition): grpc.ServiceDefinition {
  const measured = Object.entries(service).map(([name, method]) => [
    name,
    {
      ...method,
      requestDeserialize(bytes: Buffer) {
        const request = method.requestDeserialize(bytes) as object
        sizes.set(request, bytes.length)
        return request
      },
    },
  ])
  return Object.fromEntries(measured) as grpc.ServiceDefinition
}
