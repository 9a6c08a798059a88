import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { EtcdRegistry, type EtcdRegistryOptions } from '../../../discovery/etcd/etcd-registry.ts'
import { silentLogger } from '../../../discovery/logger.ts'
import { register } from '../../../discovery/register.ts'
import type { SourceStatus } from '../../../discovery/registry.ts'
import { etcdctl, requireEtcd } from '../../support/etcd.ts'
import { type EtcdWithUsers, GATEWAY, startEtcdWithUsers, TRIO } from '../../support/etcd-auth.ts'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'
import { until } from '../../support/until.ts'
import { Follower } from '../follow.ts'

const PROGRAMS = ['etcd', 'etcdctl']
const NODE = '{"ip":"10.0.0.7","port":3001}'
const BACK_WITHIN_MS = 4_000

interface Scene {
  readonly wire: TcpProxy
  readonly registry: EtcdRegistry
  readonly follower: Follower
  readonly said: readonly string[]
  /** Breaks the connection to etcd. Resolves with the reason when the registry reports the loss. */
  loseConnection(): Promise<string>
  untilBack(): Promise<void>
}

/** A registry that follows etcd as {@link GATEWAY} through a proxy. */
async function follow(t: TestContext, etcd: EtcdWithUsers, options: Partial<EtcdRegistryOptions> = {}) {
  const wire = await startTcpProxy(etcd.port)
  const said: string[] = []
  const log = (details: object, message: string) => void said.push(`${message} ${JSON.stringify(details)}`)
  const logger = { debug: log, info: log, warn: log, error: log }
  const registry = new EtcdRegistry({ endpoints: [wire.url], ...GATEWAY, logger, ...options })
  const follower = new Follower(registry)
  t.after(async () => {
    await follower.stop()
    await registry.close()
    await wire[Symbol.asyncDispose]()
  })
  const lost = () => !follower.source('nodes').connected
  const scene: Scene = {
    wire,
    registry,
    follower,
    said,
    async loseConnection() {
      wire.drop('fin')
      await follower.until('the connection is lost', lost)
      return follower.source('nodes').reason ?? ''
    },
    untilBack: () => follower.until('followed again', () => follower.connected(), BACK_WITHIN_MS),
  }
  return scene
}

/** The state of the only source of nodes. */
function sourceStatus(registry: EtcdRegistry): SourceStatus {
  return registry.status(registry.sources.find(({ scope }) => scope === 'nodes')!.name)
}

// Concurrently, because they mostly wait.
describe('etcd with users', { concurrency: 4 }, () => {
  test('an expired token costs neither a read nor the watch, and delays the next watch only for a moment', async t => {
    if (!requireEtcd(t, PROGRAMS)) return
    await using etcd = await startEtcdWithUsers({ tokenTtlSeconds: 1 })
    const { registry, follower, wire, untilBack } = await follow(t, etcd)
    await follower.until('following', () => follower.connected())
    await etcd.untilTokensExpire()
    await registry.getService('trio')
    assert.equal(await etcd.answered('Range', 'Unauthenticated'), 1, 'the old token was tried')
    await etcd.untilTokensExpire()
    await etcd.put('/services/trio/a', NODE)
    await follower.until('seen by the old watch', () => follower.nodes().length === 1)
    assert.equal(follower.events.filter(({ type }) => type === 'status').length, 2, 'connected all the time')

    wire.drop('fin')
    await follower.until('the connection is lost', () => !follower.source('nodes').connected)
    await untilBack()
    await etcd.put('/services/trio/b', NODE)
    await follower.until('seen by the new watch', () => follower.nodes().length === 2)
    assert.equal(sourceStatus(registry).drift, 0)
    assert.deepEqual([...sourceStatus(registry).relists.keys()], ['start'])
  })

  test('a registration survives expired tokens: it is renewed, updated and ended', async t => {
    if (!requireEtcd(t, PROGRAMS)) return
    await using etcd = await startEtcdWithUsers({ tokenTtlSeconds: 1 })
    await using wire = await startTcpProxy(etcd.port)
    const leases = async () => (await etcd.root('lease', 'list')).match(/^[0-9a-f]{8,}$/gm) ?? []
    const value = () => etcd.root('get', '--print-value-only', '/services/trio/a')
    const signal = AbortSignal.timeout(20_000)
    const about = { name: 'trio', id: 'a', address: '10.0.0.7:1', ttlSeconds: 6 }
    const registration = await register({ ...about, etcd: wire.url, ...TRIO, signal })
    const [lease] = await leases()
    assert.ok(lease)

    await etcd.untilTokensExpire()
    await registration.update({ weight: 7 })
    assert.match(await value(), /"weight":7/)
    assert.equal(await etcd.answered('Txn', 'Unauthenticated'), 1, 'the old token was tried')
    wire.drop('fin')
    const beats = await etcd.received('LeaseKeepAlive')
    await until('beats go on', async () => (await etcd.received('LeaseKeepAlive')) > beats + 1)
    assert.match(await value(), /"weight":7/)
    assert.deepEqual(await leases(), [lease])
    await registration.unregister()
    assert.equal(await value(), '')
    assert.deepEqual(await leases(), [])
  })

  test('an etcd without authentication is used as it is and logged once; changes of that are noticed', async t => {
    if (!requireEtcd(t, PROGRAMS)) return
    await using etcd = await startEtcdWithUsers({ enabled: false })
    const { follower, said, loseConnection, untilBack } = await follow(t, etcd)
    await follower.until('following', () => follower.connected())
    const lines = (text: string) => said.filter(line => line.startsWith(text)).length
    assert.equal(lines('etcd authentication is not enabled'), 1)

    await etcdctl(etcd.url, 'auth', 'enable')
    await etcd.put('/services/trio/a', NODE)
    await follower.until('seen by the old watch', () => follower.nodes().length === 1)
    await loseConnection()
    await untilBack()
    assert.equal(lines('etcd authentication was enabled'), 1)

    await etcd.root('auth', 'disable')
    await loseConnection()
    await untilBack()
    await etcdctl(etcd.url, 'put', '/services/trio/b', NODE)
    await follower.until('seen without users', () => follower.nodes().length === 2)
    assert.equal(lines('etcd authentication is not enabled'), 2)
    assert.ok(!said.join().includes(GATEWAY.password))
  })

  test('a wrong password is reported and tried rarely; the right one is noticed within seconds', async t => {
    if (!requireEtcd(t, PROGRAMS)) return
    await using etcd = await startEtcdWithUsers()
    const begin = performance.now()
    const { follower, said, untilBack } = await follow(t, etcd, { password: 'a wrong password' })
    await follower.until('told', () => follower.events.length > 0)
    const reason = 'no token from etcd for user "gateway": authentication failed, invalid user ID or password'
    assert.match(follower.source('nodes').reason ?? '', new RegExp(`${reason}$`))
    const asked = await until('it tries again and again', async () => {
      const count = await etcd.answered('Authenticate', 'InvalidArgument')
      return count >= 5 && count
    })
    const tookMs = performance.now() - begin
    // The shortest pauses are 125 ms, 250 ms, and from then on 500 ms.
    assert.ok(tookMs >= 375 + (asked - 3) * 500, `asked ${asked} times in ${tookMs} ms`)
    await etcd.setPassword({ ...GATEWAY, password: 'a wrong password' })
    await untilBack()
    assert.ok(!said.join().includes('a wrong password'))
  })

  test('a revoked permission does not empty the table; granted again, it is noticed within seconds', async t => {
    if (!requireEtcd(t, PROGRAMS)) return
    await using etcd = await startEtcdWithUsers()
    await etcd.put('/services/trio/a', NODE)
    const { follower, registry, loseConnection, untilBack } = await follow(t, etcd, {
      password: GATEWAY.password,
    })
    await follower.until('following', () => follower.connected() && follower.nodes().length === 1)
    const range = ['/services/', '/services0']
    await etcd.root('role', 'revoke-permission', 'waygate', ...range)
    await etcd.put('/services/trio/a', '{"ip":"10.0.0.7","port":3001,"weight":2}')
    await follower.until('an open watch goes on', () => follower.nodes()[0] === 'trio/a:2')

    await loseConnection()
    await etcd.put('/services/trio/b', NODE)
    await follower.until('the reason', () => follower.source('nodes').reason === 'permission denied')
    await assert.rejects(registry.getService('trio'), /permission denied/)
    await until('several tries', async () => (await etcd.answered('Range', 'PermissionDenied')) > 3)
    assert.deepEqual(follower.nodes(), ['trio/a:2'])
    assert.equal(follower.source('routes').connected, true, 'the other prefix is not concerned')

    await etcd.root('role', 'grant-permission', '--prefix=true', 'waygate', 'read', '/services/')
    await untilBack()
    await follower.until('what was missed', () => follower.nodes().length === 2)
    assert.deepEqual([...sourceStatus(registry).relists.keys()], ['start'])
  })

  test('a user that is deleted and created again is noticed within seconds, and nothing is lost', async t => {
    if (!requireEtcd(t, PROGRAMS)) return
    await using etcd = await startEtcdWithUsers()
    await etcd.put('/services/trio/a', NODE)
    const { follower, loseConnection, untilBack } = await follow(t, etcd)
    await follower.until('following', () => follower.connected() && follower.nodes().length === 1)
    await etcd.root('user', 'delete', GATEWAY.user)
    await etcd.put('/services/trio/b', NODE)
    await follower.until('an open watch goes on', () => follower.nodes().length === 2)
    await loseConnection()
    await until(
      'it asks for a token',
      async () => (await etcd.answered('Authenticate', 'InvalidArgument')) > 0,
    )
    assert.deepEqual(follower.nodes(), ['trio/a:1', 'trio/b:1'])
    await etcd.addUser(GATEWAY, 'waygate')
    await untilBack()
    await etcd.put('/services/trio/c', NODE)
    await follower.until('followed', () => follower.nodes().length === 3)
  })

  test('an etcd that restarted and has forgotten its tokens is followed as soon as it is back', async t => {
    if (!requireEtcd(t, PROGRAMS)) return
    // It accepts again the tokens that are in its log, which it cuts every few writes here.
    await using etcd = await startEtcdWithUsers({ args: ['--snapshot-count', '5'] })
    const { follower, untilBack } = await follow(t, etcd)
    await follower.until('following', () => follower.connected())
    for (let i = 0; i < 12; i++) await etcd.put('/elsewhere', String(i))
    await etcd.kill('SIGKILL')
    await follower.until('lost', () => !follower.source('nodes').connected)
    await etcd.restart()
    await untilBack()
    assert.ok((await etcd.answered('Range', 'Unauthenticated')) > 0, 'the old token was tried')
    await etcd.put('/services/trio/a', NODE)
    await follower.until('followed', () => follower.nodes().length === 1)
  })

  test('signed tokens, which every change of a role invalidates, are renewed like any other', async t => {
    if (!requireEtcd(t, PROGRAMS)) return
    const folder = await mkdtemp(join(tmpdir(), 'waygate-jwt-'))
    t.after(() => rm(folder, { recursive: true }))
    const { publicKey, privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2_048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    })
    const [pub, priv] = [join(folder, 'public.pem'), join(folder, 'private.pem')]
    await Promise.all([writeFile(pub, publicKey), writeFile(priv, privateKey)])
    const token = `jwt,pub-key=${pub},priv-key=${priv},sign-method=RS256,ttl=10m`
    await using etcd = await startEtcdWithUsers({ args: ['--auth-token', token] })
    // After half a second of silence, a new watch is compared with a read, which would be counted as well.
    const timings = { silenceMs: 60_000 }
    const { registry, follower, loseConnection, untilBack } = await follow(t, etcd, { timings })
    await follower.until('following', () => follower.connected())
    await etcd.root('role', 'add', 'another')
    await registry.getService('trio')
    assert.equal(await etcd.answered('Range', 'InvalidArgument'), 1, 'revision of auth store is old')
    await etcd.root('role', 'delete', 'another')
    await loseConnection()
    await untilBack()
    await etcd.put('/services/trio/a', NODE)
    await follower.until('followed', () => follower.nodes().length === 1)
  })

  test('a gateway needs to read its two prefixes and nothing else', async t => {
    if (!requireEtcd(t, PROGRAMS)) return
    await using etcd = await startEtcdWithUsers()
    const timings = { auditMs: [50, 50], firstAuditMs: [50, 50], silenceMs: 50 } as const
    const { registry, follower } = await follow(t, etcd, { timings, logger: silentLogger })
    await follower.until('following', () => follower.connected())
    await registry.getService('trio')
    await until('audits', async () => (await etcd.answered('Range', 'OK')) > 10)
    const used = await etcd.methods()
    assert.deepEqual(
      used.filter(method => !/^(Auth|User|Role)/.test(method)),
      ['Range', 'Watch'],
    )
    assert.equal(await etcd.answered('Range', 'PermissionDenied'), 0)
  })
})
