import { type ServiceProcess, startServiceProcess } from './service.ts'
import { type Program, startProgram } from './waygate.ts'

export interface RegisteredNodeOptions {
  readonly service: string
  readonly id: string
  /** etcd URLs, separated by commas. */
  readonly etcd: string
  readonly ttlSeconds: number
}

/** A node and the sidecar that keeps it registered, each in its own process. */
export interface RegisteredNode extends AsyncDisposable {
  readonly id: string
  readonly node: ServiceProcess
  readonly sidecar: Program
}

/** Starts a node that answers with its id, and a sidecar that registers it as soon as possible. */
export async function startRegisteredNode(options: RegisteredNodeOptions): Promise<RegisteredNode> {
  const { service, id, etcd, ttlSeconds } = options
  const node = await startServiceProcess(id)
  const about = ['--name', service, '--id', id, '--address', `127.0.0.1:${node.port}`]
  const sidecar = await startProgram({
    args: ['register', ...about, '--ttl', String(ttlSeconds), '--etcd', etcd],
  })
  return {
    id,
    node,
    sidecar,
    async [Symbol.asyncDispose]() {
      await sidecar.stop()
      await node[Symbol.asyncDispose]()
    },
  }
}
