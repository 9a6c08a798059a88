import type { Etcd3, ILeaseKeepAliveResponse } from 'etcd3'
import type { Clock } from './clock.ts'

type Stream = Awaited<ReturnType<Etcd3['leaseClient']['leaseKeepAlive']>>

export interface BeatStreamOptions {
  readonly client: Etcd3
  readonly clock: Clock
  readonly lease: string
  /** Aborts a beat that is waiting for its answer. */
  readonly signal: AbortSignal
}

/** A keepalive stream of one lease. Call `close()` when done. */
export class BeatStream {
  readonly #options: BeatStreamOptions
  readonly #opening: Promise<Stream>
  #answer: PromiseWithResolvers<ILeaseKeepAliveResponse> | undefined
  #failure: Error | undefined
  #closed = false

  constructor(options: BeatStreamOptions) {
    this.#options = options
    this.#opening = this.#open()
    this.#opening.catch((error: Error) => this.#fail(error))
  }

  /**
   * Renews the lease once. Only one beat may wait at a time.
   *
   * @returns false when etcd no longer has the lease
   * @throws Error when no answer came within `withinMs`, or when the stream broke
   */
  async beat(withinMs: number): Promise<boolean> {
    const { clock, signal, lease } = this.#options
    if (this.#failure) throw this.#failure
    const answer = Promise.withResolvers<ILeaseKeepAliveResponse>()
    this.#answer = answer
    const stop = clock.after(withinMs, () => answer.reject(new Error(`no answer within ${withinMs} ms`)))
    const abort = () => answer.reject(new Error('aborted'))
    signal.addEventListener('abort', abort, { once: true })
    this.#opening.then(
      stream => stream.write({ ID: lease }),
      () => {},
    )
    try {
      return Number((await answer.promise).TTL) > 0
    } finally {
      stop()
      signal.removeEventListener('abort', abort)
      this.#answer = undefined
    }
  }

  /** @param broken also drops the connection, so that the next stream opens a new one, to another host */
  close(broken: boolean): void {
    if (this.#closed) return
    this.#closed = true
    this.#opening.then(
      stream => {
        // etcd3 drops the connection of a stream that fails while it is still writable.
        if (!broken) stream.end()
        stream.cancel()
      },
      () => {},
    )
  }

  async #open(): Promise<Stream> {
    const stream = await this.#options.client.leaseClient.leaseKeepAlive()
    stream.on('data', response => this.#answer?.resolve(response))
    stream.on('error', error => this.#fail(error))
    stream.on('end', () => this.#fail(new Error('the keepalive stream ended')))
    return stream
  }

  #fail(error: Error): void {
    this.#failure = error
    this.#answer?.reject(error)
  }
}
