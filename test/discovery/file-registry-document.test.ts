import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readServices } from '../../discovery/file-registry-document.ts'
import type { RegistryEntry } from '../../discovery/registry.ts'

const U1 = { service: 'user', id: 'u1', host: '10.0.0.7', port: 3001, weight: 3, metadata: { zone: 'a' } }

/** `service/id:weight` of every node, and `key: reason` of every problem. */
function read(text: string, before: readonly RegistryEntry[] = []) {
  const file = readServices(text, before)
  assert.ok(!('reason' in file), JSON.stringify(file))
  const nodes = file.nodes.flatMap(entry => (entry.kind === 'nodes' ? entry.nodes : []))
  return {
    entries: file.nodes,
    nodes: nodes.map(({ service, id, weight }) => `${service}/${id}:${weight}`),
    problems: file.nodes.flatMap(entry => (entry.kind === 'problem' ? `${entry.key}: ${entry.reason}` : [])),
    routes: file.routes,
  }
}

test('nodes are maps or plain addresses, and routes are documents by id', () => {
  const { entries, nodes, problems, routes } = read(`services:
  user:
    - { id: u1, ip: 10.0.0.7, port: 3001, weight: 3, metadata: { zone: a } }
    - 10.0.0.8:3001
    - host: users.example.com
      port: 80
      weight: 0
      protocol: grpc
    - '[2001:db8::7]:3001'
  task: []
routes:
  task: { path: "/api/v1/task/*", service: task }
`)
  assert.deepEqual(problems, [])
  assert.deepEqual(nodes, [
    'user/u1:3',
    'user/10.0.0.8:3001:1',
    'user/users.example.com:80:0',
    'user/2001:db8::7:3001:1',
  ])
  assert.deepEqual(entries.flatMap(entry => (entry.kind === 'nodes' ? entry.nodes : []))[0], U1)
  const document = { path: '/api/v1/task/*', service: 'task' }
  assert.deepEqual(routes, [{ kind: 'route', key: 'routes.task', id: 'task', document }])
})

test('the example of the documentation is read without a problem', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/file-registry.md'), 'utf8')
  const [, example] = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, yaml]) => yaml!)
  const { nodes, problems, routes } = read(example!)
  assert.deepEqual(problems, [])
  assert.deepEqual(nodes, ['user/u1:3', 'user/127.0.0.1:3002:1', 'task/localhost:3003:1'])
  assert.equal(routes.length, 1)
})

test('JSON and a byte order mark are read as well', () => {
  assert.deepEqual(read('{"services":{"user":["10.0.0.8:3001"]}}').nodes, ['user/10.0.0.8:3001:1'])
  assert.deepEqual(read('\uFEFFservices: {}').nodes, [])
})

const badNodes: readonly [what: string, item: string, reason: RegExp][] = [
  ['an ill-typed weight', '{ id: x, ip: 10.0.0.1, port: 1, weight: heavy }', /weight must be a number/],
  ['a misspelt field', '{ id: x, ip: 10.0.0.1, port: 1, wieght: 3 }', /has no field "wieght"/],
  ['no port', '{ ip: 10.0.0.1 }', /port must be a number/],
  ['a port out of range', '10.0.0.1:70000', /port must be an integer/],
  ['no port in an address', '10.0.0.1', /must be host:port/],
  ['an address where clouds keep credentials', '169.254.169.254:80', /link-local/],
  ['a number', '12', /must be host:port or a map/],
  ['nothing', '', /must be host:port or a map/],
  ['an id that is taken', '{ id: u1, ip: 10.0.0.1, port: 1 }', /has the same id as another node, "u1"/],
]

for (const [what, item, reason] of badNodes) {
  test(`a node with ${what} is a problem of that node, with its place and line`, () => {
    const good = '{ id: u1, ip: 10.0.0.7, port: 3001 }'
    const { nodes, problems } = read(
      `services:\n  user:\n    - ${good}\n    - ${item}\n    - 10.0.0.9:3001\n`,
    )
    assert.deepEqual(nodes, ['user/u1:1', 'user/10.0.0.9:3001:1'])
    assert.equal(problems.length, 1)
    assert.match(problems[0]!, /^services\.user\[1\]: line 4: /)
    assert.match(problems[0]!, reason)
  })
}

test('what a service may not be called is a problem of its nodes', () => {
  const { nodes, problems } = read('{"services":{"__proto__":["10.0.0.1:1"],"a/b":["10.0.0.1:1"]}}')
  assert.deepEqual(nodes, [])
  assert.deepEqual(
    problems.map(problem => problem.split(':')[0]),
    ['services.__proto__[0]', 'services["a/b"][0]'],
  )
})

test('a node that has become wrong stays as it was, wherever it now stands; others come and go', () => {
  const before = read('services: { user: [{ id: a, ip: 10.0.0.1, port: 1 }, 10.0.0.2:1, 10.0.0.3:1] }')
  const after = read(
    'services: { user: [{ id: d, ip: 10.0.0.4, port: 1 }, 10.0.0.3:1, { id: a, ip: 10.0.0.1, port: 1, weight: -1 }] }',
    before.entries,
  )
  assert.deepEqual(after.nodes, ['user/d:1', 'user/10.0.0.3:1:1', 'user/a:1'])
  assert.match(after.problems[0]!, /^services\.user\[2\]: line 1: weight must be an integer/)
  const gone = read('services: { user: [10.0.0.3:1] }', after.entries)
  assert.deepEqual(gone.nodes, ['user/10.0.0.3:1:1'])
})

test('a service that is no list stays as it was, and its neighbours follow the file', () => {
  const before = read('services: { user: [10.0.0.1:1, 10.0.0.2:1], task: [10.0.0.3:1] }')
  const { nodes, problems } = read('services:\n  user:\n  task: [10.0.0.4:1]\n', before.entries)
  assert.deepEqual(nodes, ['task/10.0.0.4:1:1', 'user/10.0.0.1:1:1', 'user/10.0.0.2:1:1'])
  assert.deepEqual(problems, ['services.user: line 2: must be a list of nodes; write [] for none'])
})

const refused: readonly [what: string, text: string, reason: RegExp][] = [
  ['is empty', '', /has no section "services"/],
  ['is text', 'hello', /has no section "services"/],
  ['has no services', 'routes: {}', /has no section "services"/],
  ['has services that are no map', 'services:\n', /^line 1: services must be a map/],
  ['has routes that are no map', 'services: {}\nroutes:\n', /^line 2: routes must be a map/],
  ['has a misspelt section', 'services: {}\nroute: {}\n', /^line 2: unknown section "route"/],
  ['does not parse', 'services:\n  user: [10.0.0.1:1\n', /^line 3, column 1: /],
  ['has a key twice', 'services:\n  user: []\n  user: []\n', /^line 3, column 3: .*unique/],
  ['has two documents', 'services: {}\n---\nservices: {}\n', /^line 2, column 1: /],
  ['names an anchor that is not there', 'services: *x\n', /alias/],
  ['is nested beyond reason', '['.repeat(20_000), /^line 1/],
  ['grows by aliases of aliases', bomb(), /alias/i],
]

for (const [what, text, reason] of refused) {
  test(`nothing is used of a file that ${what}`, () => {
    const file = readServices(text)
    assert.ok('reason' in file)
    assert.match(file.reason, reason)
    assert.doesNotMatch(file.reason, /\n/)
  })
}

function bomb(): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
  for (let i = 1; i < 8; i++)
    lines.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    )
  return `${lines.join('\n')}\nservices: {}\n`
}
