import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from '../../../config/kit/problem.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { tempFolder } from '../temp-folder.ts'
import { parseRule } from './parse-rule.ts'

function policiesOf(cors: unknown, defaults?: object) {
  const parsed = parseRule('cors', cors, defaults)
  assert.ok('route' in parsed, 'reason' in parsed ? parsed.reason : '')
  return parsed.route.policies
}

function reasonOf(cors: unknown): string {
  const parsed = parseRule('cors', cors)
  assert.ok('reason' in parsed, `${JSON.stringify(cors)} was accepted`)
  return parsed.reason
}

const APP = 'https://app.example.com'

const accepted: object[] = [
  { origins: [APP] },
  { origins: ['*'] },
  { origins: ['null'] },
  { origins: [APP, 'https://*.example.com', '*.example.org', 'http://localhost:*', 'null'] },
  { origins: ['http://[::1]:3000', 'http://127.0.0.1:3000', 'capacitor://localhost'] },
  { origins: ['*'], methods: ['*'], headers: ['*'], exposeHeaders: ['*'] },
  { origins: ['*'], headers: 'echo', maxAgeSeconds: 0 },
  { origins: ['*'], headers: [], exposeHeaders: [] },
  {
    origins: [APP],
    methods: ['GET', 'M-SEARCH'],
    headers: ['content-type', 'X-Tenant'],
    exposeHeaders: ['Link'],
    credentials: true,
    maxAgeSeconds: 86_400,
    strict: true,
  },
]

for (const cors of accepted) {
  test(`accepted: cors ${JSON.stringify(cors)}`, () => assert.deepEqual(policiesOf(cors), { cors }))
}

const NO_ORIGIN =
  'must be an origin such as "https://app.example.com", "https://*.example.com", "http://localhost:*", "null" or "*", not'

const refused: [cors: unknown, reason: string][] = [
  [true, '$.cors: must be an object such as {"origins": ...} or false, not true'],
  [null, '$.cors: must be an object such as {"origins": ...} or false, not null'],
  ['*', '$.cors: must be an object such as {"origins": ...} or false, not "*"'],
  [{}, '$.cors.origins: is missing'],
  [{ origins: [] }, '$.cors.origins: must not be empty'],
  [{ origins: '*' }, '$.cors.origins: must be a list, not "*"'],
  [{ origins: [null] }, '$.cors.origins[0]: must be a string, not null'],
  [{ origin: ['*'], origins: ['*'] }, '$.cors.origin: is not a known field (did you mean "origins"?)'],
  ...[
    '',
    'app.example.com',
    `${APP}/`,
    `${APP}/x`,
    'https://*',
    'https://a.*.example',
    '*.',
    'localhost:*',
  ].map((origin): [unknown, string] => [
    { origins: [APP, origin] },
    `$.cors.origins[1]: ${NO_ORIGIN} ${JSON.stringify(origin)}`,
  ]),
  [{ origins: [APP, '*'] }, '$.cors.origins[1]: "*" must stand alone'],
  [{ origins: ['*'], methods: [] }, '$.cors.methods: must not be empty'],
  [
    { origins: ['*'], methods: ['GET', 'get'] },
    '$.cors.methods[1]: must be a method name in upper case, such as GET, not "get"',
  ],
  [
    { origins: ['*'], methods: ['GET, POST'] },
    '$.cors.methods[0]: must be a method name in upper case, such as GET, not "GET, POST"',
  ],
  [{ origins: ['*'], headers: 'all' }, '$.cors.headers: must be "echo" or a list, not "all"'],
  [{ origins: ['*'], headers: ['a b'] }, '$.cors.headers[0]: must be a header name, not "a b"'],
  [
    { origins: ['*'], exposeHeaders: ['x\r\nset-cookie: a=b'] },
    '$.cors.exposeHeaders[0]: must be a header name, not "x\\r\\nset-cookie: a=b"',
  ],
  [{ origins: ['*'], maxAgeSeconds: -1 }, '$.cors.maxAgeSeconds: must be >= 0, not -1'],
  [{ origins: ['*'], maxAgeSeconds: 86_401 }, '$.cors.maxAgeSeconds: must be <= 86400, not 86401'],
  [{ origins: ['*'], maxAgeSeconds: 1.5 }, '$.cors.maxAgeSeconds: must be an integer, not 1.5'],
  [{ origins: ['*'], strict: 'yes' }, '$.cors.strict: must be true or false, not "yes"'],
]

for (const [cors, reason] of refused) {
  test(`refused: cors ${JSON.stringify(cors)}`, () => assert.equal(reasonOf(cors), reason))
}

test('cors: credentials with * is refused when read', () => {
  const message = 'must not be "*" with credentials'
  assert.equal(
    reasonOf({ origins: ['*'], credentials: true }),
    '$.cors.credentials: must not be true with the origin "*"',
  )
  assert.equal(
    reasonOf({ origins: [APP, 'null'], credentials: true }),
    '$.cors.credentials: must not be true with the origin "null"',
  )
  const wildcards = { methods: ['GET', '*'], headers: ['*'], exposeHeaders: ['Link', '*'] }
  assert.equal(
    reasonOf({ origins: [APP], credentials: true, ...wildcards }),
    `$.cors.methods[1]: ${message}; $.cors.headers[0]: ${message}; $.cors.exposeHeaders[1]: ${message}`,
  )
  policiesOf({ origins: [APP, 'null'], credentials: false, ...wildcards })
})

test('a list has at most 1,000 origins', () => {
  const origins = Array.from({ length: 1_001 }, (_, i) => `https://a${i}.example`)
  policiesOf({ origins: origins.slice(1) })
  assert.match(reasonOf({ origins }), /^\$\.cors\.origins: .*1000/)
})

test('the rule of the document replaces that of routes.defaults as a whole, and false keeps neither', () => {
  const outer = { origins: ['*'], maxAgeSeconds: 5 }
  const own = { origins: [APP] }
  assert.deepEqual(policiesOf(own, { cors: outer }), { cors: own })
  assert.deepEqual(policiesOf(undefined, { cors: outer }), { cors: outer })
  assert.equal(policiesOf(false, { cors: outer }), undefined)
})

test('routes.defaults and routes.documents of a configuration are read by the same rules', t => {
  const load = (document: object) =>
    loadConfig({ env: {}, cwd: tempFolder(t, { 'waygate.yaml': JSON.stringify(document) }) })
  const { config, warnings } = load({ routes: { defaults: { cors: { origins: [APP] } } } })
  assert.deepEqual(config.routes.defaults.cors, { origins: [APP] })
  assert.deepEqual(warnings, [])
  const cors = { origins: ['*'], credentials: true }
  const routes = { defaults: { cors }, documents: { a: { path: '/', service: 's', cors } } }
  assert.throws(
    () => load({ routes }),
    error => {
      assert.ok(error instanceof ConfigError)
      const message = 'must not be true with the origin "*"'
      assert.deepEqual(
        error.problems.map(problem => [problem.path, problem.message]),
        [
          ['$.routes.defaults.cors.credentials', message],
          ['$.routes.documents.a.cors.credentials', message],
        ],
      )
      return true
    },
  )
})
