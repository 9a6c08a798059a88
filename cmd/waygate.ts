#!/usr/bin/env node
import { loadConfig } from '../config/load.ts'
import { ConfigError } from '../config/problem.ts'
import { runCheck } from './check.ts'
import type { Command } from './command.ts'
import { runDemo } from './demo.ts'
import { describeListenError } from './listen-error.ts'
import { parseCommandLine } from './options.ts'
import { runRegister } from './register.ts'
import { runRoutes } from './routes.ts'
import { runStart } from './start.ts'
import { signToken } from './token.ts'
import { UsageError } from './usage-error.ts'
import { packageVersion } from './version.ts'

/** Resolves with the exit code. */
async function run(command: Command): Promise<number> {
  switch (command.command) {
    case 'start':
      return runStart(command)
    case 'demo':
      return runDemo(command)
    case 'register':
      return runRegister(command)
    case 'routes':
      return runRoutes(command)
    case 'token': {
      const loaded = loadConfig({ file: command.config, env: process.env, flags: command.settings })
      console.log(signToken(command, loaded))
      return 0
    }
    case 'check':
      return runCheck(command, { env: process.env, print: console.log })
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
