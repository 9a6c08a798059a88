import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Directory } from '../../discovery/directory.ts'
import type { RegistryEntry, RegistryEvent, RegistryScope } from '../../discovery/registry.ts'
import { createNode, type Node } from '../../internal/nodes/node.ts'
import { testRoute } from '../support/route.ts'
import { applyTo, parseRoute, problemsOf } from './follow.ts'

const node = (service: string, id: string, weight = 1): Node =>
  createNode({ service, id, host: '10.0.0.1', port: 3000, weight })
const at = (value: Node, key = `/services/${value.service}/${value.id}`): RegistryEntry => ({
  kind: 'nodes',
  key,
  nodes: [value],
})
const bad = (key: string, reason = 'not JSON'): RegistryEntry => ({ kind: 'problem', key, reason })
const doc = (id: string, document: unknown): RegistryEntry => ({
  kind: 'route',
  key: `/r/${id}`,
  id,
  document,
})

let revision = 0
const leased = (value: Node): RegistryEntry => ({ ...at(value), isLeased: true }) as RegistryEntry
const snapshot = (
  scope: RegistryScope,
  entries: readonly RegistryEntry[],
  { from = 'store', afterLoss = false }: { from?: 'store' | 'disk'; afterLoss?: boolean } = {},
): RegistryEvent => ({
  type: 'snapshot',
  source: scope,
  scope,
  revision: String(++revision),
  entries,
  from,
  afterLoss,
})
const change = (
  scope: RegistryScope,
  puts: readonly RegistryEntry[],
  deletes: readonly string[] = [],
): RegistryEvent => ({
  type: 'change',
  source: scope,
  scope,
  revision: String(++revision),
  puts,
  deletes,
})
const status = (scope: RegistryScope, connected: boolean, reason?: string): RegistryEvent => ({
  type: 'status',
  source: scope,
  scope,
  connected,
  reason,
})

function setUp() {
  const calls: string[] = []
  const directory = new Directory({
    parseRoute,
    onNodes: (service, nodes) =>
      calls.push(`${service}=${nodes.map(each => `${each.id}:${each.weight}`).join(',')}`),
    onRoutes: routes => calls.push(`routes=${routes.map(route => route.id).join(',')}`),
  })
  const apply = (event: RegistryEvent): string[] => {
    calls.length = 0
    applyTo(directory, event)
    return [...calls]
  }
  return { directory, apply }
}

test('a snapshot calls once per service, with the nodes ordered by id', () => {
  const { apply, directory } = setUp()
  const entries = [at(node('user', 'u2')), at(node('task', 't1')), at(node('user', 'u1'))]
  assert.deepEqual(apply(snapshot('nodes', entries)).sort(), ['task=t1:1', 'user=u1:1,u2:1'])
  assert.deepEqual([...directory.services().keys()].sort(), ['task', 'user'])
})

test('a snapshot without changes causes no callback', () => {
  const { apply } = setUp()
  apply(snapshot('nodes', [at(node('user', 'u1'))]))
  apply(snapshot('routes', [doc('a', { service: 'user', path: '/a' })]))
  assert.deepEqual(apply(snapshot('nodes', [at(node('user', 'u1'))])), [])
  assert.deepEqual(apply(snapshot('routes', [doc('a', { service: 'user', path: '/a' })])), [])
})

test('a snapshot replaces everything in its scope and nothing in the other one', () => {
  const { apply, directory } = setUp()
  apply(snapshot('nodes', [at(node('user', 'u1')), at(node('task', 't1'))]))
  apply(snapshot('routes', [doc('a', { service: 'user', path: '/a' })]))
  assert.deepEqual(apply(snapshot('nodes', [at(node('task', 't1'))])), ['user='])
  assert.deepEqual([...directory.services().keys()], ['task'])
  assert.equal(directory.routes().length, 1)
  assert.deepEqual(apply(snapshot('routes', [])), ['routes='])
})

test('a change calls only for the services whose nodes changed', () => {
  const { apply } = setUp()
  apply(snapshot('nodes', [at(node('user', 'u1')), at(node('task', 't1'))]))
  assert.deepEqual(apply(change('nodes', [at(node('user', 'u1', 5)), at(node('task', 't1'))])), ['user=u1:5'])
  assert.deepEqual(apply(change('nodes', [], ['/services/user/u1'])), ['user='])
  assert.deepEqual(apply(change('nodes', [], ['/services/user/u1', '/never/known'])), [])
})

test('an unchanged node stays the same object when its neighbour changes', () => {
  const { apply, directory } = setUp()
  apply(snapshot('nodes', [at(node('user', 'u1')), at(node('user', 'u2'))]))
  const before = directory.services().get('user')?.[0]
  apply(snapshot('nodes', [at(node('user', 'u1')), at(node('user', 'u2', 9))]))
  assert.equal(directory.services().get('user')?.[0], before)
})

test('a bad value keeps the last good nodes of its key and is one problem, until it is good or deleted', () => {
  const { apply, directory } = setUp()
  const key = '/services/user/u1'
  apply(snapshot('nodes', [at(node('user', 'u1'))]))
  assert.deepEqual(apply(change('nodes', [bad(key)])), [])
  assert.deepEqual(apply(change('nodes', [bad(key, 'still not JSON')])), [])
  assert.deepEqual(problemsOf(directory), [{ key, reason: 'still not JSON', isLastGoodInUse: true }])
  assert.deepEqual(apply(snapshot('nodes', [bad(key)])), [], 'also over a snapshot')
  assert.deepEqual(apply(change('nodes', [at(node('user', 'u1', 2))])), ['user=u1:2'])
  assert.deepEqual(directory.problems(), [])
  apply(change('nodes', [bad(key)]))
  assert.deepEqual(apply(change('nodes', [], [key])), ['user='])
  assert.deepEqual(directory.problems(), [])
})

test('the last good values are the same map until one of them changes', () => {
  const { apply, directory } = setUp()
  apply(snapshot('nodes', [at(node('user', 'u1')), at(node('user', 'u2'))]))
  const none = directory.lastGood()
  apply(change('nodes', [bad(at(node('user', 'u1')).key)]))
  const one = directory.lastGood()
  assert.deepEqual([none.size, one.size], [0, 1])
  apply(change('nodes', [at(node('user', 'u3'))]))
  assert.equal(directory.lastGood(), one)
  apply(change('nodes', [at(node('user', 'u1'))]))
  assert.equal(directory.lastGood().size, 0)
})

test('a value that was never good adds no node', () => {
  const { apply, directory } = setUp()
  assert.deepEqual(apply(snapshot('nodes', [bad('/services/user/u1')])), [])
  assert.equal(directory.services().size, 0)
  assert.equal(directory.problems().length, 1)
})

test('of two nodes with the same id the one of the first key is used, and the other is a problem', () => {
  const { apply, directory } = setUp()
  const first = at(node('user', 'u1', 1), '/services/user/a')
  const second = at(node('user', 'u1', 2), '/services/user/b')
  assert.deepEqual(apply(snapshot('nodes', [second, first])), ['user=u1:1'])
  assert.deepEqual(
    directory.problems().map(problem => problem.key),
    ['/services/user/b'],
  )
  assert.match(directory.problems()[0]!.reason, /u1.*\/services\/user\/a/)
  assert.deepEqual(apply(change('nodes', [], ['/services/user/a'])), ['user=u1:2'])
  assert.deepEqual(directory.problems(), [])
})

test('a key that is both a duplicate and undecodable is listed once', () => {
  const { apply, directory } = setUp()
  const first = at(node('user', 'u1'), '/services/user/a')
  apply(snapshot('nodes', [first, at(node('user', 'u1'), '/services/user/b')]))
  apply(change('nodes', [bad('/services/user/b')]))
  assert.deepEqual(problemsOf(directory), [
    { key: '/services/user/b', reason: 'not JSON', isLastGoodInUse: true },
  ])
})

test('the same id in two services is not a conflict', () => {
  const { apply, directory } = setUp()
  apply(snapshot('nodes', [at(node('user', 'n1')), at(node('task', 'n1'))]))
  assert.equal(directory.services().size, 2)
  assert.deepEqual(directory.problems(), [])
})

test('a key may hold several nodes, and its change affects only those', () => {
  const { apply } = setUp()
  const entry = (nodes: readonly Node[]): RegistryEntry => ({
    kind: 'nodes',
    key: '/services/user/all',
    nodes,
  })
  assert.deepEqual(apply(snapshot('nodes', [entry([node('user', 'b'), node('user', 'a')])])), [
    'user=a:1,b:1',
  ])
  assert.deepEqual(apply(change('nodes', [entry([node('user', 'b')])])), ['user=b:1'])
  assert.deepEqual(apply(change('nodes', [entry([])])), ['user='])
})

test('a node that moves to another service under the same key leaves the first', () => {
  const { apply } = setUp()
  apply(snapshot('nodes', [at(node('user', 'n1'), '/k')]))
  assert.deepEqual(apply(change('nodes', [at(node('task', 'n1'), '/k')])).sort(), ['task=n1:1', 'user='])
})

test('a refused route document keeps the last good version while its key exists', () => {
  const { apply, directory } = setUp()
  apply(snapshot('routes', [doc('a', { service: 'user', path: '/a' })]))
  assert.deepEqual(apply(change('routes', [doc('a', { service: 'user' })])), [])
  assert.equal(directory.routes()[0]?.path, '/a')
  assert.deepEqual(problemsOf(directory), [
    { key: '/r/a', reason: 'path or service is missing', isLastGoodInUse: true },
  ])
  assert.deepEqual(apply(change('routes', [bad('/r/a')])), [], 'nor does one that is not even JSON')
  assert.equal(directory.routes()[0]?.path, '/a')
  assert.equal(directory.blockedServices().size, 0, 'the service has its good route')
  assert.deepEqual(apply(change('routes', [], ['/r/a'])), ['routes='])
  assert.deepEqual(directory.problems(), [])
})

test('a service whose only document is broken is blocked, and the change is announced', () => {
  const { apply, directory } = setUp()
  assert.deepEqual(apply(snapshot('routes', [doc('a', { service: 'user' })])), ['routes='])
  assert.deepEqual([...directory.blockedServices()], ['user'])
  assert.deepEqual(apply(change('routes', [doc('b', { service: 'user', path: '/b' })])), ['routes=b'])
  assert.equal(directory.blockedServices().size, 0)
  assert.deepEqual(apply(change('routes', [], ['/r/b'])), ['routes='])
  assert.deepEqual([...directory.blockedServices()], ['user'])
  assert.deepEqual(apply(change('routes', [], ['/r/a'])), ['routes='])
  assert.equal(directory.blockedServices().size, 0)
})

test('a document that becomes broken and names another service blocks that service', () => {
  const { apply, directory } = setUp()
  apply(snapshot('routes', [doc('a', { service: 'user', path: '/a' })]))
  assert.deepEqual(apply(change('routes', [doc('a', { service: 'task' })])), ['routes=a'])
  assert.deepEqual([...directory.blockedServices()], ['task'])
})

test('routes are ordered by id, and the same document again causes no callback', () => {
  const { apply } = setUp()
  const a = doc('a', { service: 'user', path: '/a' })
  assert.deepEqual(apply(snapshot('routes', [doc('b', { service: 'user', path: '/b' }), a])), ['routes=a,b'])
  assert.deepEqual(apply(change('routes', [a])), [])
})

test('a document that makes its parser throw is a problem of that document', () => {
  const directory = new Directory({
    parseRoute: (id, document) => {
      if (id === 'evil') throw new RangeError('too deep')
      return parseRoute(id, document)
    },
  })
  applyTo(directory, snapshot('routes', [doc('evil', {}), doc('a', { service: 'user', path: '/a' })]))
  assert.equal(directory.routes().length, 1)
  assert.match(directory.problems()[0]?.reason ?? '', /too deep/)
})

test('a callback runs after its change is in place', () => {
  const seen: unknown[] = []
  const directory: Directory = new Directory({
    parseRoute,
    onNodes: (service, nodes) => seen.push([service, directory.services().get(service) === nodes]),
  })
  applyTo(directory, snapshot('nodes', [at(node('user', 'u1')), at(node('task', 't1'))]))
  assert.deepEqual(seen, [
    ['user', true],
    ['task', true],
  ])
})

test('applied in steps, a service is always in its state before or after the event', () => {
  const { directory } = setUp()
  const ids = () => (directory.services().get('user') ?? []).map(({ id }) => id).join()
  applyTo(directory, snapshot('nodes', [at(node('user', 'u1')), at(node('user', 'u2'))]))
  const seen = new Set<string>()
  const next = [at(node('user', 'u3')), at(node('task', 't1')), at(node('user', 'u4'))]
  for (const _ of directory.steps(snapshot('nodes', next))) {
    seen.add(ids())
    // As the watch over suspects may do, at the worst moment.
    for (const { key } of directory.suspects()) directory.dismiss(key)
  }
  seen.add(ids())
  assert.deepEqual([...seen], ['u1,u2', 'u3,u4'])
})

test('status and origin are kept per source', () => {
  const { directory } = setUp()
  assert.equal(directory.source('nodes').loaded, false)
  applyTo(directory, status('nodes', false, 'refused'))
  applyTo(directory, { ...snapshot('nodes', [], { from: 'disk' }), revision: '9' } as RegistryEvent)
  assert.deepEqual(directory.source('nodes'), {
    loaded: true,
    connected: false,
    reason: 'refused',
    restored: true,
    revision: '9',
    store: undefined,
  })
  applyTo(directory, { ...snapshot('nodes', []), revision: '10' } as RegistryEvent)
  applyTo(directory, status('nodes', true))
  assert.deepEqual(directory.source('nodes'), {
    loaded: true,
    connected: true,
    reason: undefined,
    restored: false,
    revision: '10',
    store: undefined,
  })
  assert.equal(directory.source('routes').loaded, false)
})

test('a snapshot of one source does not change another source', () => {
  const { directory } = setUp()
  const of = (source: string, entries: readonly RegistryEntry[]) =>
    ({ ...snapshot('nodes', entries), source }) as RegistryEvent
  applyTo(directory, of('/a/', [at(node('user', 'u1'), '/a/user/u1')]))
  applyTo(directory, of('/b/', [at(node('user', 'u2'), '/b/user/u2')]))
  applyTo(directory, of('/a/', []))
  assert.deepEqual(
    directory
      .services()
      .get('user')
      ?.map(({ id }) => id),
    ['u2'],
  )
})

test('names from outside cannot reach an object prototype', () => {
  const { apply, directory } = setUp()
  apply(snapshot('nodes', [bad('__proto__'), bad('constructor')]))
  assert.deepEqual(
    directory.problems().map(problem => problem.key),
    ['__proto__', 'constructor'],
  )
  assert.equal(directory.services().get('__proto__'), undefined)
})

const apiKey = (hash: string, document: unknown): RegistryEntry => ({
  kind: 'api-key',
  key: `/k/${hash}`,
  hash,
  document,
})
const revocation = (tokenId: string): RegistryEntry => ({ kind: 'revocation', key: `/x/${tokenId}`, tokenId })

/** A directory that reports the credentials: the owners of API keys, and the revocations. */
function setUpCredentials() {
  const known = new Set<unknown>()
  const calls: string[] = []
  const directory = new Directory({
    parseRoute,
    parseApiKey: document => {
      const { owner } = document as { owner?: string }
      return owner === undefined ? { reason: 'no owner' } : { apiKey: owner }
    },
    onCredential: (before, after) => {
      const nameOf = (each: typeof before) => (each?.kind === 'api-key' ? each.apiKey : each?.tokenId)
      calls.push(`${nameOf(before)} -> ${nameOf(after)}`)
      if (before) known.delete(nameOf(before))
      if (after) known.add(nameOf(after))
    },
  })
  return { directory, known, calls }
}

test('API keys and revocations are reported when they are added, changed or removed, but not when repeated', () => {
  const { directory, calls } = setUpCredentials()
  applyTo(directory, snapshot('api-keys', [apiKey('1', { owner: 'a' }), apiKey('2', { owner: 'b' })]))
  applyTo(directory, snapshot('api-keys', [apiKey('1', { owner: 'a' }), apiKey('2', { owner: 'c' })]))
  applyTo(directory, change('api-keys', [], ['/k/1']))
  applyTo(directory, change('revocations', [revocation('t')]))
  applyTo(directory, change('revocations', [revocation('t')]))
  applyTo(directory, snapshot('revocations', []))
  assert.deepEqual(calls, [
    'undefined -> a',
    'undefined -> b',
    'b -> c',
    'a -> undefined',
    'undefined -> t',
    't -> undefined',
  ])
})

test('an unusable value of an API key keeps its last good one while the key exists', () => {
  const { directory, known } = setUpCredentials()
  applyTo(directory, change('api-keys', [apiKey('1', { owner: 'a' }), apiKey('2', {})]))
  assert.deepEqual([...known], ['a'])
  applyTo(directory, change('api-keys', [apiKey('1', {})]))
  applyTo(directory, change('api-keys', [bad('/k/1')]))
  assert.deepEqual([...known], ['a'])
  assert.deepEqual(problemsOf(directory), [
    { key: '/k/1', reason: 'not JSON', isLastGoodInUse: true },
    { key: '/k/2', reason: 'no owner' },
  ])
  applyTo(directory, change('api-keys', [], ['/k/1', '/k/2']))
  assert.equal(known.size, 0)
  assert.deepEqual(directory.problems(), [])
})

test('a loss of the registry never lets anybody in: API keys are removed at once, revocations are doubted', () => {
  const { directory, known } = setUpCredentials()
  applyTo(
    directory,
    snapshot(
      'api-keys',
      ['1', '2', '3'].map(hash => apiKey(hash, { owner: hash })),
    ),
  )
  applyTo(directory, snapshot('revocations', ['a', 'b', 'c'].map(revocation)))
  applyTo(directory, snapshot('api-keys', [], { afterLoss: true }))
  applyTo(directory, snapshot('revocations', [], { afterLoss: true }))
  assert.deepEqual([...known], ['a', 'b', 'c'])
  assert.deepEqual(
    directory.suspects().map(({ key }) => key),
    ['/x/a', '/x/b', '/x/c'],
  )
  assert.equal(directory.suspectCount, 3)
  directory.dismiss('/x/a')
  assert.deepEqual([...known], ['b', 'c'])
  applyTo(directory, change('revocations', [revocation('b')]))
  assert.equal(directory.suspectCount, 1)
})

test('revocations that all end right after an outage are doubted, a single one is not', () => {
  const { directory, known } = setUpCredentials()
  applyTo(directory, snapshot('revocations', ['a', 'b', 'c', 'd'].map(revocation)))
  applyTo(directory, status('revocations', true))
  applyTo(directory, status('revocations', false, 'away'))
  applyTo(directory, status('revocations', true))
  applyTo(directory, change('revocations', [], ['/x/a']))
  assert.deepEqual([...known], ['b', 'c', 'd'])
  applyTo(directory, change('revocations', [], ['/x/b', '/x/c', '/x/d']))
  // The deletes of a burst are counted together.
  assert.deepEqual([...known].sort(), ['a', 'b', 'c', 'd'])
})

/** Follows route documents by rules that a reload changes: `strict` refuses those of the service `lax`, and closes their routes. */
function setUpRereading() {
  let label = 'old'
  let isStrict = false
  const directory = new Directory({
    parseRoute(id, document) {
      const service = String(document)
      if (service === 'never' || (isStrict && service === 'lax'))
        return { reason: 'no', closed: { ...testRoute({ id, service }), isBroken: true } }
      return { route: testRoute({ id, service, path: `/${label}` }) }
    },
  })
  const reload = (rules: { label?: string; isStrict?: boolean }) => {
    label = rules.label ?? label
    isStrict = rules.isStrict ?? isStrict
    directory.reread([])
  }
  const shown = () =>
    directory.routes().map(({ id, path, isBroken }) => `${id} ${isBroken ? 'closed' : path}`)
  return { directory, reload, shown }
}

test('a route that an outage may have deleted comes back by the rules of a reload that came in between', () => {
  const { directory, reload, shown } = setUpRereading()
  const all = ['a', 'b', 'c', 'd']
  applyTo(
    directory,
    snapshot(
      'routes',
      all.map(id => doc(id, id)),
    ),
  )
  for (const connected of [true, false, true]) applyTo(directory, status('routes', connected, 'away'))
  applyTo(directory, change('routes', [], ['/r/a']))
  assert.deepEqual(shown(), ['b /old', 'c /old', 'd /old'])
  reload({ label: 'new' })
  // The deletes of a burst are counted together.
  applyTo(directory, change('routes', [], ['/r/b', '/r/c', '/r/d']))
  assert.equal(directory.suspectCount, 4)
  assert.deepEqual(shown(), ['a /new', 'b /new', 'c /new', 'd /new'])
})

test('a route that may be lost stays closed in a reload, and is closed by one that refuses its document', () => {
  const { directory, reload, shown } = setUpRereading()
  applyTo(directory, snapshot('routes', [doc('a', 'never'), doc('b', 'lax'), doc('c', 'user')]))
  applyTo(directory, snapshot('routes', [], { afterLoss: true }))
  assert.deepEqual(shown(), ['a closed', 'b /old', 'c /old'])
  reload({ isStrict: true })
  assert.deepEqual(shown(), ['a closed', 'b closed', 'c /old'])
  assert.equal(directory.suspectCount, 3)
  assert.equal(directory.problems().length, 3)
  reload({ isStrict: false })
  assert.deepEqual(shown(), ['a closed', 'b /old', 'c /old'])
})

test('a key without a lease is told of while other keys of its service have one, also when only the lease changes', () => {
  const { directory } = setUp()
  const unleased = () =>
    [...directory.unleased()].map(([service, byId]) => [service, ...[...byId].flat()].join(' '))
  applyTo(directory, snapshot('nodes', [leased(node('user', 'u1')), leased(node('user', 'u2'))]))
  assert.deepEqual(unleased(), [])
  applyTo(directory, change('nodes', [at(node('user', 'u2'))]))
  assert.deepEqual(unleased(), ['user u2 /services/user/u2'])
  applyTo(directory, change('nodes', [bad('/services/user/u2')]))
  assert.deepEqual(unleased(), ['user u2 /services/user/u2'], 'its last good node stays as well')
  applyTo(directory, change('nodes', [leased(node('user', 'u2'))]))
  assert.deepEqual(unleased(), [])
})

test('services whose keys all have no lease are kept by an operator, which is no problem', () => {
  const { directory } = setUp()
  applyTo(
    directory,
    snapshot('nodes', [at(node('user', 'u1')), at(node('user', 'u2')), leased(node('task', 't1'))]),
  )
  assert.equal(directory.unleased().size, 0)
  applyTo(directory, change('nodes', [leased(node('user', 'u3'))]))
  assert.deepEqual([...directory.unleased().get('user')!.keys()], ['u1', 'u2'])
  applyTo(directory, change('nodes', [], ['/services/user/u3']))
  assert.equal(directory.unleased().size, 0)
})
