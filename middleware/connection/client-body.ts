import type { RequestBodyOptions } from '../../internal/policy.ts'
import type { BodyFlow, BodySink, RequestBody } from '../../internal/upstream.ts'

/** The body of a client's request, whatever the protocol. A subclass opens its way to a try. */
export abstract class ClientBody implements RequestBody {
  begun = false
  readonly options: RequestBodyOptions

  constructor(options: RequestBodyOptions) {
    this.options = options
  }

  get length(): number | undefined {
    return this.options.length
  }

  get awaitsContinue(): boolean {
    return !this.begun && this.options.sendContinue !== undefined
  }

  get trailers(): readonly string[] | undefined {
    return this.options.trailers?.()
  }

  abstract open(sink: BodySink): BodyFlow

  /** Notes that a try takes the body. A client that waits to be asked for it is asked. */
  begin(): void {
    if (this.begun) return
    this.begun = true
    this.options.sendContinue?.()
  }
}
