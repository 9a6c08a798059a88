import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import jwt from 'jsonwebtoken'
import { FIELDS } from '../../config/load/fields.ts'
import { send } from '../support/http.ts'
import { cheapHash } from '../support/password.ts'
import { openRegistry } from '../support/registry.ts'
import { startReloadedGateway } from '../support/reloaded-gateway.ts'
import { until } from '../support/until.ts'

const OLD = 'the old secret of tests, long enough'
const NEW = 'the new secret of tests, long enough'
const sign = (secret: string, claims: object = {}) =>
  `Bearer ${jwt.sign({ sub: 'u1', iss: 'me', aud: 'you', ...claims }, secret, { algorithm: 'HS256', expiresIn: 3_600 })}`

/** A gateway with the service `echo` and a route that is stored in etcd. */
async function setUp(t: TestContext, config: object) {
  const started = await startReloadedGateway(t, config)
  using registry = openRegistry(started.gateway.etcd)
  await registry.putRoute('stored', { path: '/stored/*', service: 'echo', auth: 'none' })
  await until('the route is there', async () => (await started.statusOf('/stored/x')) === 200)
  return started
}

const DOCUMENTS = {
  open: { path: '/open/*', service: 'echo', auth: 'none' },
  private: { path: '/private/*', service: 'echo', auth: 'jwt' },
}
const BASE = {
  overload: { loopDelayMs: 0 },
  // Clients of tests may be slow.
  clientLimits: { headersTimeoutMs: 60_000 },
  trustedProxies: ['127.0.0.1'],
  routes: { documents: DOCUMENTS },
  jwt: { secret: OLD },
}

test('a reload puts a new key in force, and tokens of the old one count no more, remembered or not', async t => {
  const { reload, statusOf } = await setUp(t, BASE)
  const ask = async (secret: string) => statusOf('/private/x', sign(secret, { jti: secret }))
  assert.deepEqual([await ask(OLD), await ask(NEW)], [200, 401])
  const page = await reload({ ...BASE, jwt: { secret: NEW } })
  assert.deepEqual(page.changes, [{ path: 'jwt.secret', of: 'secret', from: null, to: null }])
  assert.deepEqual([await ask(OLD), await ask(NEW)], [401, 200])
})

for (const [whose, jwtOf] of [
  ['of the gateway', (key: object) => key],
  ['of an issuer', (key: object) => ({ issuers: [{ issuer: 'me', ...key }] })],
] as const) {
  test(`tokens of a previous key ${whose} are accepted until it is taken out, or its time is over`, async t => {
    const { reload, statusOf } = await setUp(t, { ...BASE, jwt: jwtOf({ secret: OLD }) })
    const ask = async (secret: string) => statusOf('/private/x', sign(secret))
    const kept = sign(OLD, { jti: 'kept' })
    const until_ = (ms: number) => new Date(Date.now() + ms).toISOString()
    await reload({
      ...BASE,
      jwt: jwtOf({ secret: NEW, previous: [{ secret: OLD, until: until_(3_600_000) }] }),
    })
    assert.deepEqual([await ask(OLD), await ask(NEW), await statusOf('/private/x', kept)], [200, 200, 200])
    await reload({ ...BASE, jwt: jwtOf({ secret: NEW, previous: [{ secret: OLD, until: until_(1_500) }] }) })
    assert.equal(await statusOf('/private/x', kept), 200)
    await until('it is remembered no longer', async () => (await statusOf('/private/x', kept)) === 401)
    await reload({ ...BASE, jwt: jwtOf({ secret: NEW, previous: [{ secret: OLD }] }) })
    assert.equal(await statusOf('/private/x', kept), 200)
    await reload({ ...BASE, jwt: jwtOf({ secret: NEW }) })
    assert.deepEqual([await ask(OLD), await ask(NEW)], [401, 200])
  })
}

test('a broken file changes nothing, and each of its problems is told with its place', async t => {
  const { gateway, reload, statusOf } = await setUp(t, BASE)
  await assert.rejects(
    reload('drainMs: -1\njwt: {secret: other}\nroutes: {documents: {r: {path: x}}}\nfoo: 1\n'),
    error => {
      const { problems } = error as unknown as { problems: readonly { path: string; source: string }[] }
      assert.deepEqual(
        problems.map(({ path, source }) => [path, source]),
        [
          ['$.foo', 'waygate.yaml:4'],
          ['$.drainMs', 'waygate.yaml:1'],
          ['$.routes.documents.r.path', 'waygate.yaml:3'],
          ['$.routes.documents.r.service', 'waygate.yaml:3'],
        ],
      )
      return true
    },
  )
  const rejected = gateway
    .log()
    .filter(({ msg }) => msg === 'new configuration rejected; keeping the current one')
  assert.ok(rejected.length >= 3)
  assert.equal(await statusOf('/private/x', sign(OLD)), 200)
  assert.equal(await statusOf('/open/x'), 200)
  // A document that the file has right is refused where it does not fit what only a restart changes.
  const documents = { ...DOCUMENTS, keys: { path: '/keys', service: 'echo', auth: 'api-key' } }
  await assert.rejects(
    reload({ ...BASE, routes: { documents }, apiKeys: { enabled: true } }),
    /apiKeys\.enabled.*restart instead/,
  )
  assert.equal(await statusOf('/keys'), 404)
})

test('what needs a restart is named with what is kept, and the rest is put in force', async t => {
  const { gateway, reload, statusOf } = await setUp(t, BASE)
  const page = await reload({
    ...BASE,
    adminHost: '127.0.0.2',
    upstream: { keepAliveMs: 99 },
    jwt: { secret: NEW },
  })
  assert.deepEqual(page.needsRestart, [
    { path: 'adminHost', kept: '127.0.0.1' },
    { path: 'upstream.keepAliveMs', kept: 4_000 },
  ])
  const line = await gateway.logged('changed settings need a restart; keeping the old values')
  assert.deepEqual(line.settings, [
    'adminHost: needs a restart; kept "127.0.0.1"',
    'upstream.keepAliveMs: needs a restart; kept 4000',
  ])
  assert.equal(await statusOf('/private/x', sign(NEW)), 200)
})

test('a file that only a restart reads again is named by every reload until then', async t => {
  const passwordFile = join(mkdtempSync(join(tmpdir(), 'waygate-reload-')), 'password.txt')
  t.after(() => rmSync(dirname(passwordFile), { recursive: true }))
  writeFileSync(passwordFile, 'old')
  const store = { url: 'redis://127.0.0.1:9', passwordFile }
  const { reload } = await setUp(t, { ...BASE, rateLimits: { store } })
  writeFileSync(passwordFile, 'new')
  for (let i = 0; i < 2; i++) {
    const { needsRestart, changes } = await reload()
    assert.deepEqual([needsRestart, changes], [[{ path: 'rateLimits.store.passwordFile' }], []])
  }
  writeFileSync(passwordFile, 'old')
  assert.deepEqual((await reload()).needsRestart, [])
})

test('a dry run says what would change, and changes nothing', async t => {
  const { gateway, write, statusOf } = await setUp(t, BASE)
  write({ ...BASE, accessLog: false, routes: { documents: {} } })
  const page = await gateway.reloader.reload({ dryRun: true })
  assert.deepEqual(
    [page.applied, page.changes.map(({ path }) => path)],
    [false, ['accessLog', 'routes.documents.open', 'routes.documents.private']],
  )
  assert.equal(await statusOf('/open/x'), 200)
  assert.deepEqual(gateway.reloader.counts, { succeeded: 0, failed: 0 })
})

test('a reload that is under way when the gateway shuts down changes nothing', async t => {
  const { gateway, reload, statusOf } = await setUp(t, BASE)
  const reloading = reload({ ...BASE, routes: { documents: {} } })
  await gateway.logged(({ msg }) => msg === 'reloading the configuration')
  gateway.reloader.close()
  await assert.rejects(reloading, /shutting down/)
  assert.equal(await statusOf('/open/x'), 200)
})

test('documents of the registry are read again by the new rules, and one that does not fit is closed', async t => {
  const { gateway, reload, get, statusOf } = await setUp(t, {
    ...BASE,
    basic: { users: { anna: { password: cheapHash('x') } } },
  })
  using registry = openRegistry(gateway.etcd)
  await registry.putRoute('users', { path: '/users/*', service: 'echo', auth: 'basic' })
  await registry.putRoute('default', { path: '/default/*', service: 'echo' })
  await until('the routes are there', async () => (await statusOf('/users/x')) === 401)
  await until('the routes are there', async () => (await statusOf('/default/x')) === 401)
  const defaults = { responseHeaders: { set: { 'x-by': 'defaults' } } }
  const page = await reload({ ...BASE, jwt: {}, routes: { documents: { open: DOCUMENTS.open }, defaults } })
  assert.deepEqual(
    page.refusedDocuments.map(({ id }) => id),
    ['users'],
  )
  assert.match(page.warnings.join('\n'), /no token key is configured now/)
  assert.equal(await statusOf('/users/x'), 503)
  const open = await get('/default/x')
  assert.deepEqual([open.status, open.headers['x-by']], [200, 'defaults'])
  await reload({ ...BASE, basic: { users: { anna: { password: cheapHash('y') } } } })
  const authorization = `Basic ${Buffer.from('anna:y').toString('base64')}`
  assert.deepEqual([await statusOf('/users/x', authorization), await statusOf('/default/x')], [200, 401])
})

/** Changes that cover every option which a reload puts in force. With each of them, all requests of the load are answered 200. */
const STEPS = (folder: string): readonly object[] => [
  {
    $schema: 'https://example.com/config.schema.json',
    adminToken: 'a-token-of-tests',
    admin: {
      maxNodes: 5,
      tokens: { ci: { sha256: '0'.repeat(64), role: 'read' } },
      hosts: ['gw'],
      dashboard: false,
    },
    metrics: { labels: { node: false } },
    logLevel: 'warn',
    accessLog: { format: 'logfmt', to: join(folder, 'access.log') },
    drainMs: 3,
    shutdownTimeoutMs: 2_000,
    trustedProxies: ['127.0.0.1', '10.0.0.0/8'],
    forwardedHeader: true,
    overload: { loopDelayMs: 60_000 },
  },
  {
    tracing: {
      endpoint: 'http://127.0.0.1:9',
      sampleRatio: 1,
      trust: 'all',
      alwaysErrors: false,
      headers: { 'x-key': 'k' },
      serviceName: 's',
      resource: { a: 'b' },
      url: 'http://t/{traceId}',
    },
    rateLimits: { expectedGateways: 2, headers: 'x-ratelimit' },
    serviceLimit: { concurrent: 900, max: 950, queue: 90, queueMs: 500 },
    breaker: {
      ...{ failureRatio: 0.9, minimumRequests: 50, windowMs: 5_000, openMs: 400, maxOpenMs: 900 },
      ...{ slowCallMs: 9_000, statuses: [500], ejectLastNode: true },
    },
    clientLimits: {
      ...{ bodyBytes: 9_000, targetBytes: 4_000, bodyIdleTimeoutMs: 9_000, sendIdleTimeoutMs: 9_000 },
      ...{ minBytesPerSecond: 1, minRateGraceMs: 9_000, connections: 500, connectionsPerAddress: 0 },
      ...{ headerBytes: 9_000, headersTimeoutMs: 61_000, keepAliveTimeoutMs: 70_000 },
    },
  },
  {
    jwt: {
      secret: NEW,
      previous: [{ secret: OLD }],
      algorithms: ['HS256', 'HS512'],
      issuer: 'me',
      audience: 'you',
      issuers: [{ issuer: 'other', secret: 'the secret of another issuer, long enough' }],
      clockToleranceSeconds: 9,
      requireExpiry: false,
      maxLifetimeSeconds: 99_999,
      cookie: 'c',
      queryParameter: 'q',
      rolesClaim: 'groups',
      scopeClaim: 'scp',
      claimHeaders: { sub: 'x-subject' },
      jwks: { refreshSeconds: 99, cooldownSeconds: 9 },
      cacheSize: 9,
    },
    apiKeys: { header: 'x-other-key' },
    basic: { users: { anna: { password: cheapHash('x') } }, usersFile: join(folder, 'users.txt') },
  },
  {
    jwt: { secretFile: join(folder, 'secret.txt'), privateKeyFile: join(folder, 'private.pem') },
    serviceLimit: { adaptive: true, max: 950, queue: 90, queueMs: 5_000 },
  },
  {
    jwt: {
      publicKeyFile: join(folder, 'public.pem'),
      previous: [{ secretFile: join(folder, 'secret.txt') }],
    },
  },
  {
    routes: {
      auto: false,
      documents: { ...DOCUMENTS, more: { path: '/more', service: 'echo' } },
      policies: { web: { responseHeaders: { set: { 'x-set': '1' } } } },
      stickyCookie: { secret: 'the secret of cookies of tests, long enough', sameSite: 'none' },
      defaults: {
        ...{ timeoutMs: 9_000, retries: 1, tryTimeoutMs: 8_000, retryOn: [503], retryBufferBytes: 9 },
        ...{ balancer: 'least-request', healthCheck: { tcp: true }, slowStartMs: 9, rewriteLocation: false },
        clients: { allow: ['127.0.0.0/8'] },
        errors: { WG_NO_NODE: { headers: { 'x-error': '1' } } },
        compress: true,
        httpsOnly: true,
        securityHeaders: 'api',
        cors: { origins: ['https://a.example'] },
        requestLimits: { targetBytes: 4_000 },
        rateLimit: { limit: 900_000, windowSeconds: 60 },
        quota: { limit: 9_000_000, per: 'day', key: 'address', store: 'local' },
        concurrency: { limit: 900 },
        mock: { status: 200, percent: 0 },
        rewrite: { query: { remove: ['utm'] } },
        mirror: { service: 'nobody' },
        requestHeaders: { set: { 'x-request': '1' } },
        responseHeaders: { set: { 'x-response': '1' } },
      },
    },
  },
  { routes: { documents: DOCUMENTS, stickyCookie: { secretFile: join(folder, 'secret.txt') } } },
]

test('a reload of every option that it may change fails none of 10,000 requests', async t => {
  const { gateway, reload } = await setUp(t, BASE)
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  writeFileSync(join(gateway.cwd, 'public.pem'), publicKey.export({ type: 'spki', format: 'pem' }))
  writeFileSync(join(gateway.cwd, 'private.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
  writeFileSync(join(gateway.cwd, 'secret.txt'), OLD)
  writeFileSync(join(gateway.cwd, 'users.txt'), `otto:${cheapHash('x')}\n`)
  const steps = STEPS(gateway.cwd).map(step => ({ ...BASE, ...step }))
  const agent = new Agent({ keepAlive: true, maxSockets: 20 })
  const failures: string[] = []
  const headers = { authorization: sign(OLD), 'x-forwarded-proto': 'https' }
  let isOver = false
  let sent = 0
  const drive = async (path: string) => {
    while (!isOver || sent < 10_000) {
      sent++
      const { status, body } = await send(gateway.port, { path, headers, agent })
      if (status !== 200) failures.push(`${path} ${status} ${body}`)
    }
  }
  const load = Array.from({ length: 12 }, (_, i) => drive(['/open/x', '/private/x', '/stored/x'][i % 3]!))
  const changed = new Set<string>()
  for (const next of [...steps, BASE, ...steps, BASE]) {
    const before = sent
    const { changes, needsRestart } = await reload(next)
    assert.deepEqual(needsRestart, [])
    for (const { path } of changes) changed.add(path)
    await until('requests were answered since', () => sent >= before + 300)
  }
  isOver = true
  await Promise.all(load)
  agent.destroy()
  assert.deepEqual(failures.slice(0, 5), [], `${failures.length} of ${sent} failed`)
  assert.ok(sent >= 10_000)
  const covered = [...changed]
  const missing = FIELDS.filter(
    ({ path, reload }) => reload === 'live' && !covered.some(each => isIn(path, each)),
  )
  assert.deepEqual(
    missing.map(({ path }) => path),
    [],
    'each option was changed',
  )
})

/** Whether a change of `changed` is one of the option at `path`. */
function isIn(path: string, changed: string): boolean {
  const within = (inner: string, outer: string) =>
    inner === outer || (/^[.[]/.test(inner.slice(outer.length)) && inner.startsWith(outer))
  return within(path, changed) || within(changed, path)
}
