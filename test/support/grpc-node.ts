import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import * as grpc from '@grpc/grpc-js'
import { ReflectionService } from '@grpc/reflection'
import { HealthImplementation, type ServingStatus } from 'grpc-health-check'
import { ECHO, type EchoReply, type EchoRequest, echoPackage } from './grpc-echo.ts'

/** Metadata of a request whose name starts so is sent back, in the head of the answer and in its trailers. */
const SENT_BACK = 'x-echo-'

/** A call as a node has seen it. */
export interface SeenCall {
  /** The last part of its path, such as `Unary`. */
  readonly method: string
  readonly metadata: grpc.Metadata
  /** The requests so far. */
  readonly requests: EchoRequest[]
  /** Whether its client has given it up, or its connection was lost. */
  isCancelled: boolean
  /** Whether the node has sent its status. */
  isOver: boolean
}

export interface GrpcNodeOptions {
  /** Whether it has server reflection. Default false. */
  readonly reflection?: boolean
  /** Whether it has the health service; {@link GrpcNode.setHealth} changes what that says. Default true. */
  readonly health?: boolean
  /** Default: any free port. */
  readonly port?: number
  readonly channelOptions?: grpc.ServerOptions
}

/** A gRPC server of grpc-js in this process. The caller calls `close()`, or uses `await using`. */
export interface GrpcNode extends AsyncDisposable {
  readonly name: string
  readonly port: number
  /** Calls of the echo service, in order of arrival. */
  readonly calls: readonly SeenCall[]
  /** Number of connections accepted. */
  readonly connections: number
  /** Sets the status of a service; '' is the whole server. It is SERVING at first, and so is the echo service. */
  setHealth(service: string, status: ServingStatus): void
  /** Sends GOAWAY on every connection, lets its calls end for `graceMs`, and resets the rest. Goes on listening. */
  drain(graceMs: number): void
  /** Destroys every connection, as if the machine had lost its network. Goes on listening. */
  breakConnections(): void
  /** Stops listening and drains; what is left after `graceMs` is cut. Resolves when every connection is closed. */
  shutDown(graceMs: number): Promise<void>
  /** Destroys every connection and stops listening. Safe to call twice. */
  close(): Promise<void>
}

const UNARY: ReadonlySet<string> = new Set(['Unary', 'Get'])

type EchoCall = grpc.ServerDuplexStream<EchoRequest, EchoReply>
type Reader = AsyncIterable<EchoRequest>

/** Starts a server of `echo.proto` on loopback. */
export async function startGrpcNode(name: string, options: GrpcNodeOptions = {}): Promise<GrpcNode> {
  const calls: SeenCall[] = []
  const server = new grpc.Server({
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    ...options.channelOptions,
  })
  const health = new HealthImplementation({ '': 'SERVING', [ECHO]: 'SERVING' })
  if (options.health ?? true) health.addToServer(server)
  if (options.reflection) new ReflectionService(echoPackage).addToServer(server)
  server.addService(echoService(), echoHandlers(name, calls))

  let connections = 0
  const sockets = new Set<Socket>()
  const listener = createServer()
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure())
  listener.on('connection', socket => {
    connections++
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    injector.injectConnection(socket)
  })
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject)
    listener.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const breakConnections = () => {
    for (const socket of sockets) socket.destroy()
  }
  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= new Promise(resolve => {
      listener.close(() => resolve())
      breakConnections()
      injector.destroy()
      server.forceShutdown()
    })
    return closed
  }
  return {
    name,
    port: (listener.address() as AddressInfo).port,
    calls,
    get connections() {
      return connections
    },
    setHealth: (service, status) => health.setStatus(service, status),
    drain: graceMs => injector.drain(graceMs),
    shutDown(graceMs) {
      injector.drain(graceMs)
      // A connection on which nothing has come, from a client that is out of reach by now, has no session to drain.
      const timer = setTimeout(breakConnections, graceMs)
      return new Promise(resolve => {
        listener.close(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    },
    breakConnections,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/**
 * Every method is served as a stream of both, so that one handler shows what comes and goes. On the wire, a unary call is
 * a stream of one message.
 */
function echoService(): grpc.ServiceDefinition {
  return Object.fromEntries(
    Object.entries(echoPackage[ECHO] as grpc.ServiceDefinition).map(([name, method]) => [
      name,
      { ...method, requestStream: true, responseStream: true },
    ]),
  )
}

function echoHandlers(name: string, calls: SeenCall[]): grpc.UntypedServiceImplementation {
  const handler = (method: string) => (call: EchoCall) => {
    const seen: SeenCall = {
      method,
      metadata: call.metadata,
      requests: [],
      isCancelled: false,
      isOver: false,
    }
    calls.push(seen)
    call.on('cancelled', () => {
      seen.isCancelled = true
    })
    answer(name, call, seen).catch(error => {
      if (!seen.isCancelled) call.destroy(error)
    })
  }
  return Object.fromEntries(
    Object.keys(echoPackage[ECHO] as grpc.ServiceDefinition).map(method => [method, handler(method)]),
  )
}

async function answer(name: string, call: EchoCall, seen: SeenCall): Promise<void> {
  const { head, trailers } = metadataToSendBack(call.metadata)
  // Handlers of unary methods send their head with the reply.
  const isUnary = UNARY.has(seen.method)
  if (!isUnary) call.sendMetadata(head)
  const gone = new AbortController()
  call.once('cancelled', () => gone.abort())
  let index = 0
  let fail: EchoRequest['fail'] = null
  for await (const request of requestsOf(call, seen)) {
    const { count, delayMs } = request
    const replies = request.fail ? request.fail.after : Math.max(count, 1)
    for (let sent = 0; ; sent++) {
      if (delayMs > 0 && (sent < replies || sent === 0))
        await delay(delayMs, undefined, { signal: gone.signal })
      if (seen.isCancelled) return
      if (isUnary && sent === 0) call.sendMetadata(head)
      if (sent === replies) break
      if (!call.write(replyTo(request, { name, call, index: index++ }))) await drained(call)
    }
    fail = request.fail
    if (fail) break
  }
  if (seen.isCancelled) return
  seen.isOver = true
  if (!fail) return void call.end(trailers)
  if (fail.details.length > 0) trailers.set('grpc-status-details-bin', fail.details)
  // Only out here: inside the loop, this would destroy the call before its replies are sent.
  call.emit('error', { code: fail.code, details: fail.message, metadata: trailers })
}

/** Yields what is to be answered: each request, or for `ClientStream` all of them as one. */
async function* requestsOf(call: EchoCall, seen: SeenCall): Reader {
  const texts: string[] = []
  let last: EchoRequest | undefined
  // Otherwise the end of the loop would destroy the whole call, with what is still to be sent.
  for await (const request of call.iterator({ destroyOnReturn: false }) as Reader) {
    seen.requests.push(request)
    texts.push(request.text)
    last = request
    if (seen.method !== 'ClientStream') yield request
  }
  if (seen.method === 'ClientStream' && last) yield { ...last, text: texts.join(','), count: 1 }
}

function replyTo(
  { text, payload, replyBytes }: EchoRequest,
  { name, call, index }: { name: string; call: EchoCall; index: number },
): EchoReply {
  const metadata = Object.fromEntries(
    Object.keys(call.metadata.getMap()).map(key => [
      key,
      call.metadata
        .get(key)
        .map(value => (typeof value === 'string' ? value : value.toString('base64')))
        .join(', '),
    ]),
  )
  const deadline = call.getDeadline()
  return {
    text,
    payload: replyBytes > 0 ? Buffer.alloc(replyBytes, 120) : payload,
    index,
    node: name,
    metadata,
    deadlineMs: Number.isFinite(Number(deadline)) ? String(Number(deadline) - Date.now()) : '0',
  }
}

function metadataToSendBack(metadata: grpc.Metadata): { head: grpc.Metadata; trailers: grpc.Metadata } {
  const head = new grpc.Metadata()
  const trailers = new grpc.Metadata()
  for (const name of Object.keys(metadata.getMap())) {
    if (!name.startsWith(SENT_BACK)) continue
    for (const value of metadata.get(name)) {
      head.add(name, value)
      trailers.add(name, value)
    }
  }
  return { head, trailers }
}

function drained(call: EchoCall): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      call.off('drain', done).off('cancelled', done).off('close', done)
      resolve()
    }
    call.once('drain', done).once('cancelled', done).once('close', done)
  })
}
