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
import { logUnusedSignals, onHangup, untilSignal } from '../cli/signals.ts'
import { IS_EXECUTABLE, IS_SOURCE, PACKAGE_FOLDER, packageVersion } from '../cli/version.ts'
import { createLogger } from '../gateway/logger.ts'
import { etcdClientOptions } from '../gateway/registry.ts'
import { type Stack, startStack } from '../gateway/stack.ts'
import { makeAdminToken } from './admin-token.ts'
import { type Child, startChild } from './child.ts'
import { type DemoCertificate, makeDemoCertificate } from './demo-certificate.ts'
import { avoidTakenPorts } from './demo-ports.ts'
import { introduction } from './demo-text.ts'
import { startTraffic, TRAFFIC_ID } from './demo-traffic.ts'
import { signToken } from './token.ts'

/** The examples, which are built with the package. */
const EXAMPLES = join(PACKAGE_FOLDER, IS_SOURCE ? 'examples' : 'dist/examples')

interface ExampleService {
  readonly name: string
  /** Its folder in `examples`. */
  readonly folder: string
  readonly weight: number
}

/** The example services: two nodes of one service, weighted 3:1, and one node of another. */
const HTTP_SERVICES: readonly ExampleService[] = [
  { name: 'user', folder: 'user', weight: 3 },
  { name: 'user', folder: 'user', weight: 1 },
  { name: 'task', folder: 'task', weight: 1 },
]
/** The same services by gRPC. */
const GRPC_SERVICES: readonly ExampleService[] = [
  { name: 'user', folder: 'grpc/user', weight: 1 },
  { name: 'user', folder: 'grpc/user', weight: 1 },
  { name: 'task', folder: 'grpc/task', weight: 1 },
]
/** So often that a node that is killed, as the introduction invites to, is found before clients have noticed. */
const HEALTH_CHECK = { tcp: true, intervalMs: 500 } as const
const STOP_GRACE_MS = 5_000

/**
 * Runs `waygate demo`: the embedded etcd, the gateway and the example services. Prints what to try next, and then the log,
 * with a line for each request. Resolves with the exit code after SIGINT, SIGTERM or SIGHUP, when all of them have
 * stopped.
 */
export async function runDemo(options: DemoCommand): Promise<number> {
  if (options.grpc && !IS_SOURCE) {
    throw new UsageError('the gRPC services run only in a checkout of the sources', 'demo')
  }
  const services = options.grpc ? GRPC_SERVICES : HTTP_SERVICES
  onHangup()
  let isEnding = false
  const signal = untilSignal().then(() => {
    isEnding = true
  })
  const folder = await mkdtemp(join(tmpdir(), 'waygate-demo-'))
  const removeFolder = () => rm(folder, { recursive: true, force: true })
  const prepare = async () => {
    const certificate = options.tls ? await makeDemoCertificate(folder) : undefined
    const { loaded, adminToken } = withAdminToken(loadDemoConfig(options, certificate))
    return { certificate, adminToken, ...(await avoidTakenPorts(loaded)) }
  }
  const { certificate, adminToken, loaded, taken } = await prepare().catch(async error => {
    await removeFolder()
    throw error
  })
  let isIntroduced = false
  // What the start has to say would hide the introduction, except for warnings.
  const log = createLogger(
    loaded.config.logLevel,
    line =>
      (isIntroduced && !line.includes(`"requestId":"${TRAFFIC_ID}`)) || !/^\{"level":[123]0,/.test(line),
  )
  const { flush } = log
  logUnusedSignals(log.logger)
  const children: Child[] = []
  if (loaded.config.workers !== 1) log.logger.warn('the demo runs one process; workers is ignored')
  let stack: Stack | undefined
  let stopTraffic = () => {}
  try {
    stack = await startStack(loaded, log, packageVersion())
    const etcd = stack.embeddedEtcd?.url ?? loaded.config.etcd.endpoints!.join(',')
    const { config, keys } = loaded
    const client = etcdClientOptions(config, keys, stack.embeddedEtcd?.url)
    await putRouteDocuments(client, config.discovery.routesPrefix, options.grpc ? 'grpc' : 'http')
    for (const service of services) children.push(await startService(service, { etcd, folder, loaded }))
    const failed = Promise.race(children.map(child => child.exited)).then(code => {
      throw new Error(`an example service ended with exit code ${code}`)
    })
    failed.catch(() => {})
    const token = signToken({ subject: 'demo', expiresInSeconds: 3_600, claims: {} }, loaded)
    await Promise.race([untilRegistered(stack, services), failed, signal])
    if (options.grpc) await Promise.race([untilDescribed(stack, token), failed, signal])
    // What it tells to try would be gone by then.
    if (isEnding) return 0
    const { pid: firstPid } = children[0]!
    console.log(
      introduction(options.grpc ? 'grpc' : 'http', stack, {
        token,
        etcd,
        taken,
        firstPid,
        ca: certificate?.ca,
        traffic: options.traffic,
        adminToken,
      }),
    )
    isIntroduced = true
    const url = localUrlOf(stack.gateway.addresses.plain!)
    stopTraffic = startTraffic({ url, kind: options.grpc ? 'grpc' : 'http', rate: options.traffic })
    for (const { exited, pid } of children) void exited.then(() => announceEnd(pid, signal))
    await signal
    return 0
  } finally {
    stopTraffic()
    await Promise.all(children.map(child => child.stop(STOP_GRACE_MS)))
    await stack?.stop()
    flush()
    await removeFolder()
  }
}

/**
 * Loads a configuration that has a random secret and a health check of all nodes unless such are configured, does not drain, and
 * expects few clients.
 */
function loadDemoConfig(
  { config: file, settings }: DemoCommand,
  certificate: DemoCertificate | undefined,
): LoadedConfig {
  const key =
    process.env.WAYGATE_JWT_PUBLIC_KEY_FILE || process.env.WAYGATE_JWT_SECRET_FILE
      ? {}
      : { WAYGATE_JWT_SECRET: randomBytes(32).toString('base64url') }
  const defaults = {
    ...key,
    ...(certificate && { WAYGATE_TLS_CERT: certificate.cert, WAYGATE_TLS_KEY: certificate.key }),
  }
  const loaded = loadConfig({ file, env: { ...defaults, ...process.env }, flags: settings })
  if (loaded.config.jwt.secret === undefined) {
    throw new UsageError(
      'its services sign tokens with jwt.secret, but another kind of key is configured',
      'demo',
    )
  }
  const { config } = loaded
  const connections = Math.min(config.clientLimits.connections, 1_000)
  const clientLimits = { ...config.clientLimits, connections }
  // The demo asks its own services without TLS.
  const tls = { ...config.tls, plain: 'serve' as const }
  // What is tried out is not kept, unless a folder is named for it.
  const etcd = { ...config.etcd, embeddedMemory: config.etcd.embeddedData === undefined }
  const { defaults: forRoutes } = config.routes
  const checked = { ...forRoutes, healthCheck: forRoutes.healthCheck ?? HEALTH_CHECK }
  const routes = { ...config.routes, defaults: checked }
  return { ...loaded, config: { ...config, clientLimits, tls, etcd, routes, drainMs: 0 } }
}

/**
 * Adds a token of the admin listener that may do everything, unless some are configured.
 *
 * @returns undefined for the token when it is not known
 */
function withAdminToken(loaded: LoadedConfig): { loaded: LoadedConfig; adminToken: string | undefined } {
  const { config } = loaded
  const { adminToken, admin } = config
  if (adminToken !== undefined || Object.keys(admin.tokens).length > 0) return { loaded, adminToken }
  const { token, entry } = makeAdminToken('operate')
  const tokens = { demo: entry }
  return { loaded: { ...loaded, config: { ...config, admin: { ...admin, tokens } } }, adminToken: token }
}

async function putRouteDocuments(
  options: EtcdClientOptions,
  prefix: string,
  kind: 'http' | 'grpc',
): Promise<void> {
  const client = createEtcdClient(options)
  try {
    for (const { id, document } of await readExampleRoutes(EXAMPLES, kind)) {
      await client.put(`${prefix}${id}`).value(document)
    }
  } finally {
    client.close()
  }
}

function startService(
  { name, folder: program, weight }: ExampleService,
  { etcd, folder, loaded }: { etcd: string; folder: string; loaded: LoadedConfig },
): Promise<Child> {
  const { config } = loaded
  const main = join(EXAMPLES, program, IS_SOURCE ? 'main.ts' : 'main.js')
  // With SIGUSR1, Node.js would open its debugger.
  const flags = ['--disable-sigusr1', ...(IS_SOURCE ? ['--conditions=waygate-source'] : [])]
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    // What an executable runs instead of a command.
    ...(IS_EXECUTABLE && { WAYGATE_EXAMPLE: program }),
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
  const args = IS_EXECUTABLE ? [] : [...flags, main]
  return startChild(process.execPath, args, { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}

async function untilRegistered({ gateway }: Stack, services: readonly ExampleService[]): Promise<void> {
  const missing = () =>
    services.some(({ name }) => !gateway.table.routes().some(route => route.service === name))
  while (missing() || gateway.nodeCount() < services.length) await delay(50)
}

/** Resolves when the gateway has asked both services for their descriptors, so that JSON works. */
async function untilDescribed({ gateway }: Stack, token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` }
  for (const path of ['/task/v1/tasks', '/user/v1/me']) {
    const url = `${localUrlOf(gateway.addresses.plain!)}${path}`
    while ((await fetch(url, { headers })).status === 503) await delay(50)
  }
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
