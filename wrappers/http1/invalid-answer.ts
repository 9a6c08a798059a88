/** What a node sent is no HTTP/1 answer, or one that two readers could take for two things. Has no stack. */
export class InvalidAnswer extends Error {
  override readonly name = 'InvalidAnswer'

  constructor(message: string) {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(message)
    Error.stackTraceLimit = stackTraceLimit
  }
}
