#!/usr/bin/env node
import type { Command } from './command.ts'
import { explain } from './explain.ts'
import { parseCommandLine } from './options.ts'
import { UsageError } from './usage-error.ts'
import { packageVersion } from './version.ts'
import { isWorker } from './workers/is-worker.ts'

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
    case 'api-key':
      return (await import('./api-key.ts')).runApiKey(command)
    case 'hash-password':
      return (await import('./hash-password.ts')).runHashPassword(command)
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

try {
  process.exitCode = isWorker
    ? await (await import('./workers/worker.ts')).runWorker()
    : await run(parseCommandLine(process.argv.slice(2)))
} catch (error) {
  console.error(explain(error))
  process.exitCode = error instanceof UsageError ? 2 : 1
}
// Whatever is still open has been told to close; an exit code is an answer that must not wait for it.
process.exit()
