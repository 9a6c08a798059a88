/**
 * An error that is the fault of somebody else, such as bad input, and no crash of ours. It has no stack, which would say
 * nothing, and would cost much more than the rest of it.
 */
export abstract class QuietError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(message, options)
    Error.stackTraceLimit = stackTraceLimit
  }
}
