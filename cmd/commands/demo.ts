import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type LoadedConfig, loadConfig } from '../../config/load/load.ts'
import { createEtcdClient, type EtcdClientOptions } from '../../discovery/etcd/client.ts'
import { readExampleRoutes } from '../../examples/shared/routes.ts'
import type { DemoCommand } from '../cli/command.ts'
import { UsageError } from '../cli/format-error.ts'
import { localUrlOf } from '../cli/listening.ts'
import { onHangup, untilSignal } from '../cli/signals.ts'
import { IS_SOURCE, PACKAGE_FOLDER } from '../cli/version.ts'
import { createLogger } from '../gateway/logger.ts'
import { etcdClientOptions } from '../gateway/registry.ts'
import { type Stack, startStack } from '../gateway/stack.ts'
import { type Child, startChild } from './child.ts'
import { avoidTakenPorts } from './demo-ports.ts'
import { signToken } from './token.ts'

/** The example services: two nodes of one service, weighted 3:1, and one node of another. */
const SERVICES = [
  { name: 'user', weight: 3 },
  { name: 'user', weight: 1 },
  { name: 'task', weight: 1 },
] as const
const STOP_GRACE_MS = 5_000

/**
 * Runs `waygate demo`: the embedded etcd, the gateway and the example services. Prints what to try next, and then the log,
 * with a line for each request. Resolves with the exit code after SIGINT, SIGTERM or SIGHUP, when all of them have
 * stopped.
 */
export async function runDemo(options: DemoCommand): Promise<number> {
  onHangup()
  const signal = untilSignal()
  const { loaded, taken } = await avoidTakenPorts(loadDemoConfig(options))
  let isIntroduced = false
  // What the start has to say would hide the introduction, except for warnings.
  const log = createLogger(loaded.config.logLevel, line => isIntroduced || !/^\{"level":[123]0,/.test(line))
  const { flush } = log
  const folder = await mkdtemp(join(tmpdir(), 'waygate-demo-'))
  const children: Child[] = []
  if (loaded.config.workers !== 1) log.logger.warn('the demo runs one process; workers is ignored')
  let stack: Stack | undefined
  try {
    stack = await startStack(loaded, log)
    const etcd = stack.embeddedEtcd?.url ?? loaded.config.etcd.endpoints!.join(',')
    const { config, keys } = loaded
    await putRouteDocuments(
      etcdClientOptions(config, keys, stack.embeddedEtcd?.url),
      config.discovery.routesPrefix,
    )
    for (const service of SERVICES) children.push(await startService(service, { etcd, folder, loaded }))
    const failed = Promise.race(children.map(child => child.exited)).then(code => {
      throw new Error(`an example service ended with exit code ${code}`)
    })
    failed.catch(() => {})
    await Promise.race([untilRegistered(stack), failed, signal])
    console.log(introduction(stack, loaded, { etcd, taken, firstPid: children[0]!.process.pid! }))
    isIntroduced = true
    for (const { exited, process } of children) void exited.then(() => announceEnd(process.pid!, signal))
    await signal
    return 0
  } finally {
    await Promise.all(children.map(child => child.stop(STOP_GRACE_MS)))
    await stack?.stop()
    flush()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Loads a configuration that has a random secret unless one is configured, and does not drain. */
function loadDemoConfig({ config: file, settings }: DemoCommand): LoadedConfig {
  const defaults = process.env.WAYGATE_JWT_PUBLIC_KEY_FILE
    ? {}
    : { WAYGATE_JWT_SECRET: randomBytes(32).toString('base64url') }
  const loaded = loadConfig({ file, env: { ...defaults, ...process.env }, flags: settings })
  if (loaded.config.jwt.secret === undefined) {
    throw new UsageError(
      'its services sign tokens with jwt.secret, but another kind of key is configured',
      'demo',
    )
  }
  return { ...loaded, config: { ...loaded.config, drainMs: 0 } }
}

async function putRouteDocuments(options: EtcdClientOptions, prefix: string): Promise<void> {
  const client = createEtcdClient(options)
  try {
    for (const { id, document } of await readExampleRoutes()) {
      await client.put(`${prefix}${id}`).value(document)
    }
  } finally {
    client.close()
  }
}

function startService(
  { name, weight }: (typeof SERVICES)[number],
  { etcd, folder, loaded }: { etcd: string; folder: string; loaded: LoadedConfig },
): Promise<Child> {
  const { config } = loaded
  const args = IS_SOURCE
    ? ['--conditions=waygate-source', join(PACKAGE_FOLDER, 'examples', name, 'main.ts')]
    : [join(PACKAGE_FOLDER, 'dist/examples', name, 'main.js')]
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    HOST: '127.0.0.1',
    PORT: '0',
    // The two user services share one database.
    DATABASE: join(folder, `${name}.db`),
    LOG_LEVEL: 'error',
    WAYGATE_ETCD: etcd,
    WAYGATE_SERVICES_PREFIX: config.discovery.servicesPrefix,
    WAYGATE_WEIGHT: String(weight),
    ...(config.jwt.secret !== undefined && { WAYGATE_JWT_SECRET: config.jwt.secret }),
  }
  // When this process is killed, the services notice the end of the channel, and end as well.
  return startChild(process.execPath, args, { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}

async function untilRegistered({ gateway }: Stack): Promise<void> {
  const missing = () =>
    SERVICES.some(({ name }) => !gateway.table.routes().some(route => route.service === name))
  while (missing() || gateway.nodeCount() < SERVICES.length) await delay(50)
}

function introduction(
  { gateway, adminAddress }: Stack,
  loaded: LoadedConfig,
  { etcd, taken, firstPid }: { etcd: string; taken: readonly number[]; firstPid: number },
): string {
  const url = localUrlOf(gateway.address)
  const admin = localUrlOf(adminAddress)
  const program = IS_SOURCE ? 'npm run -s waygate' : 'npx waygate'
  const claims = { subject: 'demo', expiresInSeconds: 3_600, claims: {} }
  const json = `-H 'content-type: application/json'`
  const elsewhere =
    taken.length === 0
      ? ''
      : ` These ports are in use, so free ones were chosen instead: ${taken.join(', ')}.`
  return `
Waygate is running.${elsewhere}

  gateway  ${url}
  admin    ${admin}/routes
  etcd     ${etcd}
  services user (two nodes, weighted 3:1), task

A token that is good for an hour, of a user called "demo":

  export TOKEN=${signToken(claims, loaded)}

Try, in another terminal:

  # without a token: 401
  curl -i ${url}/task/tasks

  # create and list tasks
  curl ${url}/task/tasks -H "authorization: Bearer $TOKEN" ${json} -d '{"title":"read the README"}'
  curl ${url}/task/tasks -H "authorization: Bearer $TOKEN"

  # register, log in, and use the token that the user service issues
  curl ${url}/user/register ${json} -d '{"name":"ada","password":"correct horse"}'
  TOKEN=$(curl -s ${url}/user/login ${json} -d '{"name":"ada","password":"correct horse"}' | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
  curl ${url}/user/me -H "authorization: Bearer $TOKEN"

  # the live routing table
  curl -s ${admin}/routes
  ${program} routes ${IS_SOURCE ? '-- ' : ''}--admin ${admin}

  # what happens when a node dies: kill one of the two user services and repeat the request
  kill -9 ${firstPid}

Below, each request becomes a line of the log. Ctrl-C stops all of it.
`
}

/** Says that a service has ended while the demo runs, which the user was invited to do. */
async function announceEnd(pid: number, signal: Promise<unknown>): Promise<void> {
  const isOver = await Promise.race([signal.then(() => true), delay(0, false)])
  if (!isOver) {
    console.log(
      `Process ${pid} has ended. Its requests go to other nodes of its service, if there are any. The node leaves the table when its lease expires.`,
    )
  }
}
