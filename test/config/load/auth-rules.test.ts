import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { ConfigError } from '../../../config/kit/problem.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { tempFolder } from '../temp-folder.ts'

const SECRET = '0123456789abcdef0123456789abcdef'
const HASH = '$scrypt$ln=14,r=8,p=5$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2g'
const { publicKey } = generateKeyPairSync('ed25519', {
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
const FILES = { 'key.pem': publicKey, short: 'short\n', users: `# people\nanna:${HASH}\n\nbert:${HASH}\n` }

function load(t: TestContext, document: object) {
  const cwd = tempFolder(t, { ...FILES, 'waygate.yaml': JSON.stringify(document) })
  return { cwd, ...loadConfig({ env: {}, cwd }) }
}

/** Its problems, without where the file is. */
function problemsOf(
  t: TestContext,
  document: object,
  files?: Readonly<Record<string, string>>,
): readonly string[] {
  const cwd = tempFolder(t, { ...FILES, ...files, 'waygate.yaml': JSON.stringify(document) })
  try {
    loadConfig({ env: {}, cwd })
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.problems.map(({ path, message }) => `${path}: ${message.replace(`${cwd}/`, '')}`)
  }
  return []
}

const issuer = (more: object) => ({ issuer: 'https://a', ...more })
const jwt = (...issuers: readonly object[]) => ({ jwt: { issuers } })

test('each issuer has a secret, a key file or the URL of a key set', t => {
  const { config, keys, warnings } = load(
    t,
    jwt(
      issuer({ secret: SECRET, audience: ['x'] }),
      { issuer: 'https://b', publicKeyFile: 'key.pem' },
      { issuer: 'https://c', jwksUrl: 'https://c/keys', algorithms: ['RS256'] },
      { issuer: 'https://d', jwksUrl: 'http://127.0.0.1:9/keys' },
      { issuer: 'https://e', jwksUrl: 'http://[::1]/keys' },
    ),
  )
  assert.equal(keys.jwt, undefined)
  assert.deepEqual(
    keys.issuers?.map(key => key?.algorithms),
    [['HS256', 'HS384', 'HS512'], ['EdDSA'], undefined, undefined, undefined],
  )
  assert.equal(config.jwt.issuers[2]?.jwksUrl, 'https://c/keys')
  assert.deepEqual(warnings, [])
})

const refused: readonly (readonly [document: object, ...problems: string[]])[] = [
  [jwt({ secret: SECRET }), '$.jwt.issuers[0].issuer: is missing'],
  [jwt(issuer({})), '$.jwt.issuers[0]: needs a key: one of secret, secretFile, publicKeyFile, jwksUrl'],
  [
    jwt(issuer({ secret: SECRET, jwksUrl: 'https://a/keys' })),
    '$.jwt.issuers[0].jwksUrl: must not be set together with secret',
  ],
  [
    jwt(issuer({ secret: SECRET }), issuer({ publicKeyFile: 'key.pem' })),
    '$.jwt.issuers[1].issuer: is already the issuer of jwt.issuers[0]',
  ],
  [
    { jwt: { secret: SECRET, issuer: ['https://a', 'https://b'], issuers: [issuer({ secret: SECRET })] } },
    '$.jwt.issuers[0].issuer: is already the issuer of jwt.issuer',
  ],
  [
    jwt(issuer({ jwksUrl: 'http://keys.example/' })),
    '$.jwt.issuers[0].jwksUrl: must be https, because keys could be replaced on their way over http (only loopback may be http)',
  ],
  [
    jwt(issuer({ jwksUrl: 'file:///etc/passwd' })),
    '$.jwt.issuers[0].jwksUrl: must be an https URL, not "file:///etc/passwd"',
  ],
  [jwt(issuer({ jwksUrl: 'keys' })), '$.jwt.issuers[0].jwksUrl: must be an https URL, not "keys"'],
  [
    jwt(issuer({ jwksUrl: 'https://me:secret@a/' })),
    '$.jwt.issuers[0].jwksUrl: must be a URL without user and fragment',
  ],
  [
    jwt(issuer({ jwksUrl: 'https://a/', algorithms: ['RS256', 'HS256'] })),
    '$.jwt.issuers[0].algorithms[1]: HS256 needs a secret, but key sets are public',
  ],
  [
    jwt(issuer({ publicKeyFile: 'key.pem', algorithms: ['HS256'] })),
    '$.jwt.issuers[0].algorithms[0]: HS256 does not fit a key of type ed25519: EdDSA',
  ],
  [
    jwt(issuer({ publicKeyFile: 'nowhere' })),
    '$.jwt.issuers[0].publicKeyFile: nowhere cannot be read: no such file',
  ],
  [jwt(issuer({ jwksURL: 'x' })), '$.jwt.issuers[0].jwksURL: is not a known field (did you mean "jwksUrl"?)'],
  [
    { jwt: { rolesClaim: '$.a[', claimHeaders: { '$.': 'x-a' } } },
    '$.jwt.rolesClaim: must be a claim, names joined by dots, or a JSON path such as $.a["b.c"][0], not "$.a["',
    '$.jwt.claimHeaders["$."]: must be a claim, names joined by dots, or a JSON path such as $.a["b.c"][0], not "$."',
  ],
  [
    { jwt: { cookie: 'a b', queryParameter: 'a=b' } },
    '$.jwt.cookie: must be a cookie name, not "a b"',
    '$.jwt.queryParameter: must be a name of A-Z a-z 0-9 . _ ~ -, not "a=b"',
  ],
  [
    { apiKeys: { enabled: true, header: 'Authorization' } },
    '$.apiKeys.header: must be a header of its own, not "Authorization"',
  ],
  ...[
    'Host',
    'cookie',
    'Content-Type',
    'X-Request-Id',
    'x-forwarded-for',
    'upgrade',
    'Proxy-Authorization',
  ].map(
    header =>
      [
        { apiKeys: { enabled: true, header }, jwt: { claimHeaders: { a: header } } },
        `$.apiKeys.header: must be a header of its own, not "${header}"`,
        `$.jwt.claimHeaders.a: must be a header of its own, not "${header}"`,
      ] as const,
  ),
  [
    { jwt: { claimHeaders: { a: 'Authorization', b: 'X-Real-Ip' } } },
    '$.jwt.claimHeaders.a: must be a header of its own, not "Authorization"',
    '$.jwt.claimHeaders.b: must be a header of its own, not "X-Real-Ip"',
  ],
  [
    {
      apiKeys: { enabled: true },
      jwt: { cookie: 'c', claimHeaders: { a: 'authorization', b: 'X-Api-Key' } },
    },
    '$.jwt.claimHeaders.b: must be a header of its own, not "X-Api-Key"',
  ],
  [
    { apiKeys: { enabled: true, prefix: '/waygate/' } },
    '$.apiKeys.prefix: must not overlap with discovery.routesPrefix: "/waygate/" and "/waygate/routes/"',
  ],
  [
    { apiKeys: { enabled: true, prefix: '/a/' }, jwt: { revocations: { enabled: true, prefix: '/a/b/' } } },
    '$.jwt.revocations.prefix: must not overlap with apiKeys.prefix: "/a/b/" and "/a/"',
  ],
  [
    { apiKeys: { enabled: true, prefix: '/keys' } },
    '$.apiKeys.prefix: must end with "/", because "/keys" is also the beginning of longer names',
  ],
  [
    { apiKeys: { enabled: true }, discovery: { registry: 'file', file: 'f' } },
    '$.apiKeys.enabled: needs etcd, but discovery.registry is "file"',
  ],
  [
    { routes: { documents: { a: { path: '/a', service: 'a', auth: ['jwt', 'api-key', { basic: {} }] } } } },
    '$.routes.documents.a.auth[1]: requires "api-key", which is not configured: set apiKeys.enabled',
    '$.routes.documents.a.auth[2]: requires "basic", which is not configured: set basic.users or basic.usersFile',
  ],
  [
    { basic: { users: { 'a:b': { password: HASH }, c: { password: 'plain' } } } },
    '$.basic.users["a:b"]: the name of a user must be 1 to 255 characters without colon',
    '$.basic.users.c.password: must be a hash that `waygate hash-password` prints: $scrypt$ln=...',
  ],
  [{ basic: { users: { a: {} } } }, '$.basic.users.a.password: is missing'],
]

for (const [document, ...problems] of refused) {
  test(`refused: ${JSON.stringify(document)}`, t => assert.deepEqual(problemsOf(t, document), problems))
}

test('users come from the configuration and from a file', t => {
  const { keys } = load(t, {
    basic: { usersFile: 'users', users: { carl: { password: HASH, roles: ['r'] } } },
  })
  assert.deepEqual([...keys.users!.keys()], ['carl', 'anna', 'bert'])
  assert.deepEqual(keys.users?.get('carl')?.roles, ['r'])
  assert.equal(keys.users?.get('anna')?.password.logCost, 14)
})

test('every invalid line of a users file is reported, and no hash is repeated', t => {
  const users = [`anna:${HASH}`, 'no colon', `anna:${HASH}`, 'bert:$2y$05$abc', `:${HASH}`].join('\n')
  assert.deepEqual(problemsOf(t, { basic: { usersFile: 'users' } }, { users }), [
    '$.basic.usersFile: users:2: must be name:hash',
    '$.basic.usersFile: users:3: anna is defined twice',
    '$.basic.usersFile: users:4: must be a hash that `waygate hash-password` prints: $scrypt$ln=...',
    '$.basic.usersFile: users:5: the name of a user must be 1 to 255 characters without colon',
  ])
  assert.deepEqual(problemsOf(t, { basic: { usersFile: 'nowhere' } }), [
    '$.basic.usersFile: nowhere cannot be read: no such file',
  ])
})

test('a short secret of an issuer causes a warning with its place', t => {
  assert.deepEqual(load(t, jwt(issuer({ secretFile: 'short' }))).warnings, [
    'jwt.issuers[0].secretFile has 5 bytes; below 32 it can be guessed from a token (RFC 7518 section 3.2)',
  ])
})

test('a previous key is one key beside a present one, with a time that exists', t => {
  const previous = (...keys: readonly object[]) => ({ jwt: { secret: SECRET, previous: keys } })
  assert.deepEqual(
    problemsOf(t, previous({ secret: SECRET }, { publicKeyFile: 'key.pem', until: '2099-01-31T12:00:00Z' })),
    [],
  )
  assert.deepEqual(
    problemsOf(
      t,
      previous(
        {},
        { secret: SECRET, secretFile: 'short' },
        { secretFile: 'none', until: '2099-02-31T25:00:00Z' },
      ),
    ),
    [
      '$.jwt.previous[0]: needs a key: one of secret, secretFile, publicKeyFile',
      '$.jwt.previous[1].secretFile: must not be set together with secret',
      '$.jwt.previous[2].until: is not an existing date and time',
      '$.jwt.previous[2].secretFile: none cannot be read: no such file',
    ],
  )
  assert.deepEqual(problemsOf(t, { jwt: { previous: [{ secret: SECRET }] } }), [
    '$.jwt.previous: needs a present key: set one of secret, secretFile, publicKeyFile beside it',
  ])
  const { warnings, keys } = load(t, previous({ secret: SECRET, until: '2020-01-01T00:00:00Z' }))
  assert.match(warnings.join('\n'), /jwt\.previous\[0\]\.until is past, so tokens of this key are refused/)
  assert.equal(keys.formerJwt?.[0]?.acceptedUntil, Date.UTC(2020, 0, 1))
})

test('an issuer has previous keys of its own, unless its keys are at a jwksUrl', t => {
  const { keys } = load(t, jwt(issuer({ secret: SECRET, previous: [{ secret: SECRET }] })))
  assert.equal(keys.issuers?.[0]?.former?.length, 1)
  assert.deepEqual(
    problemsOf(t, jwt(issuer({ jwksUrl: 'https://a.example', previous: [{ secret: SECRET }] }))),
    [
      '$.jwt.issuers[0].previous: must not be set together with jwksUrl: the key set itself says which keys count',
    ],
  )
  assert.deepEqual(problemsOf(t, jwt(issuer({ secret: SECRET, previous: [{}] }))), [
    '$.jwt.issuers[0].previous[0]: needs a key: one of secret, secretFile, publicKeyFile',
  ])
})
