import type { Command } from './cli/command.ts'
import { exitCodeOf, formatError } from './cli/format-error.ts'
import { parseCommandLine } from './cli/options.ts'
import { packageVersion } from './cli/version.ts'
import { isWorker } from './workers/messages.ts'

type Run<Name> = (command: Extract<Command, { readonly command: Name }>) => Promise<number>

/** How commands run. Each loads only its own modules: a sidecar that runs for months must not hold a gateway in memory. */
const RUN: { readonly [Name in Command['command']]: Run<Name> } = {
  start: async command => (await import('./commands/start.ts')).runStart(command),
  demo: async command => (await import('./commands/demo.ts')).runDemo(command),
  register: async command => (await import('./commands/register.ts')).runRegister(command),
  routes: async command => (await import('./commands/routes.ts')).runRoutes(command),
  services: async command => (await import('./commands/services.ts')).runServices(command),
  nodes: async command => (await import('./commands/nodes.ts')).runNodes(command),
  leases: async command => (await import('./commands/leases.ts')).runLeases(command),
  top: async command => (await import('./commands/top.ts')).runTop(command),
  tail: async command => (await import('./commands/tail.ts')).runTail(command),
  why: async command => (await import('./commands/why.ts')).runWhy(command),
  reload: async command => (await import('./commands/reload.ts')).runReload(command),
  status: async command => (await import('./commands/status.ts')).runStatus(command),
  healthcheck: async command => (await import('./commands/healthcheck.ts')).runHealthcheck(command),
  dashboard: async command => (await import('./commands/dashboard.ts')).runDashboard(command),
  completion: async command => (await import('./commands/completion.ts')).runCompletion(command),
  explain: async command => (await import('./commands/explain.ts')).runExplain(command),
  token: async command => (await import('./commands/token.ts')).runToken(command),
  'api-key': async command => (await import('./commands/api-key.ts')).runApiKey(command),
  'admin-token': async command => (await import('./commands/admin-token.ts')).runAdminToken(command),
  'hash-password': async command => (await import('./commands/hash-password.ts')).runHashPassword(command),
  check: async command => (await import('./commands/check.ts')).runCheck(command),
  descriptors: async command => (await import('./commands/descriptors.ts')).runDescriptors(command),
  certificate: async command => (await import('./commands/certificate.ts')).runCertificate(command),
  split: async command => (await import('./commands/split.ts')).runSplit(command),
  etcd: async command => (await import('./commands/etcd.ts')).runEtcd(command),
  doctor: async command => (await import('./commands/doctor.ts')).runDoctor(command),
  async help({ text }) {
    console.log(text)
    return 0
  },
  async version() {
    console.log(packageVersion())
    return 0
  },
}

function run(command: Command): Promise<number> {
  return (RUN[command.command] as (command: Command) => Promise<number>)(command)
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
