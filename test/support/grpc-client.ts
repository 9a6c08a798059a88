import * as grpc from '@grpc/grpc-js'
import { ECHO, type EchoInput, type EchoReply, echoPackage } from './grpc-echo.ts'

export interface CallOptions {
  readonly metadata?: Readonly<Record<string, string | Buffer>>
  /** Milliseconds from now. */
  readonly timeoutMs?: number
}

/** How a call ended. */
export interface EchoResult {
  /** `OK`, `NOT_FOUND`... */
  readonly status: string
  /** The message of the status. */
  readonly message: string
  readonly replies: readonly EchoReply[]
  /** Undefined when the answer had none before its status. */
  readonly head: grpc.Metadata | undefined
  readonly trailers: grpc.Metadata
}

/** A call under way. */
export interface EchoCall {
  /** Never rejects: a failed call is a result too. */
  readonly result: Promise<EchoResult>
  /** The replies so far. */
  readonly replies: readonly EchoReply[]
  send(request: EchoInput): void
  /** Says that there are no more requests. */
  end(): void
  cancel(): void
  /** Stops taking replies, until `resume()`. */
  pause(): void
  resume(): void
}

/** A grpc-js client of `echo.proto` with a connection of its own. */
export interface EchoClient extends Disposable {
  readonly client: grpc.Client
  /** Sends the requests, and resolves when the call is over. */
  call(
    method: string,
    requests?: EchoInput | readonly EchoInput[],
    options?: CallOptions,
  ): Promise<EchoResult>
  /** Starts a call of any kind; requests follow with `send()`. */
  start(method: string, options?: CallOptions): EchoCall
  close(): void
}

/**
 * Creates a client. On the wire, calls of all kinds are streams, and this client makes them all as such.
 *
 * @param address `host:port`, or a port of loopback
 */
export function createEchoClient(
  address: string | number,
  options: grpc.ClientOptions = {},
  credentials = grpc.credentials.createInsecure(),
): EchoClient {
  const target = typeof address === 'number' ? `127.0.0.1:${address}` : address
  const client = new grpc.Client(target, credentials, {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    ...options,
  })
  const service = echoPackage[ECHO] as grpc.ServiceDefinition
  const start = (method: string, { metadata = {}, timeoutMs }: CallOptions = {}): EchoCall => {
    const definition = service[method]
    if (!definition) throw new Error(`echo.proto has no method ${method}`)
    const sent = new grpc.Metadata()
    for (const [name, value] of Object.entries(metadata)) sent.set(name, value)
    const call = client.makeBidiStreamRequest<EchoInput, EchoReply>(
      definition.path,
      definition.requestSerialize,
      definition.responseDeserialize,
      sent,
      timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs },
    )
    const replies: EchoReply[] = []
    let head: grpc.Metadata | undefined
    call.on('metadata', (metadata: grpc.Metadata) => {
      head = metadata
    })
    call.on('data', (reply: EchoReply) => replies.push(reply))
    call.on('error', () => {})
    const result = new Promise<EchoResult>(resolve => {
      call.on('status', ({ code, details, metadata }: grpc.StatusObject) => {
        resolve({
          status: grpc.status[code] ?? String(code),
          message: details,
          replies,
          head,
          trailers: metadata,
        })
      })
    })
    return {
      result,
      replies,
      send: request => void call.write(request),
      end: () => void call.end(),
      cancel: () => call.cancel(),
      pause: () => void call.pause(),
      resume: () => void call.resume(),
    }
  }
  const close = () => client.close()
  return {
    client,
    start,
    call(method, requests = [{}], options) {
      const call = start(method, options)
      for (const request of Array.isArray(requests) ? requests : [requests]) call.send(request)
      call.end()
      return call.result
    },
    close,
    [Symbol.dispose]: close,
  }
}
