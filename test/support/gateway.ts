import { tmpdir } from 'node:os'
import type { TestContext } from 'node:test'
import jwt from 'jsonwebtoken'
import pino from 'pino'
import { openAdmin } from '../../cmd/gateway/admin-listener.ts'
import { startGateway } from '../../cmd/gateway/gateway.ts'
import type { Gateway, GatewayOptions } from '../../cmd/gateway/gateway-types.ts'
import { loadConfig } from '../../config/load/load.ts'
import type { Config } from '../../config/schema.ts'
import { MemoryRegistry } from '../../discovery/memory-registry.ts'
import type { SharedCounters } from '../../internal/limits/counters.ts'
import type { NodeInput } from '../../internal/nodes/node.ts'
import { tempFolder } from '../config/temp-folder.ts'
import { until } from './until.ts'

export const SECRET = 'a secret of tests that is long enough'

/** Default host: 127.0.0.1. */
type SetUpNode = Pick<NodeInput, 'port' | 'weight' | 'metadata' | 'protocol'> &
  Partial<Pick<NodeInput, 'host'>>

export interface GatewaySetUp {
  /** Nodes to register: `service/id`, such as `user/u1`, to a port, or to a port with more. */
  readonly nodes?: Readonly<Record<string, number | SetUpNode>>
  /** Route documents by id. */
  readonly routes?: Readonly<Record<string, unknown>>
  /** Policy sets by name. */
  readonly policySets?: Readonly<Record<string, object>>
  readonly config?: Partial<Omit<Config, 'clientLimits'>> & {
    readonly clientLimits?: Partial<Config['clientLimits']>
  }
  /** Further content of the configuration file. */
  readonly document?: object
  /** Counts shared limits. Default: nothing does, as while the store is away. */
  readonly sharedCounters?: SharedCounters | undefined
  /** The times of what sends spans. Default: as documented. */
  readonly spanTimes?: GatewayOptions['spanTimes']
  /** Whether a key for tokens is configured. Default false. */
  readonly withKey?: boolean
}

export interface TestGateway {
  /** 0 when it has no port without TLS. */
  readonly port: number
  /** 0 when it has no port for TLS. */
  readonly tlsPort: number
  readonly adminPort: number
  readonly gateway: Gateway
  readonly registry: MemoryRegistry
  /** Changes the registry. Resolves when the gateway has read it, which may be a few turns later. */
  change<Result>(write: (registry: MemoryRegistry) => Result | Promise<Result>): Promise<Result>
  /** The lines of the log until the table was loaded, as objects. */
  readonly startLog: readonly Record<string, unknown>[]
  /** The lines of the log since then. */
  readonly log: readonly Record<string, unknown>[]
  /** Resolves with the line in the access log for the request with this id. */
  logged(requestId: string): Promise<Record<string, unknown>>
}

/** Writes a policy set, as an operator does. */
export function putPolicySet(registry: MemoryRegistry, name: string, document: unknown): void {
  registry.putEntry('policies', { kind: 'policy-set', key: `/waygate/policies/${name}`, name, document })
}

/** Starts a whole gateway in this process, with a registry in memory, its table loaded. Stopped after the test. */
export async function startTestGateway(
  t: Pick<TestContext, 'after'>,
  {
    nodes = {},
    routes = {},
    policySets = {},
    config = {},
    document,
    sharedCounters,
    spanTimes,
    withKey = false,
  }: GatewaySetUp,
): Promise<TestGateway> {
  const loaded = loadConfig({
    env: withKey ? { WAYGATE_JWT_SECRET: SECRET } : {},
    cwd: document ? tempFolder(t, { 'waygate.yaml': JSON.stringify(document) }) : tmpdir(),
  })
  const registry = new MemoryRegistry({
    apiKeysPrefix: loaded.config.apiKeys.enabled ? loaded.config.apiKeys.prefix : undefined,
    revocationsPrefix: loaded.config.jwt.revocations.enabled
      ? loaded.config.jwt.revocations.prefix
      : undefined,
    descriptorsPrefix: loaded.config.discovery.descriptorsPrefix ?? undefined,
    certificatesPrefix: loaded.config.tls.fromEtcd ? loaded.config.discovery.certificatesPrefix : undefined,
    acmePrefix: loaded.config.tls.fromEtcd ? loaded.config.discovery.acmePrefix : undefined,
    policiesPrefix: loaded.config.discovery.policiesPrefix,
  })
  for (const [key, value] of Object.entries(nodes)) {
    const [service = '', id = ''] = key.split('/')
    const node = typeof value === 'number' ? { port: value } : value
    await registry.register({ service, id, host: '127.0.0.1', ...node })
  }
  for (const [id, document] of Object.entries(routes)) registry.putRoute(id, document)
  for (const [name, document] of Object.entries(policySets)) putPolicySet(registry, name, document)
  const log: Record<string, unknown>[] = []
  let onLine = () => {}
  const write = (line: string) => {
    log.push(JSON.parse(line))
    onLine()
  }
  const logger = pino({ level: 'debug' }, { write })
  const whole: Config = {
    ...loaded.config,
    host: '127.0.0.1',
    port: 0,
    adminPort: 0,
    drainMs: 0,
    shutdownTimeoutMs: 100,
    ...config,
    clientLimits: { ...loaded.config.clientLimits, ...config.clientLimits },
  }
  const gateway = await startGateway({
    ...{
      config: whole,
      keys: loaded.keys,
      version: 'test',
      registry,
      logger,
      writeLine: write,
      sharedCounters,
      spanTimes,
    },
  })
  t.after(() => gateway.stop())
  const admin = await openAdmin(gateway.pages, gateway.api, whole, logger)
  t.after(() => admin.close())
  await gateway.table.loaded
  const startLog = log.splice(0)
  return {
    port: gateway.addresses.plain?.port ?? 0,
    tlsPort: gateway.addresses.tls?.port ?? 0,
    adminPort: admin.address.port,
    gateway,
    registry,
    async change(write) {
      const { revision } = gateway.table.source()
      const result = await write(registry)
      await until('it is read', () => gateway.table.source().revision !== revision)
      return result
    },
    startLog,
    log,
    logged: requestId =>
      new Promise(resolve => {
        onLine = () => {
          const line = log.find(each => each.msg === 'request' && each.requestId === requestId)
          if (line) resolve(line)
        }
        onLine()
      }),
  }
}

/** Signs a token with {@link SECRET} that is valid for a minute. */
export function token(claims: object = {}): string {
  return jwt.sign({ sub: 'u1', ...claims }, SECRET, { algorithm: 'HS256', expiresIn: 60 })
}
