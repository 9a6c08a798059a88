import { Readable } from 'node:stream'
import type { BodySink, RequestBody } from '../../internal/upstream.ts'

/** Reads a request body as a stream. Nothing is taken before the stream is read; destroying it stops the flow. */
export function streamOf(body: RequestBody): Readable {
  const flow = body.open({
    onData(chunk) {
      if (!stream.push(chunk)) flow.pause()
    },
    onEnd: () => void stream.push(null),
    onError: error => void stream.destroy(error),
  })
  const stream = new Readable({
    read: () => flow.resume(),
    destroy(error, done) {
      flow.stop()
      done(error)
    },
  })
  // A body that breaks off must not end the process of a test that does not read it.
  return stream.on('error', () => {})
}

/** A client's body that a test sends piece by piece, and what its reader asks of it. */
export class FakeBody implements RequestBody {
  begun = false
  length: number | undefined
  isPaused = true
  isStopped = false
  #sink: BodySink | undefined = undefined

  /** @param length undefined = unknown */
  constructor(length?: number) {
    this.length = length
  }

  open(sink: BodySink) {
    this.#sink = sink
    const body = this
    return {
      get isPaused() {
        return body.isPaused
      },
      resume() {
        body.begun = true
        body.isPaused = false
      },
      pause() {
        body.isPaused = true
      },
      stop() {
        body.isStopped = true
      },
    }
  }

  send(chunk: string | Buffer): void {
    this.#sink!.onData(Buffer.from(chunk))
  }

  end(): void {
    this.#sink!.onEnd()
  }

  fail(error: Error): void {
    this.#sink!.onError(error)
  }
}
