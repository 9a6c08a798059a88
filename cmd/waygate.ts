#!/usr/bin/env node
import { ConfigError } from '../config/problem.ts'
import type { Command } from './command.ts'
import { describeListenError } from './listen-error.ts'
import { parseCommandLine } from './options.ts'
import { UsageError } from './usage-error.ts'
import { packageVersion } from './version.ts'

/** Each command loads its own modules: a sidecar that runs for months must not carry a gateway with it. */
async function run(command: Command): Promise<number> {
  switch (command.command) {
    case 'start':
      return (await import('./start.ts')).runStart(command)
    case 'demo':
      return (await import('./demo.ts')).runDemo(command)
    case 'register':
      return (await import('./register.ts')).runRegister(command)
    case 'routes':
      return (await import('./routes.ts')).runRoutes(command)
    case 'token':
      return (await import('./token.ts')).runToken(command)
    case 'check':
      return (await import('./check.ts')).runCheck(command, { env: process.env, print: console.log })
    case 'doctor':
      return (await import('./doctor.ts')).runDoctor(command)
    case 'help':
      console.log(command.text)
      return 0
    case 'version':
      console.log(packageVersion())
      return 0
    default:
      return command satisfies never
  }
}

/** What goes wrong before or instead of serving is told in one line; a stack is for what we did not foresee. */
function explain(error: unknown): string {
  if (error instanceof UsageError) return error.message
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

try {
  process.exitCode = await run(parseCommandLine(process.argv.slice(2)))
} catch (error) {
  console.error(explain(error))
  process.exitCode = error instanceof UsageError ? 2 : 1
}
// Whatever is still open has been told to close; an exit code is an answer that must not wait for it.
process.exit()
