import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

const etcd3 = dirname(createRequire(import.meta.url).resolve('etcd3/package.json'))
const definitions = loadSync(join(etcd3, 'proto', 'rpc.proto'), {
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true,
})

/** A test that waits for something that never comes must fail rather than hang. */
const PATIENCE_MS = 20_000

// biome-ignore lint/suspicious/noExplicitAny: answers are checked field by field
export type Answer = any
export type Service = 'KV' | 'Watch' | 'Lease' | 'Cluster' | 'Maintenance' | 'Auth'

/** A client that speaks etcd's wire protocol without a library in between. */
export class RawClient implements Disposable {
  readonly #client: grpc.Client

  constructor(url: string) {
    this.#client = new grpc.Client(url.replace('http://', ''), grpc.credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      // Otherwise clients to the same address share connections, and each test ends its own.
      'grpc.use_local_subchannel_pool': 1,
    })
  }

  /** Rejects with a grpc.ServiceError. */
  call(service: Service, method: string, request: object = {}): Promise<Answer> {
    const { path, requestSerialize, responseDeserialize } = methodOf(service, method)
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        { deadline: Date.now() + PATIENCE_MS },
        (error, answer) => (error ? reject(error) : resolve(answer)),
      )
    })
  }

  stream(service: Service, method: string): RawStream {
    const { path, requestSerialize, responseDeserialize } = methodOf(service, method)
    return new RawStream(this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize))
  }

  watch(): RawStream {
    return this.stream('Watch', 'Watch')
  }

  [Symbol.dispose](): void {
    this.#client.close()
  }
}

/** A bidirectional call whose answers are read one by one. */
export class RawStream implements Disposable {
  readonly call: grpc.ClientDuplexStream<object, Answer>
  readonly #answers: Answer[] = []
  #failure: Error | undefined
  #wake: () => void = () => {}

  constructor(call: grpc.ClientDuplexStream<object, Answer>) {
    this.call = call
    call.on('data', answer => {
      this.#answers.push(answer)
      this.#wake()
    })
    call.on('error', error => {
      this.#failure = error
      this.#wake()
    })
    call.on('end', () => {
      this.#failure ??= new Error('the stream has ended')
      this.#wake()
    })
  }

  send(request: object): void {
    this.call.write(request)
  }

  /** Returns the next answer. Rejects when the stream has failed or ended, or stays silent for too long. */
  async next(): Promise<Answer> {
    const patience = setTimeout(() => {
      this.#failure ??= new Error(`no answer in ${PATIENCE_MS} ms`)
      this.#wake()
    }, PATIENCE_MS)
    try {
      while (this.#answers.length === 0) {
        if (this.#failure) throw this.#failure
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
      }
      return this.#answers.shift()
    } finally {
      clearTimeout(patience)
    }
  }

  /** Returns the next `count` events, in any number of answers. */
  async events(count: number): Promise<Answer[]> {
    const events: Answer[] = []
    while (events.length < count) events.push(...((await this.next()).events ?? []))
    return events
  }

  [Symbol.dispose](): void {
    this.call.cancel()
  }
}

function methodOf(service: Service, method: string): grpc.MethodDefinition<object, Answer> {
  const found = (definitions[`etcdserverpb.${service}`] as grpc.ServiceDefinition)[method]
  if (!found) throw new Error(`no method ${service}.${method}`)
  return found
}
