import type { BodyMemory } from '../../internal/body-memory.ts'
import { ByteCollector } from '../../internal/byte-collector.ts'
import type { Call } from '../../internal/call.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import type { BodyFlow, BodySink, RequestBody } from '../../internal/upstream.ts'
import type { UpstreamFailure } from '../../internal/upstream-failure.ts'

/** The part of a body that has come. The owner calls `take()` in the end, whatever becomes of the body. */
class HeldBody {
  readonly #memory: BodyMemory
  readonly #collected = new ByteCollector()

  constructor(memory: BodyMemory) {
    this.#memory = memory
  }

  get length(): number {
    return this.#collected.length
  }

  /** @throws GatewayError WG_OVERLOADED when there is no memory left */
  add(piece: Buffer): void {
    const memory = this.#memory
    if (memory.bytes + piece.length > memory.maxBytes)
      throw new GatewayError('WG_OVERLOADED', { headers: { 'retry-after': '1' }, cause: NO_MEMORY })
    memory.bytes += piece.length
    this.#collected.add(piece)
  }

  take(): Buffer {
    this.#memory.bytes -= this.#collected.length
    return this.#collected.take()
  }
}

const NO_MEMORY = new Error('the bodies of JSON requests take all the memory they may')

/**
 * Reads a whole body.
 *
 * @throws GatewayError WG_BODY_TOO_LARGE, WG_OVERLOADED, or what refuses the body; UpstreamFailure when the client leaves or the
 *   call ends
 */
export function readWholeBody(
  body: RequestBody,
  { maxBytes, memory, call }: { readonly maxBytes: number; readonly memory: BodyMemory; readonly call: Call },
): Promise<Buffer> {
  if (body.length !== undefined && body.length > maxBytes) return Promise.reject(tooLarge())
  return new Promise((resolve, reject) => {
    const held = new HeldBody(memory)
    const reading = {
      cancel(reason: UpstreamFailure) {
        flow.stop()
        // The client owes the rest of its body.
        fail(reason.kind === 'timeout' ? new GatewayError('WG_REQUEST_TIMEOUT', { cause: reason }) : reason)
      },
    }
    const fail = (error: Error): void => {
      if (call.current === reading) call.current = undefined
      held.take()
      reject(error)
    }
    const flow = body.open({
      onData(chunk) {
        try {
          if (held.length + chunk.length > maxBytes) throw tooLarge()
          held.add(chunk)
        } catch (error) {
          flow.stop()
          fail(error as GatewayError)
        }
      },
      onEnd() {
        if (call.current === reading) call.current = undefined
        resolve(held.take())
      },
      onError: fail,
    })
    call.current = reading
    flow.resume()
  })
}

function tooLarge(): GatewayError {
  return new GatewayError('WG_BODY_TOO_LARGE')
}

const NEWLINE = 0x0a

/**
 * A body of JSON texts, one a line, that becomes messages as it comes. At most one incomplete line is held.
 */
export class LinesBody implements RequestBody {
  readonly #body: RequestBody
  readonly #options: LinesOptions

  constructor(body: RequestBody, options: LinesOptions) {
    this.#body = body
    this.#options = options
  }

  get begun(): boolean {
    return this.#body.begun
  }

  get awaitsContinue(): boolean | undefined {
    return this.#body.awaitsContinue
  }

  open(sink: BodySink): BodyFlow {
    const lines = new LinesSink(sink, this.#options, () => flow.stop())
    const flow = this.#body.open(lines)
    return {
      get isPaused() {
        return flow.isPaused
      },
      resume: () => flow.resume(),
      pause: () => flow.pause(),
      stop() {
        lines.drop()
        flow.stop()
      },
    }
  }
}

export interface LinesOptions {
  readonly maxLineBytes: number
  readonly memory: BodyMemory
  /**
   * Returns the message of a line, with its prefix.
   *
   * @throws GatewayError when the line is no such message
   */
  readonly encode: (line: Buffer) => Buffer
  /** Is called with the error that refuses the body, before the call ends with it. */
  readonly onRefused?: (error: GatewayError) => void
}

class LinesSink implements BodySink {
  readonly #sink: BodySink
  readonly #options: LinesOptions
  readonly #stop: () => void
  /** The line whose end has not come. */
  readonly #held: HeldBody
  #isOver = false

  constructor(sink: BodySink, options: LinesOptions, stop: () => void) {
    this.#held = new HeldBody(options.memory)
    this.#sink = sink
    this.#options = options
    this.#stop = stop
  }

  onData(chunk: Buffer): void {
    if (this.#isOver) return
    const messages: Buffer[] = []
    let from = 0
    try {
      for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
        this.#hold(chunk.subarray(from, end))
        this.#take(messages)
        from = end + 1
      }
      this.#hold(chunk.subarray(from))
    } catch (error) {
      this.#fail(error as Error)
      return
    }
    if (messages.length > 0) this.#sink.onData(messages.length === 1 ? messages[0]! : Buffer.concat(messages))
  }

  onEnd(): void {
    if (this.#isOver) return
    const messages: Buffer[] = []
    try {
      this.#take(messages)
    } catch (error) {
      this.#fail(error as Error)
      return
    }
    this.#isOver = true
    if (messages.length > 0) this.#sink.onData(messages[0]!)
    this.#sink.onEnd()
  }

  onError(error: Error): void {
    if (this.#isOver) return
    this.drop()
    this.#sink.onError(error)
  }

  /** Drops the line whose end has not come, and passes on nothing that follows. */
  drop(): void {
    this.#isOver = true
    this.#held.take()
  }

  #hold(piece: Buffer): void {
    if (this.#held.length + piece.length > this.#options.maxLineBytes) throw tooLarge()
    this.#held.add(piece)
  }

  /** Encodes the held line, unless it is blank. */
  #take(messages: Buffer[]): void {
    const line = this.#held.take()
    if (!line.every(isWhitespace)) messages.push(this.#options.encode(line))
  }

  #fail(error: Error): void {
    this.drop()
    if (error instanceof GatewayError) this.#options.onRefused?.(error)
    this.#stop()
    this.#sink.onError(error)
  }
}

function isWhitespace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d
}
