import { ConfigError } from '../../config/kit/problem.ts'
import { describeListenError } from './listen-error.ts'
import { UsageError } from './usage-error.ts'

/** What another process of ours has to say, as it is to be shown. */
export class Told extends Error {
  override readonly name = 'Told'
}

/** What goes wrong before or instead of serving is told in one line; a stack is for what we did not foresee. */
export function explain(error: unknown): string {
  if (error instanceof UsageError || error instanceof Told) return error.message
  if (error instanceof ConfigError) return error.message.replace(/^/gm, 'waygate: ')
  if (!(error instanceof Error)) return `waygate: ${error}`
  const line =
    describeListenError(error) ?? (isOfSystem(error) || isOfSystem(error.cause) ? error.message : undefined)
  return line === undefined ? (error.stack ?? error.message) : `waygate: ${line}`
}

/** Whether an error was told us by the system, a library or a peer, not by a mistake of ours. */
function isOfSystem(error: unknown): boolean {
  return error instanceof Error && 'code' in error
}
