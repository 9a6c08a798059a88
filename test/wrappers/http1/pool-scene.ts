import type { TestContext } from 'node:test'
import type { UpstreamFailure } from '../../../internal/upstream-failure.ts'
import type { AnswerHead } from '../../../wrappers/http1/answer-head.ts'
import { ConnectionPool, type ConnectionPoolOptions } from '../../../wrappers/http1/connection-pool.ts'
import type { NodeConnection } from '../../../wrappers/http1/node-connection.ts'
import type { NodeExchange } from '../../../wrappers/http1/node-exchange.ts'
import type { Chunk } from '../../../wrappers/transport/node-try.ts'

/** One GET on a pool. It records all calls. */
export class TestExchange implements NodeExchange {
  readonly method = 'GET'
  readonly isWebSocket: boolean
  readonly bodyIdleTimeoutMs: number | undefined = undefined
  readonly #target: string
  /** The names of the methods that were called, in order. */
  readonly calls: string[] = []
  connection: NodeConnection | undefined
  head: AnswerHead | undefined
  /** The chunks as they came, uncopied, so that an overwritten buffer shows. */
  readonly chunks: Chunk[] = []
  failure: UpstreamFailure | undefined
  trailers: readonly string[] | undefined
  /** Is called after each call, with its name. */
  onCall: (name: string) => void = () => {}
  readonly #over = Promise.withResolvers<void>()

  constructor(target: string, isWebSocket = false) {
    this.#target = target
    this.isWebSocket = isWebSocket
  }

  /** Resolves with the body when the answer is whole or has failed. */
  get over(): Promise<Buffer> {
    return this.#over.promise.then(() => this.body)
  }

  get body(): Buffer {
    return Buffer.concat(
      this.chunks.map(chunk => (typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk)),
    )
  }

  onConnection(connection: NodeConnection): void {
    this.connection = connection
    connection.send(this, `GET ${this.#target} HTTP/1.1\r\nhost: h\r\n\r\n`, undefined)
    this.#note('connection')
  }

  onInterim(head: AnswerHead): void {
    this.#note(`interim ${head.status}`)
  }

  onHead(head: AnswerHead): void {
    this.head = head
    this.#note('head')
  }

  onChunk(chunk: Chunk): void {
    this.chunks.push(chunk)
    this.#note('chunk')
  }

  onEnd(trailers: readonly string[] | undefined): void {
    this.trailers = trailers
    this.#note('end')
    this.#over.resolve()
  }

  onHung(): void {}

  onFailure(failure: UpstreamFailure): void {
    this.failure = failure
    this.#note('failure')
    this.#over.resolve()
  }

  #note(name: string): void {
    this.calls.push(name)
    this.onCall(name)
  }
}

/** Creates a pool to a loopback port, which is destroyed after the test, and a function that sends a GET on it. */
export function startPool(t: TestContext, port: number, options: Partial<ConnectionPoolOptions> = {}) {
  const pool = new ConnectionPool({
    host: '127.0.0.1',
    port,
    connectTimeoutMs: 5_000,
    bodyIdleTimeoutMs: 0,
    keepAliveMs: 60_000,
    answerHeadBytes: 16_384,
    ...options,
  })
  t.after(() => pool.destroy())
  const get = (target = '/', onCall: TestExchange['onCall'] = () => {}): TestExchange => {
    const exchange = new TestExchange(target)
    exchange.onCall = onCall
    pool.request(exchange)
    return exchange
  }
  return { pool, get }
}
