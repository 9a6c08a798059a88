import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ConfigError } from '../../../config/kit/problem.ts'
import { type LoadOptions, loadConfig } from '../../../config/load/load.ts'
import { ConfigSchema } from '../../../config/schema.ts'
import { tempFolder } from '../temp-folder.ts'

/** The lines of the error that loading ends with. */
function problemsOf(t: TestContext, yaml: string | undefined, options: Partial<LoadOptions> = {}): string[] {
  const cwd = tempFolder(t, yaml === undefined ? {} : { 'waygate.yaml': yaml })
  try {
    loadConfig({ env: {}, cwd, ...options })
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.message.split('\n').map(line => line.replaceAll(cwd, 'CWD'))
  }
  assert.fail('it was accepted')
}

test('without a file, an environment and options the defaults apply, without warnings', t => {
  const cwd = tempFolder(t)
  const { config, keys, warnings, file, sourceOf } = loadConfig({ env: { PATH: '/bin' }, cwd })
  assert.deepEqual(warnings, [])
  assert.deepEqual(keys, {})
  assert.equal(file, undefined)
  assert.equal(sourceOf('port'), 'default')
  assert.deepEqual(
    [config.host, config.port, config.adminHost, config.adminPort, config.workers, config.logLevel],
    ['0.0.0.0', 8080, '127.0.0.1', 9180, 1, 'info'],
  )
  assert.equal(config.dataDir, join(cwd, '.waygate'))
  assert.deepEqual(config.etcd, { embedded: '127.0.0.1:2379', embeddedMemory: false })
  assert.deepEqual(config.discovery, {
    registry: 'etcd',
    servicesPrefix: '/services/',
    routesPrefix: '/waygate/routes/',
    policiesPrefix: '/waygate/policies/',
    descriptorsPrefix: '/waygate/descriptors/',
    certificatesPrefix: '/waygate/certificates/',
    acmePrefix: '/waygate/acme/',
    format: 'auto',
    sources: [],
    allowedAddresses: [],
    suspectGraceMs: 60_000,
  })
  assert.deepEqual(config.routes, {
    auto: true,
    defaults: {
      timeoutMs: 15_000,
      retries: null,
      balancer: 'weighted-round-robin',
      tryTimeoutMs: null,
      retryOn: [502, 503, 504],
      retryBufferBytes: 65_536,
      healthCheck: null,
      slowStartMs: 0,
      rewriteLocation: true,
    },
    stickyCookie: { sameSite: 'lax' },
    policies: {},
    documents: {},
  })
})

test('a stronger layer wins field by field: command line, environment, file, defaults', t => {
  const cwd = tempFolder(t, {
    'waygate.yaml': 'host: 127.0.0.1\nport: 1001\nadminPort: 1002\nworkers: 2\n',
  })
  const { config, file, sourceOf } = loadConfig({
    env: { WAYGATE_PORT: '2001', WAYGATE_ADMIN_PORT: '2002' },
    flags: [{ path: 'adminPort', value: 3002, source: 'option --admin-port' }],
    cwd,
  })
  assert.equal(file, 'waygate.yaml')
  assert.deepEqual(
    [config.host, config.port, config.adminPort, config.workers, config.drainMs],
    ['127.0.0.1', 2001, 3002, 2, 1000],
  )
  assert.deepEqual(['host', 'port', 'adminPort', 'workers', 'drainMs'].map(sourceOf), [
    'waygate.yaml:1',
    'environment WAYGATE_PORT',
    'option --admin-port',
    'waygate.yaml:4',
    'default',
  ])
})

test('fields that a section of the file leaves out keep their defaults', t => {
  const cwd = tempFolder(t, { 'waygate.yaml': 'breaker: { openMs: 1234 }' })
  const { config, sourceOf } = loadConfig({ env: {}, cwd })
  const { breaker } = config
  assert.deepEqual([sourceOf('breaker.openMs'), sourceOf('breaker.windowMs')], ['waygate.yaml:1', 'default'])
  assert.deepEqual(breaker, {
    failureRatio: 0.5,
    minimumRequests: 10,
    windowMs: 10_000,
    openMs: 1234,
    maxOpenMs: 30_000,
    slowCallMs: null,
    statuses: null,
    ejectLastNode: false,
  })
})

test('every variable of the environment reaches its field', t => {
  const cwd = tempFolder(t, { 'ca.pem': PEM, 'cert.pem': PEM, 'key.pem': PEM })
  const { config, keys, warnings } = loadConfig({
    cwd,
    env: {
      WAYGATE_HOST: '127.0.0.2',
      WAYGATE_PORT: '0',
      WAYGATE_ADMIN_HOST: '0.0.0.0',
      WAYGATE_ADMIN_PORT: ' 7 ',
      WAYGATE_ADMIN_TOKEN: 't0ken',
      WAYGATE_ETCD: 'https://a:2379, https://b:2379',
      WAYGATE_ETCD_USER: 'u',
      WAYGATE_ETCD_PASSWORD: 'p',
      WAYGATE_ETCD_CA: 'ca.pem',
      WAYGATE_ETCD_CERT: 'cert.pem',
      WAYGATE_ETCD_KEY: 'key.pem',
      WAYGATE_SERVICES_PREFIX: '/s/',
      WAYGATE_ROUTES_PREFIX: '/r/',
      WAYGATE_WORKERS: '3',
      WAYGATE_DATA_DIR: 'data',
      WAYGATE_JWT_SECRET: '0123456789abcdef0123456789abcdef',
      WAYGATE_JWT_ALGORITHMS: 'HS512,HS256',
      WAYGATE_JWT_ISSUER: 'i1,i2',
      WAYGATE_JWT_AUDIENCE: 'a1',
      WAYGATE_LOG_LEVEL: 'trace',
    },
  })
  assert.deepEqual(warnings, [])
  assert.deepEqual(
    [config.host, config.port, config.adminHost, config.adminPort, config.adminToken, config.workers],
    ['127.0.0.2', 0, '0.0.0.0', 7, 't0ken', 3],
  )
  assert.deepEqual(config.etcd.endpoints, ['https://a:2379', 'https://b:2379'])
  assert.deepEqual([config.etcd.user, config.etcd.password], ['u', 'p'])
  assert.deepEqual(Object.values(keys.etcdTls ?? {}).map(String), [PEM, PEM, PEM])
  assert.deepEqual([config.discovery.servicesPrefix, config.discovery.routesPrefix], ['/s/', '/r/'])
  assert.deepEqual([config.dataDir, config.logLevel], [join(cwd, 'data'), 'trace'])
  assert.deepEqual(keys.jwt?.algorithms, ['HS512', 'HS256'])
  assert.deepEqual([config.jwt.issuer, config.jwt.audience], [['i1', 'i2'], ['a1']])
})

const PEM = '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n'

test('the configuration is deeply frozen', t => {
  const cwd = tempFolder(t, {
    'waygate.yaml': 'routes: { documents: { a: { path: /a, service: a, methods: [GET] } } }',
  })
  const { config } = loadConfig({ env: {}, cwd })
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    assert.ok(Object.isFrozen(value))
    Object.values(value).forEach(walk)
  }
  walk(config)
  assert.equal(config.routes.documents.a?.methods?.[0], 'GET')
})

test('all problems are reported at once, each with its source, line and path', t => {
  const yaml = [
    'port: 99999',
    'adminHsot: 127.0.0.1',
    'etcd: { endpoints: [http://a:1, 5] }',
    'routes:',
    '  documents:',
    '    users:',
    '      path: users',
    '      service: user',
    '      methods: [get]',
    '      auth: jwtt',
    'breaker:',
    '  failureRatio: 0',
    'clientLimits: 5',
  ].join('\n')
  const problems = problemsOf(t, yaml, {
    env: { WAYGATE_WORKERS: 'many' },
    flags: [{ path: 'logLevel', value: 'inof', source: 'option --log-level' }],
  })
  assert.deepEqual(problems.sort(), [
    'environment WAYGATE_WORKERS: $.workers: must be an integer, not "many"',
    'option --log-level: $.logLevel: must be "fatal", "error", "warn", "info", "debug", "trace" or "silent", not "inof" (did you mean "info"?)',
    'waygate.yaml:10: $.routes.documents.users.auth: must be "jwt", "api-key", "basic", "mtls", "none", an object such as {"jwt": ...} or a list, not "jwtt" (did you mean "jwt"?)',
    'waygate.yaml:12: $.breaker.failureRatio: must be > 0, not 0',
    'waygate.yaml:13: $.clientLimits: must be an object, not an integer',
    'waygate.yaml:1: $.port: must be <= 65535, not 99999',
    'waygate.yaml:2: $.adminHsot: is not a known field (did you mean "adminHost"?)',
    'waygate.yaml:3: $.etcd.endpoints[1]: must be a string, not 5',
    'waygate.yaml:7: $.routes.documents.users.path: must start with "/"',
    'waygate.yaml:9: $.routes.documents.users.methods[0]: must be a method name in upper case, such as GET, not "get"',
  ])
})

test('more than a hundred problems are all reported', t => {
  const yaml = Array.from({ length: 150 }, (_, index) => `unknown${index}: 1`).join('\n')
  assert.equal(problemsOf(t, yaml).length, 150)
})

const refused: [what: string, yaml: string, problems: (string | RegExp)[]][] = [
  ['YAML that does not parse', 'port: 1\nhost: [a', [/^waygate\.yaml:2:\d+: \w/]],
  ['a key said twice', 'port: 1\nport: 2', [/^waygate\.yaml:2:1: Map keys must be unique/]],
  ['a list at the top', '[1]', ['waygate.yaml:1: $: must be an object, not a list']],
  ['a key called __proto__', '__proto__: { port: 5 }', ['waygate.yaml:1: $.__proto__: is a reserved name']],
  ['aliases that explode', bomb(), [/^waygate\.yaml: Excessive alias count/]],
  [
    'an address for nodes that is none',
    'discovery:\n  allowedAddresses: [10.0.0.0/8, nodes]',
    ['waygate.yaml:2: $.discovery.allowedAddresses[1]: must be an IP address or a CIDR range, not "nodes"'],
  ],
  [
    'a proxy that is no address',
    'trustedProxies: [10.0.0.0/8, 10.0.0.0/33, proxy]',
    [
      'waygate.yaml:1: $.trustedProxies[1]: must be an IP address or a CIDR range, not "10.0.0.0/33"',
      'waygate.yaml:1: $.trustedProxies[2]: must be an IP address or a CIDR range, not "proxy"',
    ],
  ],
  [
    'a load balancer that is no address',
    'proxyProtocol: { from: [10.0.0.1, lb.example] }',
    ['waygate.yaml:1: $.proxyProtocol.from[1]: must be an IP address or a CIDR range, not "lb.example"'],
  ],
  [
    'a limit of two kinds',
    'serviceLimit: { concurrent: 5, adaptive: true }',
    [
      'waygate.yaml:1: $.serviceLimit.adaptive: must not be true together with concurrent: a limit is either fixed or adaptive',
    ],
  ],
  [
    'a loop delay below 0',
    'overload: { loopDelayMs: -1 }',
    ['waygate.yaml:1: $.overload.loopDelayMs: must be >= 0, not -1'],
  ],
  [
    'an endpoint with a user',
    'etcd: { endpoints: ["http://u:p@a:1"] }',
    [/endpoints\[0\]: must be like http/],
  ],
  [
    'an endpoint without a port behind its colon',
    'etcd: { endpoints: ["http://a:"] }',
    [/endpoints\[0\]: must be like http/],
  ],
  ['an endpoint without scheme', 'etcd: { endpoints: ["a:2379"] }', [/endpoints\[0\]: must be like http/]],
  [
    'endpoints of two protocols',
    'etcd:\n  endpoints: ["https://a:1", "a:2", "http://b:1"]',
    [
      /endpoints\[1\]: must be like http/,
      'waygate.yaml:2: $.etcd.endpoints[2]: must begin with https:// like those before it: members are either all http or all https',
    ],
  ],
  [
    'a certificate for endpoints without TLS',
    'etcd: { endpoints: ["http://a:1"], ca: waygate.yaml } # -----BEGIN CERTIFICATE-----',
    ['waygate.yaml:1: $.etcd.ca: needs endpoints that begin with https://, and there are none'],
  ],
  [
    'a certificate for the embedded etcd',
    'etcd: { ca: waygate.yaml } # -----BEGIN CERTIFICATE-----',
    [/\$\.etcd\.ca: needs endpoints that begin with https/],
  ],
  ['an embedded etcd off loopback', 'etcd: { embedded: "0.0.0.0:2379" }', [/embedded: must be on loopback/]],
  ['an embedded etcd without port', 'etcd: { embedded: localhost }', [/embedded: must be host:port/]],
  [
    'a user without password',
    'etcd: { user: u }',
    ['waygate.yaml:1: $.etcd.password: is missing: user needs it'],
  ],
  ['a prefix without slash', 'discovery: { servicesPrefix: /s }', [/servicesPrefix: must end with "\/"/]],
  [
    'a source inside another',
    'discovery: { sources: [{ prefix: /a/ }, { prefix: /a/b/ }] }',
    [/sources\[1\]\.prefix: must not overlap with discovery\.sources\[0\]\.prefix/],
  ],
  [
    'a source of all keys',
    'discovery: { sources: [{ prefix: / }] }',
    [/sources\[0\]\.prefix: must contain a name/],
  ],
  [
    'a source with services and routes below it',
    'discovery: { servicesPrefix: /a/s/, routesPrefix: /a/r/, sources: [{ prefix: /a/ }] }',
    [/sources\[0\]\.prefix: must not overlap with discovery\.routesPrefix/],
  ],
  [
    'descriptors among nodes and routes',
    'discovery: { descriptorsPrefix: /waygate/routes/descriptors/ }\napiKeys: { enabled: true, prefix: /waygate/routes/ }',
    [
      'waygate.yaml:1: $.discovery.descriptorsPrefix: must not overlap with discovery.routesPrefix: "/waygate/routes/descriptors/" and "/waygate/routes/"',
      /^waygate\.yaml:2: \$\.apiKeys\.prefix: must not overlap with discovery\.routesPrefix/,
    ],
  ],
  [
    'a prefix of descriptors that is also the beginning of another name',
    'discovery: { descriptorsPrefix: /d }',
    [/descriptorsPrefix: must end with "\/"/],
  ],
  [
    'API keys among descriptors',
    'discovery: { descriptorsPrefix: /d/ }\napiKeys: { enabled: true, prefix: /d/keys/ }',
    [/\$\.apiKeys\.prefix: must not overlap with discovery\.descriptorsPrefix/],
  ],
  ['prefixes inside each other', 'discovery: { routesPrefix: /services/r/ }', [/must not overlap/]],
  [
    'the file registry without a file',
    'discovery: { registry: file }',
    ['waygate.yaml:1: $.discovery.file: is missing: the registry "file" needs it'],
  ],
  [
    'a file of services that nobody reads',
    'discovery: { file: services.yaml }',
    [/^waygate\.yaml:1: \$\.discovery\.file: is only used by the registry "file"/],
  ],
  [
    'both listeners on one port',
    'port: 9000\nadminPort: 9000',
    [/^waygate.yaml:2: \$.adminPort: must not be 9000, which is/],
  ],
  [
    'two sources of a key',
    'jwt: { secret: a, publicKeyFile: b }',
    [/publicKeyFile: must not be set together/, /./],
  ],
]

for (const [what, yaml, expected] of refused) {
  test(`${what} is refused`, t => {
    const problems = problemsOf(t, yaml)
    assert.equal(problems.length, expected.length, problems.join('\n'))
    for (const [index, line] of expected.entries()) {
      if (typeof line === 'string') assert.equal(problems[index], line)
      else assert.match(problems[index] ?? '', line)
    }
  })
}

function bomb(): string {
  const levels = Array.from({ length: 9 }, (_, level) => {
    const items =
      level === 0
        ? 'x'
        : Array(9)
            .fill(`*a${level - 1}`)
            .join(', ')
    return `a${level}: &a${level} [${items}]`
  })
  return levels.join('\n')
}

test('a relative path of the services file starts at the working directory', t => {
  const cwd = tempFolder(t, { 'waygate.yaml': 'discovery: { registry: file, file: ./services.yaml }' })
  const { discovery } = loadConfig({ env: {}, cwd }).config
  assert.deepEqual([discovery.registry, discovery.file], ['file', join(cwd, 'services.yaml')])
})

test('an admin listener off loopback needs a token', t => {
  const [problem, ...more] = problemsOf(t, 'adminHost: 0.0.0.0')
  assert.match(problem ?? '', /^waygate\.yaml:1: \$\.adminHost: .*WAYGATE_ADMIN_TOKEN/)
  assert.deepEqual(more, [])
  const cwd = tempFolder(t, { 'waygate.yaml': 'adminHost: 0.0.0.0' })
  assert.equal(loadConfig({ env: { WAYGATE_ADMIN_TOKEN: 'x' }, cwd }).config.adminToken, 'x')
})

test('an empty variable counts as absent, except where a protection would be dropped', t => {
  const cwd = tempFolder(t)
  assert.equal(loadConfig({ env: { WAYGATE_PORT: '', WAYGATE_CONFIG: '' }, cwd }).config.port, 8080)
  assert.deepEqual(problemsOf(t, undefined, { env: { WAYGATE_JWT_SECRET: '', WAYGATE_ADMIN_TOKEN: ' ' } }), [
    'environment WAYGATE_ADMIN_TOKEN: $.adminToken: must not be empty; unset the variable to do without it',
    'environment WAYGATE_JWT_SECRET: $.jwt.secret: must not be empty; unset the variable to do without it',
  ])
})

test('a list variable of nothing but commas is refused', t => {
  assert.deepEqual(problemsOf(t, undefined, { env: { WAYGATE_JWT_AUDIENCE: ',' } }), [
    'environment WAYGATE_JWT_AUDIENCE: $.jwt.audience: must not be empty',
  ])
})

test('an unknown variable that begins with WAYGATE_ causes a warning', t => {
  const { warnings } = loadConfig({ env: { WAYGATE_PROT: '1' }, cwd: tempFolder(t) })
  assert.deepEqual(warnings, [
    'environment WAYGATE_PROT is not a variable of Waygate (did you mean "WAYGATE_PORT"?)',
  ])
})

test('a file that is named must exist, and WAYGATE_CONFIG names one unless the command line does', t => {
  assert.deepEqual(problemsOf(t, undefined, { file: 'nope.yaml' }), [
    'nope.yaml: cannot be read: no such file',
  ])
  assert.deepEqual(problemsOf(t, 'port: 1', { env: { WAYGATE_CONFIG: 'nope.json' } }), [
    'nope.json: cannot be read: no such file',
  ])
  const cwd = tempFolder(t, { 'a.json': '{"port": 1}', 'b.json': '{"port": 2}' })
  assert.equal(loadConfig({ env: { WAYGATE_CONFIG: 'a.json' }, cwd }).config.port, 1)
  assert.equal(loadConfig({ env: { WAYGATE_CONFIG: 'a.json' }, file: 'b.json', cwd }).config.port, 2)
  assert.deepEqual(problemsOf(t, undefined, { file: '.' }), ['.: cannot be read: it is a folder'])
})

test('the embedded etcd on the command line replaces the endpoints of the file', t => {
  const cwd = tempFolder(t, { 'waygate.yaml': 'etcd: { endpoints: ["http://a:1"] }' })
  const flags = [{ path: 'etcd.embedded', value: '127.0.0.1:0', source: 'option --embedded-etcd' }]
  assert.deepEqual(loadConfig({ env: {}, flags, cwd }).config.etcd, {
    embedded: '127.0.0.1:0',
    embeddedMemory: false,
  })
})

test('two fields of a group are refused in one layer; in two layers the stronger one wins', t => {
  const flags = [
    { path: 'etcd.endpoints', value: ['http://a:1'], source: 'option --etcd' },
    { path: 'etcd.embedded', value: '127.0.0.1:0', source: 'option --embedded-etcd' },
  ]
  assert.deepEqual(problemsOf(t, undefined, { flags }), [
    'option --embedded-etcd: $.etcd.embedded: must not be set together with etcd.endpoints',
  ])
  const cwd = tempFolder(t, { 'waygate.yaml': 'jwt: { publicKeyFile: not-there.pem }' })
  const { config, keys } = loadConfig({ env: { WAYGATE_JWT_SECRET: 'x'.repeat(32) }, cwd })
  assert.equal(config.jwt.publicKeyFile, undefined)
  assert.equal(keys.jwt?.key.type, 'secret')
})

test('messages never repeat a secret', t => {
  const problems = problemsOf(t, 'adminToken: "hush hush"\njwt: { secret: 12345 }\netcd: hush-too')
  assert.deepEqual(problems, [
    'waygate.yaml:1: $.adminToken: must be printable ASCII without spaces',
    'waygate.yaml:3: $.etcd: must be an object such as {"embedded": ..., "embeddedMemory": ...}, not a string',
    'waygate.yaml:2: $.jwt.secret: must be a string, not an integer',
  ])
})

test('an address that is refused is not repeated with what may be a secret in it', t => {
  assert.deepEqual(problemsOf(t, 'rateLimits: { store: { url: "redis://h/0?password=hush" } }'), [
    'waygate.yaml:1: $.rateLimits.store.url: must be like redis://10.0.0.7:6379/0',
  ])
})

test('a number that JSON does not have is shown as it is', t => {
  assert.deepEqual(problemsOf(t, 'port: .inf\nadminPort: 1e400'), [
    'waygate.yaml:1: $.port: must be an integer, not Infinity',
    'waygate.yaml:2: $.adminPort: must be an integer, not Infinity',
  ])
})

test('an empty file sets nothing', t => {
  const cwd = tempFolder(t, { 'waygate.yaml': '# nothing yet\n' })
  assert.equal(loadConfig({ env: {}, cwd }).config.port, 8080)
})

test('any value in any field leads to a configuration or to a list of problems', t => {
  const cwd = tempFolder(t)
  const fields = Object.keys(ConfigSchema.properties).flatMap(name => {
    const section = ConfigSchema.properties[name as keyof typeof ConfigSchema.properties]
    return [
      name,
      ...('properties' in section ? Object.keys(section.properties).map(field => `${name}.${field}`) : []),
    ]
  })
  assert.ok(fields.length > 50)
  const odd = [
    null,
    5,
    -1,
    Number.POSITIVE_INFINITY,
    'x',
    '',
    true,
    [],
    [null],
    {},
    { a: null },
    { 'a/b': {} },
    { __proto__: 1 },
    [[{}]],
  ]
  for (const path of fields) {
    for (const value of odd) {
      try {
        loadConfig({ env: {}, cwd, flags: [{ path, value, source: 'test' }] })
      } catch (error) {
        assert.ok(
          error instanceof ConfigError,
          `${path} = ${JSON.stringify(value)}: ${(error as Error).stack}`,
        )
        assert.ok(error.problems.length > 0)
      }
    }
  }
})

test('sticky cookies need a secret wherever they are used, from the environment or a file', t => {
  const file = [
    'routes:',
    '  defaults: { balancer: sticky-cookie }',
    '  documents: { a: { path: /a, service: s, balancer: { sticky-cookie: { cookie: sid } } } }',
    '',
  ].join('\n')
  const cwd = tempFolder(t, {
    'waygate.yaml': file,
    'secret.yaml': `${file}  stickyCookie: { secretFile: secret }\n`,
    secret: `${'s'.repeat(32)}\n`,
  })
  assert.throws(
    () => loadConfig({ env: {}, cwd }),
    (error: Error) => {
      assert.match(error.message, /\$\.routes\.defaults\.balancer: sticky-cookie needs a secret/)
      assert.match(error.message, /\$\.routes\.documents\.a\.balancer: sticky-cookie needs a secret/)
      return true
    },
  )
  const env = { WAYGATE_COOKIE_SECRET: 's'.repeat(32) }
  const [fromEnv, fromFile] = [loadConfig({ env, cwd }), loadConfig({ env: {}, cwd, file: 'secret.yaml' })]
  assert.ok(fromEnv.keys.stickyCookie?.equals(fromFile.keys.stickyCookie!))
  assert.deepEqual(fromEnv.warnings, [])
  const short = loadConfig({ env: { WAYGATE_COOKIE_SECRET: 'short' }, cwd })
  assert.match(short.warnings.join(), /routes\.stickyCookie\.secret has 5 bytes; below 32 it can be guessed/)
  assert.throws(() => loadConfig({ env: { WAYGATE_COOKIE_SECRET: '' }, cwd }), /must not be empty/)
})

test('former names of fields are read with a warning that says where they are and what to write', t => {
  const yaml = [
    'limits: { bodyBytes: 5 }',
    'limit: { adaptive: true }',
    'routes:',
    '  documents:',
    '    a:',
    '      path: /a',
    '      service: s',
    '      limit: { concurrent: 7 }',
  ].join('\n')
  const { config, warnings, sourceOf } = loadConfig({ env: {}, cwd: tempFolder(t, { 'waygate.yaml': yaml }) })
  assert.deepEqual([config.clientLimits.bodyBytes, config.clientLimits.targetBytes], [5, 8192])
  assert.equal(config.serviceLimit.adaptive, true)
  assert.deepEqual(config.routes.documents.a?.serviceLimit, { concurrent: 7 })
  assert.deepEqual(['clientLimits.bodyBytes', 'serviceLimit.adaptive'].map(sourceOf), [
    'waygate.yaml:1',
    'waygate.yaml:2',
  ])
  assert.deepEqual(warnings, [
    '$.limits (waygate.yaml:1) is deprecated: use clientLimits',
    '$.limit (waygate.yaml:2) is deprecated: use serviceLimit',
    '$.routes.documents.a.limit (waygate.yaml:8) is deprecated: use serviceLimit',
  ])
})

test('a problem below a former name is reported as it was written', t => {
  const yaml =
    'limits:\n  bodyBites: 1\nroutes: { documents: { a: { path: /a, service: s, limit: { max: 0 } } } }'
  assert.deepEqual(problemsOf(t, yaml), [
    'waygate.yaml:3: $.routes.documents.a.limit.max: must be >= 1, not 0',
    'waygate.yaml:2: $.limits.bodyBites: is not a known field (did you mean "bodyBytes"?)',
  ])
})

test('a field under both its names is refused', t => {
  const yaml =
    'limits: {}\nclientLimits: {}\nroutes:\n  documents:\n    a: { path: /a, service: s, limit: {}, serviceLimit: {} }'
  assert.deepEqual(problemsOf(t, yaml), [
    'waygate.yaml:1: $.limits: is the former name of clientLimits, which is set too',
    'waygate.yaml:5: $.routes.documents.a.limit: is the former name of serviceLimit, which is set too',
  ])
})

test('a file of a map is found from where relative paths start, whatever its name is', t => {
  const cwd = tempFolder(t, {
    'waygate.yaml': 'grpc: { descriptors: { constructor: a.binpb, users: a.binpb } }',
    'a.binpb': '',
  })
  const { config } = loadConfig({ env: {}, cwd })
  const file = join(cwd, 'a.binpb')
  assert.deepEqual(config.grpc.descriptors, { constructor: file, users: file })
})
