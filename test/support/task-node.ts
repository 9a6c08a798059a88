import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { ReflectionService } from '@grpc/reflection'

/** The folder of `task.proto` and of what it imports. */
export const PROTOS = join(import.meta.dirname, '../fixtures/grpc')

/** A task as grpc-js has it: numbers of 64 bits are texts. */
export interface NodeTask {
  readonly id?: string
  readonly title?: string
  readonly state?: string
  readonly tags?: readonly string[]
  readonly labels?: Readonly<Record<string, string>>
  readonly owner?: string
}

export interface TaskNode extends AsyncDisposable {
  readonly port: number
  /** The metadata of the calls, in order of arrival. */
  readonly calls: { readonly method: string; readonly metadata: grpc.Metadata; readonly request: unknown }[]
  /** Tasks that `WatchTasks` sends; each call ends with what `watchEnd` says. */
  watched: NodeTask[]
  /** Called with the stream of a `WatchTasks` call once the watched tasks were sent. Default: ends it. */
  onWatch: (stream: grpc.ServerWritableStream<unknown, NodeTask>) => void
}

export interface TaskNodeOptions {
  /** Whether it has server reflection. Default true. */
  readonly reflection?: boolean
  readonly port?: number
  /** A folder whose `task.proto` it serves. Default: that of the fixtures, which has the other files in any case. */
  readonly protos?: string
  /** Makes it a node that speaks TLS, with PEM texts. Default: no TLS. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer }
}

/** Starts a gRPC server of `task.proto` on loopback. The caller uses `await using`. */
export async function startTaskNode({
  reflection = true,
  port = 0,
  protos = PROTOS,
  tls,
}: TaskNodeOptions = {}): Promise<TaskNode> {
  const definition = loadSync('task.proto', {
    includeDirs: [protos, PROTOS],
    longs: String,
    enums: String,
    defaults: false,
  })
  const { task } = grpc.loadPackageDefinition(definition) as unknown as {
    task: { v1: { Tasks: { service: grpc.ServiceDefinition } } }
  }
  const server = new grpc.Server()
  const node: Omit<TaskNode, 'port' | typeof Symbol.asyncDispose> = {
    calls: [],
    watched: [],
    onWatch: stream => stream.end(),
  }
  const note = (method: string, call: { metadata: grpc.Metadata; request?: unknown }): void => {
    node.calls.push({ method, metadata: call.metadata, request: call.request })
  }
  type Unary<Q, A> = (call: grpc.ServerUnaryCall<Q, A>, done: grpc.sendUnaryData<A>) => void
  const createTask: Unary<{ task?: NodeTask }, NodeTask> = (call, done) => {
    note('CreateTask', call)
    const trailers = new grpc.Metadata()
    trailers.set('x-task-trailer', 'last')
    call.sendMetadata(metadataOf({ 'x-task-head': 'first' }))
    if (!call.request.task?.title) {
      done({ code: grpc.status.INVALID_ARGUMENT, details: 'the title is empty: größer als 0' })
    } else done(null, { id: '9007199254740993', ...call.request.task }, trailers)
  }
  const getTask: Unary<{ id: string }, NodeTask> = (call, done) => {
    note('GetTask', call)
    if (call.request.id === '404') done({ code: grpc.status.NOT_FOUND, details: 'no such task' })
    else done(null, { id: call.request.id, title: 'read', state: 'OPEN' })
  }
  const listTasks: Unary<{ tags?: string[] }, { tasks: NodeTask[] }> = (call, done) => {
    note('ListTasks', call)
    done(null, { tasks: (call.request.tags ?? []).map((tag, i) => ({ id: String(i), title: tag })) })
  }
  const echo: Unary<NodeTask, NodeTask> = (call, done) => {
    note('UpdateTask', call)
    done(null, call.request)
  }
  server.addService(task.v1.Tasks.service, {
    createTask,
    getTask,
    listTasks,
    updateTask: echo,
    cancelTask: getTask,
    watchTasks(stream: grpc.ServerWritableStream<unknown, NodeTask>) {
      note('WatchTasks', stream)
      for (const each of node.watched) stream.write(each)
      node.onWatch(stream)
    },
    importTasks(
      stream: grpc.ServerReadableStream<NodeTask, { tasks: NodeTask[] }>,
      done: grpc.sendUnaryData<unknown>,
    ) {
      note('ImportTasks', stream)
      stream.sendMetadata(new grpc.Metadata())
      const tasks: NodeTask[] = []
      stream.on('data', (each: NodeTask) => tasks.push(each))
      stream.on('end', () => done(null, { tasks }))
    },
    chat(stream: grpc.ServerDuplexStream<NodeTask, NodeTask>) {
      note('Chat', stream)
      stream.sendMetadata(new grpc.Metadata())
      stream.on('data', (each: NodeTask) => stream.write({ ...each, owner: 'node' }))
      stream.on('end', () => stream.end())
    },
  } as unknown as grpc.UntypedServiceImplementation)
  if (reflection) new ReflectionService(definition).addToServer(server)
  const credentials = tls
    ? grpc.ServerCredentials.createSsl(null, [{ cert_chain: tls.cert, private_key: tls.key }])
    : grpc.ServerCredentials.createInsecure()
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, number) => {
      if (error) reject(error)
      else resolve(number)
    })
  })
  return Object.assign(node, {
    port: bound,
    async [Symbol.asyncDispose]() {
      server.forceShutdown()
    },
  })
}

function metadataOf(values: Readonly<Record<string, string>>): grpc.Metadata {
  const metadata = new grpc.Metadata()
  for (const [name, value] of Object.entries(values)) metadata.set(name, value)
  return metadata
}
