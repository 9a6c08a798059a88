import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { ReflectionService } from '@grpc/reflection'
import { HealthImplementation } from 'grpc-health-check'

const PROTO_FOLDER = join(import.meta.dirname, '../proto')
/** How long calls in flight may take when the server closes. */
const CLOSE_GRACE_MS = 5_000

export interface GrpcServiceOptions {
  /** A file below `examples/grpc/proto`. */
  readonly file: string
  /** The name of the service in it, such as `task.v1.Tasks`. */
  readonly service: string
  readonly handlers: grpc.UntypedServiceImplementation
  /** Ends calls that have no end of their own, such as watches. Called when the server begins to close. */
  readonly onClose?: () => void
}

/** A gRPC service with health and reflection. The caller calls `close()`. */
export interface GrpcService {
  /** Starts to listen, and resolves with the port. */
  listen(host: string, port: number): Promise<number>
  /** Lets calls in flight end, and closes. */
  close(): Promise<void>
}

/**
 * Creates a gRPC server. Reflection lets a gateway see the methods and messages. It does not show the annotations
 * `google.api.http`, because protobufjs, with which @grpc/reflection makes its answers, drops the options of methods. So
 * the route documents of the examples repeat them as `rules`.
 */
export function createGrpcService({ file, service, handlers, onClose }: GrpcServiceOptions): GrpcService {
  const definition = loadSync(file, {
    includeDirs: [PROTO_FOLDER],
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  })
  const server = new grpc.Server()
  const health = new HealthImplementation({ '': 'SERVING', [service]: 'SERVING' })
  server.addService(definition[service] as grpc.ServiceDefinition, handlers)
  health.addToServer(server)
  new ReflectionService(definition, { services: [service] }).addToServer(server)
  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
        server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error, bound) =>
          error ? reject(error) : resolve(bound),
        )
      }),
    close() {
      for (const name of ['', service]) health.setStatus(name, 'NOT_SERVING')
      onClose?.()
      return new Promise(resolve => {
        const force = setTimeout(() => {
          server.forceShutdown()
          resolve()
        }, CLOSE_GRACE_MS)
        server.tryShutdown(() => {
          clearTimeout(force)
          resolve()
        })
      })
    },
  }
}
