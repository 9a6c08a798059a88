import { ConfigError } from '../../config/kit/problem.ts'
import { QuietError } from '../../internal/http/quiet-error.ts'
import { describeListenError } from './listening.ts'

/** A command line that cannot be understood. Its message is one line for stderr; the exit code is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'

  /** @param command whose help the message points at; undefined = the help of the program */
  constructor(message: string, command?: string) {
    const program = command === undefined ? 'waygate' : `waygate ${command}`
    super(`${program}: ${message}; see ${program} --help`)
  }
}

/** What a command was asked for does not exist. The exit code is 5. */
export class MissingError extends QuietError {
  override readonly name = 'MissingError'
}

/** Returns the exit code of a command that ends with an error. */
export function exitCodeOf(error: unknown): 1 | 2 | 5 {
  if (error instanceof UsageError) return 2
  return error instanceof MissingError ? 5 : 1
}

/** An error of another process of ours, whose message was formatted there. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError'
}

/** Formats the error that a command ends with: one line if it was to be expected, otherwise with its stack. */
export function formatError(error: unknown): string {
  if (error instanceof UsageError || error instanceof RemoteError) return error.message
  if (error instanceof ConfigError) return error.message.replace(/^/gm, 'waygate: ')
  if (error instanceof QuietError) return `waygate: ${error.message}`
  if (!(error instanceof Error)) return `waygate: ${error}`
  const line =
    describeListenError(error) ?? (isExternal(error) || isExternal(error.cause) ? error.message : undefined)
  return line === undefined ? (error.stack ?? error.message) : `waygate: ${line}`
}

/** Whether an error comes from the system, a library or a peer rather than from a mistake of ours. */
function isExternal(error: unknown): boolean {
  return error instanceof Error && 'code' in error
}
