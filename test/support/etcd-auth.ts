import { setTimeout as delay } from 'node:timers/promises'
import type { Etcd3 } from 'etcd3'
import { type EtcdOptions, etcdctl, startEtcd, type TestEtcd } from './etcd.ts'
import { openEtcdClient } from './etcd-client.ts'
import { setUpUsers } from './etcd-json.ts'

export interface Login {
  readonly user: string
  readonly password: string
}

const ROOT: Login = { user: 'root', password: 'the root password' }
/** A user that may only read nodes and routes. */
export const GATEWAY: Login = { user: 'gateway', password: 'the gateway password' }
/** A user that may only write the nodes of the service `trio`. */
export const TRIO: Login = { user: 'trio', password: 'the trio password' }

/** A real etcd with the users {@link GATEWAY} and {@link TRIO}, set up as docs/etcd.md says. */
export interface EtcdWithUsers extends TestEtcd {
  /** Runs `etcdctl` as root, and resolves with its output. */
  root(...args: readonly string[]): Promise<string>
  addUser({ user, password }: Login, role: string): Promise<void>
  setPassword(login: Login): Promise<void>
  put(key: string, value: string): Promise<void>
  /** Counts the calls of a method that were answered with this gRPC code, such as `Unauthenticated`. */
  answered(method: string, code: string): Promise<number>
  /** Counts the received messages of a method. */
  received(method: string): Promise<number>
  /** Resolves when all tokens have expired because none was used for their lifetime. */
  untilTokensExpire(): Promise<void>
  /** Lists the methods that were called, sorted. */
  methods(): Promise<readonly string[]>
}

export interface EtcdWithUsersOptions extends EtcdOptions {
  /** How long an unused token stays valid. Default: that of etcd, 300. */
  readonly tokenTtlSeconds?: number
  /** Default true. */
  readonly enabled?: boolean
}

/** etcd checks for expired tokens once a second; half a second more for a busy machine. */
const LATEST_LOOK_MS = 1_500

/**
 * Starts an etcd with users. Passwords are hashed at the lowest cost: at etcd's default, each request for a token takes
 * 75 ms of a core.
 */
export async function startEtcdWithUsers(options: EtcdWithUsersOptions = {}): Promise<EtcdWithUsers> {
  const { args = [], tokenTtlSeconds = 300, enabled = true, ...rest } = options
  const etcd = await startEtcd({
    ...rest,
    args: ['--bcrypt-cost', '4', '--auth-token-ttl', String(tokenTtlSeconds), ...args],
  })
  const root = (...rootArgs: readonly string[]) =>
    etcdctl(etcd.url, '--user', `${ROOT.user}:${ROOT.password}`, ...rootArgs)
  const addUser = async ({ user, password }: Login, role: string) => {
    await root('user', 'add', `${user}:${password}`)
    await root('user', 'grant-role', user, role)
  }
  const asRoot = async <T>(run: (client: Etcd3) => Promise<T>): Promise<T> => {
    // Uses etcd3's own handling of tokens, so that the code under test does not set up its own test.
    const auth = { username: ROOT.user, password: ROOT.password }
    const client = openEtcdClient(etcd.url, { auth })
    try {
      return await run(client)
    } finally {
      client.close()
    }
  }
  await setUpUsers(etcd.url, {
    rootPassword: ROOT.password,
    roles: {
      waygate: [
        ['read', '/services/'],
        ['read', '/waygate/routes/'],
        ['read', '/waygate/policies/'],
        ['read', '/waygate/descriptors/'],
      ],
      'service-trio': [['readwrite', '/services/trio/']],
    },
    users: {
      [GATEWAY.user]: [GATEWAY.password, 'waygate'],
      [TRIO.user]: [TRIO.password, 'service-trio'],
    },
    enabled,
  })
  return {
    ...etcd,
    // A getter: a spread would copy its present value.
    get pid() {
      return etcd.pid
    },
    root,
    addUser,
    setPassword: ({ user, password }) =>
      asRoot(async client => void (await client.auth.userChangePassword({ name: user, password }))),
    put: (key, value) => asRoot(async client => void (await client.put(key).value(value))),
    async answered(method, code) {
      const rows = await readCalls(etcd.url, 'handled')
      return sum(rows.filter(row => row.method === method && row.code === code))
    },
    async received(method) {
      return sum((await readCalls(etcd.url, 'msg_received')).filter(row => row.method === method))
    },
    async untilTokensExpire() {
      // Renewing a lease takes no token.
      const calls = async () =>
        sum((await readCalls(etcd.url, 'started')).filter(({ method }) => method !== 'LeaseKeepAlive'))
      let before: number
      do {
        before = await calls()
        await delay(tokenTtlSeconds * 1_000 + LATEST_LOOK_MS)
      } while ((await calls()) !== before)
    },
    async methods() {
      const rows = await readCalls(etcd.url, 'started')
      const used = rows.filter(({ count }) => count > 0).map(({ method }) => method)
      return [...new Set(used)].sort()
    },
  }
}

interface Calls {
  readonly method: string
  /** Set for answered calls only. */
  readonly code: string | undefined
  readonly count: number
}

async function readCalls(
  url: string,
  which: 'started' | 'handled' | 'msg_received',
): Promise<readonly Calls[]> {
  const response = await fetch(`${url}/metrics`, { headers: { connection: 'close' } })
  const rows = (await response.text()).matchAll(
    new RegExp(
      `^grpc_server_${which}_total\\{(?:grpc_code="(\\w+)",)?grpc_method="(\\w+)".*\\} (\\d+)$`,
      'gm',
    ),
  )
  return [...rows].map(([, code, method = '', count]) => ({ method, code, count: Number(count) }))
}

function sum(rows: readonly Calls[]): number {
  return rows.reduce((total, { count }) => total + count, 0)
}
