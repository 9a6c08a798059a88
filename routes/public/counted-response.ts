import type { Call } from '../../internal/call.ts'
import type { ClientResponse } from '../../internal/http/client-exchange.ts'
import { WrappedResponse } from '../../internal/http/wrapped-response.ts'

/** Counts the bytes of a body in its call, for the access log. Nothing else needs them, so it is used only for that. */
export class CountedResponse extends WrappedResponse {
  readonly #call: Call

  constructor(target: ClientResponse, call: Call) {
    super(target)
    this.#call = call
    call.bodyBytes = 0
  }

  override write(chunk: Buffer | string, encoding?: 'latin1'): boolean {
    this.#count(chunk)
    return super.write(chunk, encoding)
  }

  override end(chunk?: Buffer | string, encoding?: 'latin1'): unknown {
    if (chunk !== undefined) this.#count(chunk)
    return super.end(chunk, encoding)
  }

  /** Text is latin1, so that each of its characters is a byte. The answer to HEAD has no body, whatever is written. */
  #count({ length }: Buffer | string): void {
    if (this.#call.method !== 'HEAD') this.#call.bodyBytes! += length
  }
}
