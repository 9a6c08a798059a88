import { QuietError } from '../../internal/http/quiet-error.ts'

/**
 * Why a message cannot be made of what a client sent, with the path of the field that is at fault. It has no stack, because
 * what clients send is no crash.
 */
export class FieldFault extends QuietError {
  override readonly name = 'FieldFault'
  /** Such as `.task.tags[3]`; empty for the message itself. */
  path = ''

  /** A text for the developer of the client, such as `task.createdAt: not a timestamp`. */
  get text(): string {
    const path = this.path.startsWith('.') ? this.path.slice(1) : this.path
    // A key may be as long as the request.
    return path === '' ? this.message : `${path.slice(0, 200)}: ${this.message}`
  }
}

/** Puts the place where an error occurred in front of its path. Returns the error. */
export function faultWithin(place: string, error: unknown): unknown {
  if (error instanceof FieldFault && error.path.length < 1_000) error.path = place + error.path
  return error
}
