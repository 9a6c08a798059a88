import type { Command } from './cli/command.ts'
import { exitCodeOf, formatError } from './cli/format-error.ts'
import { parseCommandLine } from './cli/options.ts'
import { packageVersion } from './cli/version.ts'
import { isWorker } from './workers/messages.ts'

/** Runs a command. Each loads only its own modules: a sidecar that runs for months must not hold a gateway in memory. */
async function run(command: Command): Promise<number> {
  switch (command.command) {
    case 'start':
      return (await import('./commands/start.ts')).runStart(command)
    case 'demo':
      return (await import('./commands/demo.ts')).runDemo(command)
    case 'register':
      return (await import('./commands/register.ts')).runRegister(command)
    case 'routes':
      return (await import('./commands/routes.ts')).runRoutes(command)
    case 'services':
      return (await import('./commands/services.ts')).runServices(command)
    case 'nodes':
      return (await import('./commands/nodes.ts')).runNodes(command)
    case 'leases':
      return (await import('./commands/leases.ts')).runLeases(command)
    case 'top':
      return (await import('./commands/top.ts')).runTop(command)
    case 'tail':
      return (await import('./commands/tail.ts')).runTail(command)
    case 'why':
      return (await import('./commands/why.ts')).runWhy(command)
    case 'reload':
      return (await import('./commands/reload.ts')).runReload(command)
    case 'status':
      return (await import('./commands/status.ts')).runStatus(command)
    case 'healthcheck':
      return (await import('./commands/healthcheck.ts')).runHealthcheck(command)
    case 'dashboard':
      return (await import('./commands/dashboard.ts')).runDashboard(command)
    case 'completion':
      return (await import('./commands/completion.ts')).runCompletion(command)
    case 'explain':
      return (await import('./commands/explain.ts')).runExplain(command)
    case 'token':
      return (await import('./commands/token.ts')).runToken(command)
    case 'api-key':
      return (await import('./commands/api-key.ts')).runApiKey(command)
    case 'admin-token':
      return (await import('./commands/admin-token.ts')).runAdminToken(command)
    case 'hash-password':
      return (await import('./commands/hash-password.ts')).runHashPassword(command)
    case 'check':
      return (await import('./commands/check.ts')).runCheck(command)
    case 'descriptors':
      return (await import('./commands/descriptors.ts')).runDescriptors(command)
    case 'certificate':
      return (await import('./commands/certificate.ts')).runCertificate(command)
    case 'split':
      return (await import('./commands/split.ts')).runSplit(command)
    case 'etcd':
      return (await import('./commands/etcd.ts')).runEtcd(command)
    case 'doctor':
      return (await import('./commands/doctor.ts')).runDoctor(command)
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
  console.error(formatError(error))
  process.exitCode = exitCodeOf(error)
}
// Everything that is still open was told to close; the exit code must not wait for it.
process.exit()
