import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ConfigError } from '../../../config/kit/problem.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { readRouteDocument } from '../../../config/route/read-route-document.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { tempFolder } from '../temp-folder.ts'
import { parseRule } from './parse-rule.ts'

/** Returns why a document with this field is refused. */
function reasonOf(field: string, rule: unknown): string {
  const parsed = parseRule(field, rule)
  assert.ok('reason' in parsed, `${JSON.stringify(rule)} was accepted`)
  return parsed.reason
}

const good: [field: string, rule: unknown][] = [
  ['rateLimit', { limit: 1 }],
  ['rateLimit', { limit: 100_000, windowSeconds: 1, burst: 1_000_000 }],
  ['rateLimit', { limit: 1, windowSeconds: 0.001 }],
  ['rateLimit', { limit: 1_000_000_000, windowSeconds: 86_400 }],
  ['rateLimit', { limit: 1_000, algorithm: 'exact', cost: 1_000 }],
  ['rateLimit', { limit: 5, key: ['address', { header: 'x-a' }], ipv6Prefix: 48, hidden: true }],
  ['rateLimit', { limit: 5, key: { claim: 'realm.tenant' }, stage: 'after', scope: 'set' }],
  ['rateLimit', { limit: 5, key: { query: 'q' }, stage: 'before' }],
  ['rateLimit', { limit: 5, store: 'shared', onStoreDown: 'refuse', onMissing: 'skip' }],
  ['rateLimit', Array.from({ length: 8 }, () => ({ limit: 1 }))],
  ['quota', { limit: 1, per: 'month', key: 'subject' }],
  ['quota', { limit: 1, per: 'hour', key: { header: 'x-key' }, store: 'local', onStoreDown: 'local' }],
  ['concurrency', { limit: 1 }],
  ['concurrency', { limit: 1, key: 'variant', webSockets: true, enforce: false }],
]
for (const [field, rule] of good) {
  test(`${field} may be ${JSON.stringify(rule)}`, () => {
    const parsed = parseRule(field, rule)
    assert.ok('route' in parsed, 'reason' in parsed ? parsed.reason : '')
    assert.deepEqual(parsed.route.policies, { [field]: [{ level: 'route', rule }] })
  })
}

const bad: [field: string, rule: unknown, reason: string | RegExp][] = [
  ['rateLimit', {}, '$.rateLimit.limit: is missing'],
  ['rateLimit', [], '$.rateLimit: must not be empty'],
  ['rateLimit', Array(9).fill({ limit: 1 }), /^\$\.rateLimit: must not have more than 8 items/],
  ['rateLimit', { limit: 0 }, '$.rateLimit.limit: must be >= 1, not 0'],
  ['rateLimit', { limit: 1.5 }, /^\$\.rateLimit\.limit: must be an integer/],
  ['rateLimit', { limit: 100_001 }, /^\$\.rateLimit\.limit: must be at most 100,000 a second/],
  ['rateLimit', { limit: 101, windowSeconds: 0.001 }, /at most 100,000 a second/],
  ['rateLimit', { limit: 5, windowSeconds: 86_401 }, /^\$\.rateLimit\.windowSeconds: must be <= 86400/],
  ['rateLimit', { limit: 5, burst: 51 }, '$.rateLimit.burst: must be at most 10 times the limit, 50, not 51'],
  [
    'rateLimit',
    { limit: 5, burst: 5, algorithm: 'fixed' },
    '$.rateLimit.burst: has no meaning with the algorithm "fixed"',
  ],
  [
    'rateLimit',
    { limit: 1_001, algorithm: 'exact' },
    '$.rateLimit.limit: must be at most 1000 with the algorithm "exact", not 1001',
  ],
  [
    'rateLimit',
    { limit: 5, burst: 3, cost: 4 },
    '$.rateLimit.cost: must not be above 3, or no such request could ever pass',
  ],
  [
    'rateLimit',
    { limit: 5, algorithm: 'fixed', cost: { byMethod: { GET: 1, POST: 6 } } },
    '$.rateLimit.cost.byMethod.POST: must not be above 5, or no such request could ever pass',
  ],
  [
    'rateLimit',
    { limit: 5, cost: { byMethod: { get: 1 } } },
    '$.rateLimit.cost.byMethod.get: must be a method in upper case, such as GET',
  ],
  ['rateLimit', { limit: 5, name: 'a"b' }, /^\$\.rateLimit\.name: must be 1 to 32 characters/],
  [
    'rateLimit',
    [
      { limit: 5, name: 'a' },
      { limit: 6, name: 'a' },
    ],
    '$.rateLimit[1].name: a is the name of another rule',
  ],
  [
    'rateLimit',
    [{ limit: 5, name: 'r1' }, { limit: 6 }],
    '$.rateLimit[1].name: r1 is the name of another rule',
  ],
  [
    'rateLimit',
    { limit: 5, key: 'subject', stage: 'before' },
    '$.rateLimit.stage: must be "after": the key is known only then',
  ],
  [
    'rateLimit',
    [{ limit: 5 }, { limit: 5, key: ['route', { header: 'X-Forwarded-For' }] }],
    '$.rateLimit[1].key[1].header: is a header that is never taken from a client',
  ],
  [
    'rateLimit',
    { limit: 5, key: { pathParameter: 'id' } },
    '$.rateLimit.key.pathParameter: is not a parameter of the path /',
  ],
  ['rateLimit', { limit: 5, key: { claim: '$.' } }, /^\$\.rateLimit\.key\.claim: must be a claim/],
  ['rateLimit', { limit: 5, key: 'consumer' }, /needs consumers, which do not exist yet: use subject/],
  ['rateLimit', { limit: 5, key: 'variant' }, /^\$\.rateLimit\.key: /],
  ['rateLimit', { limit: 5, key: { header: 'a', cookie: 'b' } }, /^\$\.rateLimit\.key/],
  ['rateLimit', { limit: 5, countStatuses: [99] }, /^\$\.rateLimit\.countStatuses\[0\]/],
  ['rateLimit', { limit: 5, ipv6Prefix: 16 }, /^\$\.rateLimit\.ipv6Prefix/],
  ['rateLimit', { limit: 5, groups: { gold: 10 } }, /^\$\.rateLimit\.groups: is not a known field/],
  ['quota', { limit: 1, per: 'month' }, '$.quota.key: is missing'],
  ['quota', { limit: 1, per: 'month', key: 'consumer' }, /needs consumers/],
  ['quota', { limit: 1, per: 'day', key: 'route', cost: 2 }, /^\$\.quota\.cost: must not be above 1/],
  ['concurrency', { limit: 5, key: 'consumer' }, /needs consumers/],
  ['concurrency', [{ limit: 5 }], /^\$\.concurrency/],
]
for (const [field, rule, reason] of bad) {
  test(`${field} must not be ${JSON.stringify(rule)}`, () => {
    const found = reasonOf(field, rule)
    if (typeof reason === 'string') assert.equal(found, reason)
    else assert.match(found, reason)
  })
}

test('a key that needs an identity is refused where the route has none', () => {
  const { problems } = readRouteDocument({
    path: '/',
    service: 's',
    auth: 'none',
    rateLimit: { limit: 1, key: 'subject' },
  })
  assert.deepEqual(problems, [
    { path: ['rateLimit', 'key'], message: 'needs an identity, but the route has auth: none' },
  ])
})

test('a shared rule is refused where the configuration has no store', () => {
  const document = { path: '/', service: 's' }
  const reasonsOf = (more: object, hasLimitStore: boolean) =>
    readRouteDocument({ ...document, ...more }, { hasLimitStore }).problems.map(({ path, message }) => [
      path.join('.'),
      message,
    ])
  const shared = { rateLimit: [{ limit: 1 }, { limit: 1, store: 'shared' }] }
  const cure = 'needs rateLimits.store in the configuration: set it, or use "local"'
  assert.deepEqual(reasonsOf(shared, false), [['rateLimit.1.store', cure]])
  assert.deepEqual(reasonsOf(shared, true), [])
  const quota = { quota: { limit: 1, per: 'day', key: 'route' } }
  assert.deepEqual(reasonsOf(quota, false), [['quota.store', `is "shared", which ${cure}`]])
  assert.deepEqual(reasonsOf({ quota: { ...quota.quota, store: 'local' } }, false), [])
  assert.deepEqual(reasonsOf(quota, true), [])
})

/** The warnings of a document with this field. */
function warningsOf(more: object, workers = 1): string[] {
  return readRouteDocument({ path: '/', service: 's', ...more }, { workers }).warnings.map(
    ({ path, message }) => `${path.join('.')}: ${message}`,
  )
}

test('a key that clients choose themselves is a warning, unless a rule by address stands beside it', () => {
  const byKey = { limit: 5, key: { header: 'x-api-key' } }
  assert.match(warningsOf({ rateLimit: byKey })[0]!, /^rateLimit\.key: is whatever a client sends/)
  assert.match(
    warningsOf({ rateLimit: [{ ...byKey, key: ['route', { cookie: 'c' }] }] })[0]!,
    /^rateLimit\.0\.key: /,
  )
  assert.deepEqual(warningsOf({ rateLimit: [byKey, { limit: 50 }] }), [])
  assert.deepEqual(warningsOf({ rateLimit: { ...byKey, key: ['address', { header: 'x-a' }] } }), [])
  assert.deepEqual(warningsOf({ rateLimit: { ...byKey, key: { claim: 'tenant' } } }), [])
})

test('so it is for a quota', () => {
  const quota = { limit: 5, per: 'day', key: { header: 'x-api-key' } }
  assert.match(warningsOf({ quota })[0]!, /^quota\.key: is whatever a client sends/)
  assert.deepEqual(warningsOf({ quota, rateLimit: { limit: 50 } }), [])
  assert.equal(warningsOf({ quota, rateLimit: { limit: 50, key: 'route' } }).length, 1)
  assert.equal(warningsOf({ quota, rateLimit: false }).length, 1)
  assert.deepEqual(warningsOf({ quota: { ...quota, key: 'subject' } }), [])
})

test('what several workers count each by itself is a warning', () => {
  const local = { limit: 5, per: 'day', key: 'route', store: 'local' }
  assert.deepEqual(warningsOf({ rateLimit: { limit: 5 }, quota: local, concurrency: { limit: 1 } }), [])
  const found = warningsOf({ rateLimit: { limit: 5 }, quota: local, concurrency: { limit: 1 } }, 4)
  assert.deepEqual(
    found.map(text => text.split(':')[0]),
    ['rateLimit', 'quota', 'concurrency'],
  )
  assert.match(found[0]!, /counts in each of the 4 workers by itself.*4 times the limit/)
  assert.deepEqual(warningsOf({ rateLimit: { limit: 5, store: 'shared' } }, 4), [])
})

function load(
  t: Parameters<typeof tempFolder>[0],
  document: object,
  files: Readonly<Record<string, string>> = {},
) {
  return loadConfig({ env: {}, cwd: tempFolder(t, { 'waygate.yaml': JSON.stringify(document), ...files }) })
}

function problemsOf(
  t: Parameters<typeof tempFolder>[0],
  store: object,
  files?: Readonly<Record<string, string>>,
) {
  try {
    load(t, { rateLimits: { store } }, files)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems.map(({ path, message }) => `${path}: ${message}`)
  }
  return []
}

const at = '$.rateLimits.store'
const stores: [store: object, problems: string[]][] = [
  [{ url: 'redis://127.0.0.1:6379' }, []],
  [{ url: 'redis://[::1]:6379/15', timeoutMs: 50, retryMs: 500, prefix: 'gw:' }, []],
  [{ url: 'rediss://cache.example', tls: {} }, []],
  [{ urls: ['redis://a:1', 'redis://b:1'], cluster: true }, []],
  [{ url: 'redis://a:1', prefix: '{w}:' }, []],
  [
    { urls: ['redis://a:1'], cluster: true, prefix: '{w}:' },
    [`${at}.prefix: must not have "{": in a cluster, what follows it would decide alone where a key is kept`],
  ],
  [{}, [`${at}.url: is missing: say where the store is, such as redis://127.0.0.1:6379`]],
  [{ url: 'http://a' }, [`${at}.url: must be like redis://10.0.0.7:6379/0, not "http://a"`]],
  [{ url: 'redis://' }, [`${at}.url: must be like redis://10.0.0.7:6379/0, not "redis://"`]],
  [{ url: 'redis://u:secret@a' }, [`${at}.url: must not hold a user: set username and passwordFile`]],
  [{ url: 'redis://u:secret@a?x' }, [`${at}.url: must be like redis://10.0.0.7:6379/0`]],
  [{ url: 'redis://a', urls: ['redis://b'], cluster: true }, [`${at}.urls: must not be there beside url`]],
  [{ urls: ['redis://a'] }, [`${at}.urls: is for a cluster: set cluster to true`]],
  [{ url: 'redis://a', cluster: true }, [`${at}.urls: is missing: cluster needs it in place of url`]],
  [{ urls: ['redis://a/1'], cluster: true }, [`${at}.urls[0]: must not name a database: a cluster has one`]],
  [
    { urls: ['redis://a', 'rediss://b'], cluster: true },
    [`${at}.urls: must be either all redis:// or all rediss://`],
  ],
  [
    { url: 'redis://a', tls: {} },
    [`${at}.tls: needs an address that begins with rediss://, and there is none`],
  ],
  [{ url: 'redis://a', username: 'u' }, [`${at}.passwordFile: is missing: username needs it`]],
  [{ url: 'redis://a', timeoutMs: 0 }, [`${at}.timeoutMs: must be >= 1, not 0`]],
]
for (const [store, problems] of stores) {
  test(`rateLimits.store ${JSON.stringify(store)} has ${problems.length === 0 ? 'no' : 'a'} problem`, t => {
    assert.deepEqual(problemsOf(t, store), problems)
  })
}

test('the password and the files of TLS are read at the start', t => {
  const authority = makeAuthority(t)
  const pair = authority.issue('gateway')
  const other = authority.issue('other')
  const store = {
    url: 'rediss://a',
    username: 'waygate',
    passwordFile: 'password',
    tls: { caFile: authority.ca, certFile: pair.cert, keyFile: pair.key },
  }
  const files = { password: 'a secret\n' }
  const { keys, config } = load(t, { rateLimits: { store } }, files)
  assert.equal(keys.limitStore?.password, 'a secret')
  assert.equal(keys.limitStore?.ca, authority.pem)
  assert.equal(keys.limitStore?.cert, readFileSync(pair.cert, 'utf8'))
  assert.match(keys.limitStore?.key ?? '', /^-----BEGIN PRIVATE KEY-----/)
  assert.equal(config.rateLimits.store?.timeoutMs, 25)
  assert.equal(config.rateLimits.store?.prefix, 'waygate:')
  assert.equal(load(t, { rateLimits: { store: { url: 'redis://a' } } }).keys.limitStore, undefined)
  const [missing] = problemsOf(t, { url: 'redis://a', passwordFile: 'nowhere' })
  assert.match(missing!, /^\$\.rateLimits\.store\.passwordFile: .*nowhere cannot be read/)
  assert.match(
    problemsOf(t, { ...store, tls: { caFile: 'ca.pem' } }, { ...files, 'ca.pem': 'x' })[0]!,
    /store\.tls\.caFile: .*ca\.pem does not hold/,
  )
  assert.match(
    problemsOf(t, { ...store, tls: { certFile: pair.cert, keyFile: other.key } }, files)[0]!,
    /store\.tls\.certFile: .*gateway\.crt with .*other\.key: the private key is not that of the certificate/,
  )
  assert.match(problemsOf(t, store, { ...files, password: '\n' })[0]!, /is empty, but must hold a password/)
  assert.match(
    problemsOf(t, { ...store, tls: { certFile: 'cert.pem' } }, files)[0]!,
    /keyFile: is missing: certFile needs it/,
  )
})

test('routes.defaults are judged with what the configuration has', t => {
  const defaults = { quota: { limit: 1, per: 'day', key: 'route' } }
  assert.throws(
    () => load(t, { routes: { defaults } }),
    /\$\.routes\.defaults\.quota\.store: is "shared", which needs/,
  )
  const { config, warnings } = load(t, {
    routes: { defaults: { ...defaults, rateLimit: [{ limit: 5 }] } },
    rateLimits: { store: { url: 'redis://a' } },
    workers: 2,
  })
  assert.equal(config.routes.defaults.rateLimit !== undefined, true)
  assert.match(
    warnings.join('\n'),
    /\$\.routes\.defaults\.rateLimit\[0\] \(.*waygate\.yaml.*\) counts in each of the 2 workers/,
  )
})

test('rules of sets and defaults apply beside those of the document, with their level', () => {
  const rule = (limit: number) => ({ limit })
  const parsed = parseRule('rateLimit', [rule(1), rule(2)], { rateLimit: rule(3) })
  assert.ok('route' in parsed)
  assert.deepEqual(parsed.route.policies?.rateLimit, [
    { level: 'defaults', rule: rule(3) },
    { level: 'route', rule: [rule(1), rule(2)] },
  ])
})
