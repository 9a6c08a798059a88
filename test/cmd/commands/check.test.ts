import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { CheckKind } from '../../../cmd/cli/command.ts'
import { checkFile } from '../../../cmd/commands/check.ts'
import type { CheckContext } from '../../../cmd/commands/file-checks.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { NO_TOKEN } from '../../../config/route/route-auth.ts'
import { parseRouteDocument } from '../../../config/route/route-document.ts'
import { decodeApiKey, decodeRoute } from '../../../discovery/etcd/decode-entries.ts'
import { textOf } from '../../../discovery/etcd/key-bytes.ts'
import { tempFolder } from '../../config/temp-folder.ts'

async function check(
  t: TestContext,
  content: string | Buffer,
  options: { kind?: CheckKind; env?: object; services?: CheckContext['services'] } = {},
) {
  const cwd = tempFolder(t, { 'a.yaml': content })
  const lines: string[] = []
  const code = await checkFile(
    { file: 'a.yaml', kind: options.kind },
    { env: { ...options.env }, cwd, print: line => lines.push(line), services: options.services },
  )
  return { code, lines }
}

test('a good configuration is ok', async t => {
  assert.deepEqual(await check(t, 'port: 1'), { code: 0, lines: ['a.yaml: ok (config)'] })
  assert.deepEqual(await check(t, ''), { code: 0, lines: ['a.yaml: ok (config)'] })
})

const NOT_JSON = 'a.yaml: value is not valid JSON, the only form that is read from etcd'

test('a good route document in JSON is ok, and one in YAML gets the JSON to put', async t => {
  assert.deepEqual(await check(t, '{"path": "/a/*", "service": "a"}'), {
    code: 0,
    lines: ['a.yaml: ok (route document)'],
  })
  assert.deepEqual(await check(t, 'path: /a\nservice: a\n'), {
    code: 1,
    lines: [`${NOT_JSON}; put {"path":"/a","service":"a"}`],
  })
})

const ROUTE = '{"path": "/a", "service": "s"}'
const texts: readonly (string | Buffer)[] = [
  ROUTE,
  `\ufeff${ROUTE}`,
  ROUTE.replaceAll(' ', '\r\n\t'),
  `${ROUTE}\r\n`,
  `${ROUTE}\n\n`,
  'path: /a\nservice: s\n',
  '---\npath: /a\nservice: s\n',
  "{'path': '/a', 'service': 's'}",
  '{path: /a, service: s}',
  '{"path": "/a", "service": "s",}',
  `# ours\n${ROUTE}`,
  `${ROUTE} # ours`,
  `/* ours */ ${ROUTE}`,
  `${ROUTE}\0`,
  `${ROUTE}\n${ROUTE}`,
  `[${ROUTE}]`,
  `"${ROUTE.replaceAll('"', '\\"')}"`,
  'null',
  '',
  ' ',
  '{"path": "/a", "service": "s", "service": "t"}',
  '{"path": "/a", "service": "s", "\\u0073ervice": "s"}',
  '{"path": "/a", "service": "s", "priority": 0x10}',
  '{"path": "/a", "service": "s", "priority": 1e0}',
  '{"path": "/a", "service": "s", "priority": 1e400}',
  '{"path": "/a", "service": "s", "priority": .inf}',
  '{"path": "/a", "service": "s", "priority": +1}',
  '{"path": "/a", "service": "s", "priority": 01}',
  '{"path": "/a", "service": "s", "timeoutMs": 1_000}',
  '{"path": "/a", "service": "s", "methods": ["GET"]}',
  `{"path": "/a", "service": "s", "methods": ${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
  `{"path": "/a", "service": "s", "${'k'.repeat(2_000)}": 1}`,
  `{"path": "/a${'a'.repeat(1_100_000)}", "service": "s"}`,
  `${ROUTE}${' '.repeat(1_100_000)}`,
  '{"path": "/a", "service": "s", "__proto__": {}}',
  Buffer.from(`\ufeff${ROUTE}`, 'utf16le'),
  Buffer.from(ROUTE, 'utf16le'),
  Buffer.from('{"path": "/ä", "service": "s"}', 'latin1'),
]

test('a route document is ok exactly when the gateway uses the same bytes from etcd', async t => {
  for (const content of texts) {
    const bytes = Buffer.from(content)
    const entry = decodeRoute('/r/', { key: '/r/a', value: textOf(bytes), modRevision: 1n })
    const { grpc, routes } = loadConfig({ env: {}, cwd: tempFolder(t) }).config
    const { defaults } = routes
    const isUsed =
      entry.kind === 'route' &&
      'route' in
        parseRouteDocument(entry.id, entry.document, {
          origin: 'etcd',
          defaults,
          grpc,
          defaultAuth: NO_TOKEN,
        })
    const { code, lines } = await check(t, bytes, { kind: 'route' })
    const shown = `${bytes.subarray(0, 60)}: ${lines.join(' | ').slice(0, 300)}`
    assert.equal(code === 0, isUsed, shown)
  }
})

test('an API key is ok exactly when the gateway reads the same bytes from etcd', async t => {
  for (const content of [
    '{"owner": "acme"}',
    '\ufeff{"owner": "acme"}\r\n',
    'owner: acme',
    '{"owner": "acme",}',
    '{"owner": "acme", "owner": "other"}',
    '# ours\n{"owner": "acme"}',
  ]) {
    const key = `/k/${'0'.repeat(64)}`
    const { kind } = decodeApiKey('/k/', { key, value: content, modRevision: 1n })
    assert.equal((await check(t, content, { kind: 'api-key' })).code === 0, kind === 'api-key', content)
  }
})

test('a file of services that is too large for the gateway is not ok', async t => {
  const nodes = Array.from({ length: 60_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:8080`)
  assert.deepEqual(await check(t, JSON.stringify({ services: { user: nodes } })), {
    code: 1,
    lines: ['a.yaml: it is larger than 1048576 bytes'],
  })
})

test('a file that is not UTF-8 is a problem, whatever kind of file it is', async t => {
  assert.deepEqual((await check(t, Buffer.from('\ufeffport: 1', 'utf16le'))).lines, [
    'a.yaml: is UTF-16; save it as UTF-8',
  ])
  assert.deepEqual((await check(t, Buffer.from('# ä\nport: 1', 'latin1'))).lines, [
    'a.yaml: is not UTF-8 text',
  ])
  assert.deepEqual((await check(t, '\ufeffport: 1\r\n')).lines, ['a.yaml: ok (config)'])
})

test('ten thousand brackets are a problem of any kind of file, and end nothing', async t => {
  for (const kind of ['config', 'route', 'policies', 'services', 'api-key'] as const) {
    const { code, lines } = await check(t, '['.repeat(10_000) + ']'.repeat(10_000), { kind })
    assert.equal(code, 1)
    assert.match(lines[0] ?? '', /is nested more than 100 levels deep$/)
  }
})

test('every problem of a configuration is a line with its place and path', async t => {
  assert.deepEqual(await check(t, 'prot: 1\nworkers: -1\n'), {
    code: 1,
    lines: [
      'a.yaml:1: $.prot: is not a known field (did you mean "port"?)',
      'a.yaml:2: $.workers: must be >= 0, not -1',
    ],
  })
})

test('an unknown format is a problem, as it is at start', async t => {
  const formats = 'the formats are auto, waygate, plain-address,'
  const yaml = 'discovery:\n  format: nope\n  sources:\n    - { prefix: /a/, format: consul }\n'
  const { code, lines } = await check(t, yaml)
  assert.deepEqual(
    [code, ...lines.map(line => line.slice(0, line.indexOf(formats) + formats.length))],
    [
      1,
      `a.yaml:2: $.discovery.format: unknown format "nope"; ${formats}`,
      `a.yaml:3: $.discovery.sources[0].format: unknown format "consul"; ${formats}`,
    ],
  )
})

test('etcd endpoints of two protocols are a problem', async t => {
  assert.deepEqual(await check(t, 'etcd:\n  endpoints:\n    - http://x:2379\n    - https://y:2379\n'), {
    code: 1,
    lines: [
      'a.yaml:4: $.etcd.endpoints[1]: must begin with http:// like those before it: members are either all http or all https',
    ],
  })
})

test('every problem of a route document is a line with its place and path', async t => {
  assert.deepEqual(await check(t, 'path: a\nservice: s\nmethods:\n  - GET\n  - get\n'), {
    code: 1,
    lines: [
      'a.yaml:5: $.methods[1]: must be a method name in upper case, such as GET, not "get"',
      'a.yaml:1: $.path: must start with "/"',
      NOT_JSON,
    ],
  })
})

test('a document without path or service is still recognized as a route', async t => {
  assert.deepEqual((await check(t, 'service: s')).lines, ['a.yaml:1: $.path: is missing', NOT_JSON])
  assert.deepEqual((await check(t, '{"path": "/a"}')).lines, [
    'a.yaml:1: $.service: is missing; a document without it has redirect or respond',
  ])
})

test('the value of an API key is recognized by its owner, and every problem has its place and path', async t => {
  const good =
    '{"owner": "acme", "scopes": ["a"], "claims": {"tier": "pro"}, "expiresAt": "2030-01-31T00:00:00Z"}'
  assert.deepEqual(await check(t, good), { code: 0, lines: ['a.yaml: ok (API key)'] })
  assert.deepEqual(
    (await check(t, 'owner: ""\nscopes: [a b]\nexpiresAt: tomorrow\nroles: admin\nrole: x\n')).lines.sort(),
    [
      NOT_JSON,
      'a.yaml:1: $.owner: must not be empty',
      'a.yaml:2: $.scopes[0]: must be one word, not "a b"',
      'a.yaml:3: $.expiresAt: must be a time such as 2030-01-31T12:00:00Z, not "tomorrow"',
      'a.yaml:4: $.roles: must be a list, not "admin"',
      'a.yaml:5: $.role: is not a known field (did you mean "roles"?)',
    ],
  )
  assert.deepEqual((await check(t, '{"owner": "a", "expiresAt": "2030-13-31T00:00:00Z"}')).lines, [
    'a.yaml:1: $.expiresAt: is not an existing date and time',
  ])
  assert.deepEqual((await check(t, '{"scopes": []}', { kind: 'api-key' })).lines, [
    'a.yaml:1: $.owner: is missing',
  ])
})

test('a services file is recognized by its services, and every problem has its place', async t => {
  const good = 'services:\n  user: [10.0.0.1:80]\nroutes:\n  r: { path: /a, service: user }\n'
  assert.deepEqual(await check(t, good), { code: 0, lines: ['a.yaml: ok (services file)'] })
  const bad = [
    'services:',
    '  user:',
    '    - 10.0.0.1:80',
    '    - { ip: 10.0.0.2, port: 80, wieght: 2 }',
    '  task: 10.0.0.3:80',
    'routes:',
    '  r:',
    '    service: user',
    '    path: a',
    '  a b: { path: /b, service: user }',
  ]
  assert.deepEqual(await check(t, bad.join('\n')), {
    code: 1,
    lines: [
      'a.yaml: services.user[1]: line 4: a node has no field "wieght"',
      'a.yaml: services.task: line 5: must be a list of nodes; write [] for none',
      'a.yaml:9: $.routes.r.path: must start with "/"',
      'a.yaml:10: $.routes["a b"]: the route id "a b" must be 1 to 255 characters from A-Z a-z 0-9 . _ ~ @ : -',
    ],
  })
  assert.deepEqual((await check(t, 'services: {}\nnodes: {}\n')).lines, [
    'a.yaml: line 2: unknown section "nodes"; the sections are services and routes',
  ])
  assert.deepEqual((await check(t, 'port: 1', { kind: 'services' })).lines, [
    'a.yaml: it has no section "services"; write services: {} for none',
  ])
})

test('the kind can be forced', async t => {
  assert.deepEqual((await check(t, '{}', { kind: 'route' })).code, 1)
  assert.match(
    (await check(t, 'path: /a', { kind: 'config' })).lines[0] ?? '',
    /\$\.path: is not a known field/,
  )
})

test('warnings are shown and are not problems', async t => {
  const { code, lines } = await check(t, 'jwt: { secret: short }')
  assert.equal(code, 0)
  assert.match(lines[0] ?? '', /^a\.yaml: warning: jwt\.secret has 5 bytes/)
  assert.equal(lines[1], 'a.yaml: ok (config)')
})

test('warnings are shown beside problems, whether the schema or a rule finds these', async t => {
  const former = 'a.yaml: warning: $.limits (a.yaml:1) is deprecated: use clientLimits'
  for (const [bad, problem] of [
    ['port: -1', 'a.yaml:2: $.port: must be >= 0, not -1'],
    ['trustedProxies: [x]', 'a.yaml:2: $.trustedProxies[0]: must be an IP address or a CIDR range, not "x"'],
    ['discovery: { format: odd }', /^a\.yaml:2: \$\.discovery\.format: unknown format "odd"/],
  ] as const) {
    const { code, lines } = await check(t, `limits: { bodyBytes: 5 }\n${bad}`)
    assert.equal(code, 1)
    assert.equal(lines.length, 2)
    assert.equal(lines[0], former)
    if (typeof problem === 'string') assert.equal(lines[1], problem)
    else assert.match(lines[1] ?? '', problem)
  }
})

test('former names are warnings with their place, whatever kind of file has them', async t => {
  const document = '{ "path": "/a", "service": "s", "limit": { "concurrent": 5 } }'
  assert.deepEqual(await check(t, document), {
    code: 0,
    lines: [
      'a.yaml: warning: $.limit (a.yaml:1) is deprecated: use serviceLimit',
      'a.yaml: ok (route document)',
    ],
  })
  assert.deepEqual(await check(t, `services: { s: [127.0.0.1:1] }\nroutes:\n  r: ${document}`), {
    code: 0,
    lines: [
      'a.yaml: warning: $.routes.r.limit (a.yaml:3) is deprecated: use serviceLimit',
      'a.yaml: ok (services file)',
    ],
  })
  assert.deepEqual(await check(t, 'port: 1\nlimits: { bodyBytes: 5 }'), {
    code: 0,
    lines: ['a.yaml: warning: $.limits (a.yaml:2) is deprecated: use clientLimits', 'a.yaml: ok (config)'],
  })
})

test('the environment counts as it does at start', async t => {
  assert.equal((await check(t, 'adminHost: 0.0.0.0')).code, 1)
  assert.equal((await check(t, 'adminHost: 0.0.0.0', { env: { WAYGATE_ADMIN_TOKEN: 'x' } })).code, 0)
})

test('a file that cannot be read or parsed is a problem of its own', async t => {
  const lines: string[] = []
  const cwd = tempFolder(t)
  assert.equal(
    await checkFile({ file: 'no.yaml', kind: undefined }, { env: {}, cwd, print: line => lines.push(line) }),
    1,
  )
  assert.deepEqual(lines, ['no.yaml: cannot be read: no such file'])
  assert.match((await check(t, 'a: [')).lines[0] ?? '', /^a\.yaml:1:\d+: \w/)
})

test('services that the gateway does not know are warnings, with the name that was probably meant', async t => {
  const services = new Map([
    [
      'task',
      [
        { id: 't1', metadata: {} },
        { id: 't2', metadata: { version: '2', traffic: 'selected' } },
      ],
    ],
  ])
  const document = '{"path": "/a",\n"service": "tsak",\n"fallback": {"service": "task"}}'
  assert.deepEqual(await check(t, document, { services }), {
    code: 0,
    lines: [
      'a.yaml: warning: $.service (a.yaml:2) names "tsak", which has no node (did you mean "task"?)',
      'a.yaml: ok (route document)',
    ],
  })
  assert.deepEqual(await check(t, document), { code: 0, lines: ['a.yaml: ok (route document)'] })
  const split = '{"path": "/a", "service": "task",\n"split": {"variants": [{"name": "b", "service": "bta"}]}}'
  assert.deepEqual((await check(t, split, { services })).lines, [
    'a.yaml: warning: $.split.variants[0].service (a.yaml:2) names "bta", which has no node',
    'a.yaml: ok (route document)',
  ])
  const mirroring = (mirror: object) => JSON.stringify({ path: '/a', service: 'task', mirror }, null, 1)
  assert.deepEqual((await check(t, mirroring({ service: 'tsak' }), { services })).lines, [
    'a.yaml: warning: $.mirror.service (a.yaml:5) names "tsak", which has no node (did you mean "task"?)',
    'a.yaml: ok (route document)',
  ])
  const mirrored = await check(t, mirroring({ service: 'task', nodes: { version: '3' } }), { services })
  assert.deepEqual(mirrored.lines, [
    'a.yaml: warning: $.mirror.nodes (a.yaml:6) selects no node of "task"',
    'a.yaml: ok (route document)',
  ])
  const selecting = { path: '/a', service: 'task', nodes: { version: '3' } }
  const variants = [
    { name: 'waits', nodes: { version: '2' } },
    { name: 'none', nodes: { meta: { zone: 'a' } } },
    { name: 'bta', service: 'bta', nodes: { version: '2' } },
  ]
  const selectors = JSON.stringify({ ...selecting, split: { variants } }, null, 1)
  assert.deepEqual(
    (await check(t, selectors, { services })).lines.map(line => line.replace(/ \(a.yaml:\d+\)/, '')),
    [
      'a.yaml: warning: $.split.variants[2].service names "bta", which has no node',
      'a.yaml: warning: $.nodes selects no node of "task"',
      'a.yaml: warning: $.split.variants[1].nodes selects no node of "task"',
      'a.yaml: ok (route document)',
    ],
  )
  const config = 'routes:\n  documents:\n    a: {path: /a, service: tsak}\n'
  assert.deepEqual((await check(t, config, { services })).lines, [
    'a.yaml: warning: $.routes.documents.a.service (a.yaml:3) names "tsak", which has no node (did you mean "task"?)',
    'a.yaml: ok (config)',
  ])
})

test('a route of a services file to a service that the file does not have is a warning', async t => {
  const file = 'services:\n  task: [127.0.0.1:1]\nroutes:\n  a: {path: /a, service: tsak}\n'
  assert.deepEqual(await check(t, file), {
    code: 0,
    lines: [
      'a.yaml: warning: $.routes.a.service (a.yaml:4) names "tsak", which has no node (did you mean "task"?)',
      'a.yaml: ok (services file)',
    ],
  })
})

test('a variant whose nodes get other requests too is a warning', async t => {
  const node = 'ip: 127.0.0.1, port: 1, metadata: {version: "2"}'
  const split = 'split: {variants: [{name: canary, nodes: {version: "2"}, percent: 5}]}'
  const file = `services:\n  task: [{${node}}]\nroutes:\n  a: {path: /a, service: task, ${split}}\n`
  const { code, lines } = await check(t, file)
  assert.equal(code, 0)
  assert.match(
    lines[0]!,
    /^a\.yaml: warning: \$\.routes\.a\.split\.variants\[0\]\.nodes \(a\.yaml:4\) selects node \S+: it also gets requests of other routes of the service; register it with the metadata traffic: "selected"$/,
  )
})

test('a policy set is known by its fields', async t => {
  const { lines, code } = await check(t, '{"timeoutMs": 1000, "cors": {"origins": ["*"]}}')
  assert.deepEqual([code, lines], [0, ['a.yaml: ok (policy set)']])
  assert.deepEqual((await check(t, '{"timeoutMs": 0, "cors": {"origins": ["*"]}}')).lines, [
    'a.yaml:1: $.timeoutMs: must be >= 1, not 0',
  ])
  const named = await check(t, '{"timeoutMs": 1000, "path": "/a"}', { kind: 'policies' })
  assert.match(named.lines[0]!, /\$\.path: is not for policy sets/)
})

test('a configuration whose route does not fit its policy sets is refused, and one whose set is missing is warned of', async t => {
  const route = { path: '/a', service: 'a', policies: ['s'] }
  const routes = { policies: { s: { stripPrefix: '/b' } }, documents: { r: route } }
  const { code, lines } = await check(t, JSON.stringify({ routes }))
  assert.equal(code, 1)
  assert.match(lines[0]!, /\$\.routes\.documents\.r: does not fit its policy sets: \$\.stripPrefix: /)
  const missing = await check(t, JSON.stringify({ routes: { documents: { r: route } } }))
  assert.equal(missing.code, 0)
  assert.match(
    missing.lines[0]!,
    /names "s", which is not in routes\.policies: unless etcd has it, the route answers 503/,
  )
})

test('redirect: loop found by check', async t => {
  const check1 = (documents: object) => check(t, JSON.stringify({ routes: { documents } }))
  const found = async (documents: object) => {
    const { code, lines } = await check1(documents)
    assert.equal(code, 0)
    return lines.slice(0, -1).map(line => line.replace(/^a\.yaml: warning: | \(a\.yaml:\d+\)/g, ''))
  }
  const r = (path: string, to: string, more: object = {}) => ({ path, redirect: { to }, ...more })
  const loop = (id: string, way: string) =>
    `$.routes.documents.${id}.redirect.to leads back to itself: ${way}`
  assert.deepEqual(await found({ a: r('/a/*', '/b/{path.*}'), b: r('/b/:id', '/a/{path.id}') }), [
    loop('a', '/a/x → /b/x → /a/x'),
    loop('b', '/b/x → /a/x → /b/x'),
  ])
  assert.deepEqual(await found({ a: r('/a/*', '/a/b/{path.*}') }), [loop('a', '/a/x → /a/b/x')])
  assert.deepEqual(await found({ a: r('/a', 'https://{request.host}/a', { hosts: ['*.example'] }) }), [
    loop('a', '/a → /a'),
  ])
  assert.deepEqual(
    await found({
      a: r('/*', 'https://www.example{request.path}', { hosts: ['a.example'] }),
      b: r('/*', 'http://a.example{request.path}?x={query.x|}', { hosts: ['www.example'] }),
    }),
    [loop('a', '/x → /x → /x'), loop('b', '/x → /x → /x')],
  )
  // What leads out of a loop, into one of others, to a node or to another server is none.
  assert.deepEqual(
    await found({ a: r('/a/*', '/{path.*}'), b: r('/b', '/a/b/c'), x: { path: '/x', service: 's' } }),
    [],
  )
  assert.deepEqual(await found({ a: r('/a', 'https://elsewhere.example/a') }), [])
  assert.deepEqual(await found({ a: r('/a', '/b'), b: r('/b', '/a', { enabled: false }) }), [])
  assert.deepEqual(
    await found({ a: r('/a', '/b', { methods: ['POST'] }), b: r('/b', '/a', { methods: ['GET'] }) }),
    [],
  )
})

test('redirect: loop found in a single document and in a services file', async t => {
  const one = await check(t, JSON.stringify({ path: '/a/*', redirect: { to: '/a/{path.*}' } }))
  assert.deepEqual(
    one.lines[0],
    'a.yaml: warning: $.redirect.to (a.yaml:1) leads back to itself: /a/x → /a/x',
  )
  const services = await check(
    t,
    JSON.stringify({ services: {}, routes: { a: { path: '/a', redirect: { to: '/a' } } } }),
  )
  assert.match(services.lines[0]!, /\$\.routes\.a\.redirect\.to .* leads back to itself: \/a → \/a$/)
})
