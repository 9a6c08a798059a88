import assert from 'node:assert/strict'
import { type EtcdWithUsers, GATEWAY, startEtcdWithUsers, TRIO } from './etcd-auth.ts'
import { startService } from './service.ts'
import { startTraffic } from './steady-traffic.ts'
import { startTcpProxy } from './tcp-proxy.ts'
import { until } from './until.ts'
import { type RunningGateway, startGateway, startProgram } from './waygate.ts'

/** A fault that makes a token or a user invalid, and how the fault ends. */
export interface CredentialFault {
  readonly name: string
  take(etcd: EtcdWithUsers): Promise<unknown>
  /** What gateways must report about it; undefined where they must recover by themselves. */
  readonly reason?: RegExp
  giveBack?(etcd: EtcdWithUsers): Promise<unknown>
}

/** The minimum of etcd. */
const TOKEN_TTL_SECONDS = 1
const LOG_LENGTH = 5
const REFUSED = /no token from etcd for user "gateway": authentication failed/

const tokenExpires: CredentialFault = {
  name: 'the token expires',
  take: etcd => etcd.untilTokensExpire(),
}

const etcdRestarts: CredentialFault = {
  name: 'etcd restarts and has forgotten all tokens',
  async take(etcd) {
    // After a restart, etcd still accepts the tokens in its log. Here it compacts the log every few writes.
    for (let i = 0; i <= 2 * LOG_LENGTH; i++) await etcd.put('/elsewhere', String(i))
    await etcd.restart()
  },
}

const passwordChanges: CredentialFault = {
  name: 'the passwords are changed',
  async take(etcd) {
    for (const login of [GATEWAY, TRIO]) await etcd.setPassword({ ...login, password: 'another' })
  },
  reason: REFUSED,
  async giveBack(etcd) {
    for (const login of [GATEWAY, TRIO]) await etcd.setPassword(login)
  },
}

const permissionIsRevoked: CredentialFault = {
  name: 'the permission is revoked',
  take: etcd => etcd.root('role', 'revoke-permission', 'waygate', '/services/', '/services0'),
  reason: /permission denied/,
  giveBack: etcd => etcd.root('role', 'grant-permission', '--prefix=true', 'waygate', 'read', '/services/'),
}

const userIsDeleted: CredentialFault = {
  name: 'the user is deleted',
  take: etcd => etcd.root('user', 'delete', GATEWAY.user),
  reason: REFUSED,
  giveBack: etcd => etcd.addUser(GATEWAY, 'waygate'),
}

const usersAreOff: CredentialFault = {
  name: 'authentication is disabled and enabled',
  async take(etcd) {
    await etcd.root('auth', 'disable')
    await etcd.root('auth', 'enable')
  },
}

/** Faults from which gateways must recover by themselves. */
export const endsByThemselves: readonly CredentialFault[] = [tokenExpires, usersAreOff, etcdRestarts]

/** Faults that last until an operator restores the access. */
export const takenAway: readonly CredentialFault[] = [passwordChanges, permissionIsRevoked, userIsDeleted]

export interface LostCredentialsOptions {
  readonly faults: readonly CredentialFault[]
  /** Default 1. */
  readonly gateways?: number
}

export interface LostCredentialsReport {
  readonly requests: number
  /** By fault, for each gateway, the time from the end of the fault until changes made during it were served. */
  readonly recoveredMs: ReadonlyMap<string, readonly number[]>
}

/**
 * Takes credentials away and gives them back under traffic, dropping connections in between so that they are needed.
 * Checks that no request fails, that tables are kept and match etcd again afterwards, that gateways report the reason
 * without the password, and that a registration keeps its lease.
 */
export async function loseCredentials(options: LostCredentialsOptions): Promise<LostCredentialsReport> {
  await using stack = new AsyncDisposableStack()
  const etcd = stack.use(
    await startEtcdWithUsers({
      tokenTtlSeconds: TOKEN_TTL_SECONDS,
      args: ['--snapshot-count', String(LOG_LENGTH)],
    }),
  )
  const proxy = stack.use(await startTcpProxy(etcd.port))
  const [solo, trio] = [stack.use(await startService('solo')), stack.use(await startService('trio'))]
  const login = (user: typeof GATEWAY) => ({
    WAYGATE_ETCD_USER: user.user,
    WAYGATE_ETCD_PASSWORD: user.password,
  })
  const gateways = await Promise.all(
    Array.from({ length: options.gateways ?? 1 }, async () =>
      stack.use(await startGateway({ etcd: proxy.url, env: login(GATEWAY), config: { accessLog: false } })),
    ),
  )
  const about = ['--name', 'trio', '--id', 'a', '--address', `127.0.0.1:${trio.port}`, '--ttl', '6']
  const sidecar = stack.use(
    await startProgram({ args: ['register', ...about, '--etcd', proxy.url], env: login(TRIO) }),
  )
  let changes = 0
  const change = async () => {
    const weight = ++changes
    await etcd.put('/services/solo/one', JSON.stringify({ ip: '127.0.0.1', port: solo.port, weight }))
  }
  /** Resolves with the time at which each gateway was seen to have the last change. */
  const untilChanged = () =>
    Promise.all(
      gateways.map(async gateway => {
        const seen = await until(
          'the last change is served',
          async () => gateway.hasExited() || (await gateway.nodes('solo'))[0]?.weight === changes,
          { everyMs: 10 },
        )
        assert.ok(
          seen && !gateway.hasExited(),
          `the gateway has ended: ${gateway.stdout()}${gateway.stderr()}`,
        )
        return performance.now()
      }),
    )
  await change()
  await untilChanged()
  await Promise.all(gateways.map(gateway => gateway.untilNodes('trio', ['a'])))
  const lease = await leaseOf(etcd)
  const traffic = stack.use(
    startTraffic({ ports: gateways.map(({ port }) => port), paths: ['/solo/', '/trio/'] }),
  )

  const recoveredMs = new Map<string, readonly number[]>()
  for (const { name, take, reason, giveBack } of options.faults) {
    const { pid } = etcd
    const before = await etcd.answered('Range', 'Unauthenticated')
    await take(etcd)
    proxy.drop('rst')
    if (reason) {
      await Promise.all(gateways.map(gateway => untilSays(gateway, reason)))
      await change()
    }
    await giveBack?.(etcd)
    const from = performance.now()
    if (!reason) await change()
    recoveredMs.set(
      name,
      (await untilChanged()).map(at => at - from),
    )
    await Promise.all(gateways.map(untilLive))
    if (reason) continue
    const since = etcd.pid === pid ? before : 0
    assert.ok((await etcd.answered('Range', 'Unauthenticated')) > since, 'the old token was tried')
  }

  assert.equal(await leaseOf(etcd), lease, 'the registration kept its lease')
  for (const program of [...gateways, sidecar]) {
    assert.equal(program.hasExited(), false)
    for (const { password } of [GATEWAY, TRIO]) {
      assert.ok(!`${program.stdout()}${program.stderr()}`.includes(password), 'a password in the log')
    }
  }
  return { requests: await traffic.finish(), recoveredMs }
}

async function untilSays(gateway: RunningGateway, reason: RegExp): Promise<void> {
  await gateway.logged(
    line => line.msg.startsWith('registry out of reach; serving') && reason.test(String(line.reason)),
  )
  await until('/routes says what is wrong', async () => {
    const { source, routes } = (await gateway.routes()) as unknown as {
      readonly source: { readonly reason?: string; readonly stale: boolean }
      readonly routes: readonly { readonly nodes: readonly unknown[] }[]
    }
    assert.equal(routes.filter(route => route.nodes.length === 1).length, 2, 'the table stays')
    return source.stale && reason.test(source.reason ?? '')
  })
}

async function untilLive(gateway: RunningGateway): Promise<void> {
  await until('the gateway is live', async () => {
    const { connected, stale } = (await gateway.routes()).source
    return connected && !stale
  })
}

/** Returns the lease of the registered node, as etcd prints it. */
async function leaseOf(etcd: EtcdWithUsers): Promise<string> {
  const answer = JSON.parse(await etcd.root('get', '/services/trio/a', '-w', 'json')) as {
    readonly kvs: readonly { readonly lease: number }[]
  }
  // The number exceeds what JSON.parse reads exactly, but the same lease always gives the same text.
  return String(answer.kvs[0]?.lease)
}
