/** A node sent something that is not an HTTP/1 answer, or that two readers could read differently. Has no stack. */
export class InvalidAnswer extends Error {
  override readonly name = 'InvalidAnswer'

  constructor(message: string) {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(message)
    Error.stackTraceLimit = stackTraceLimit
  }
}
