import assert from 'node:assert/strict'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { LiveCredentials } from '../../../cmd/gateway/auth/live-credentials.ts'
import { LiveTable } from '../../../cmd/gateway/live-table.ts'
import { LiveRules } from '../../../cmd/gateway/service-rules.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { routeContext } from '../../../config/load/route-context.ts'
import { silentLogger } from '../../../discovery/logger.ts'
import type { Registry, RegistryEntry, RegistryEvent } from '../../../discovery/registry.ts'
import { NodeTable } from '../../../internal/nodes/node-table.ts'
import { FakePeer } from '../../support/peer.ts'

const { config, keys } = loadConfig({ env: {}, cwd: tmpdir() })
const SOURCES = [
  { name: '/s/', scope: 'nodes' },
  { name: '/r/', scope: 'routes' },
  { name: '/p/', scope: 'policies' },
] as const

const doc = (id: string, more: object = {}): RegistryEntry => ({
  ...{ kind: 'route', key: `/r/${id}`, id },
  document: { path: '/*', service: 'user', auth: 'none', ...more },
})
const set = (name: string, document: object): RegistryEntry => ({
  ...{ kind: 'policy-set', key: `/p/${name}`, name, document },
})
const change = (
  scope: 'routes' | 'policies',
  puts: readonly RegistryEntry[],
  deletes: readonly string[] = [],
): RegistryEvent => ({
  ...{ type: 'change', source: scope === 'routes' ? '/r/' : '/p/', scope, revision: '2', puts, deletes },
})

interface Followed {
  readonly first: readonly RegistryEntry[]
  /** Come once the table is loaded. */
  readonly changes: Iterable<RegistryEvent> | AsyncIterable<RegistryEvent>
  /** To apply a change of this key takes until `go` is called. */
  readonly slow: string
}

/** Follows a table until a change of the slow key is being applied. */
async function startFollowing(t: TestContext, { first, changes, slow }: Followed) {
  const snapshots = SOURCES.map(
    ({ name, scope }): RegistryEvent => ({
      ...{ type: 'snapshot', source: name, scope, revision: '1', from: 'store', afterLoss: false },
      entries: first.filter(({ key }) => key.startsWith(name)),
    }),
  )
  const { promise: held, resolve: go } = Promise.withResolvers<void>()
  const { promise: isBeingApplied, resolve: noteSlow } = Promise.withResolvers<void>()
  const registry = {
    ...{ name: 'test', keptBy: 'services', sources: SOURCES },
    async *watch(signal: AbortSignal) {
      yield* snapshots
      yield* changes
      if (!signal.aborted) await once(signal, 'abort')
    },
  } as unknown as Registry
  const context = routeContext(config, keys)
  const table: LiveTable = new LiveTable({
    registry,
    nodes: new NodeTable(node => new FakePeer(node)),
    ...{ config: config.routes, rules: new LiveRules({ config }), context },
    ...{ suspectGraceMs: 0, openConnection: () => {}, refusalOf: () => undefined, logger: silentLogger },
    prepare({ key }) {
      if (key !== slow || !table.isLoaded) return undefined
      noteSlow()
      return held
    },
    credentials: new LiveCredentials({ config }),
    descriptors: { parse: bytes => ({ schema: bytes }), apply() {} },
    ...{ tls: undefined, moreProblems: () => [], onEntry() {}, onNodes() {}, onRoutes() {} },
  })
  const following = new AbortController()
  const followed = table.follow(following.signal)
  const end = () => {
    following.abort()
    go()
    return followed
  }
  t.after(end)
  await isBeingApplied
  const routes = () => table.routeTable().documents
  return {
    ...{ table, routes, go, end },
    shown: () => routes().map(({ id }) => id),
    reload: () => table.configure(config.routes, context, new Map()),
  }
}

/** A table with the route `a`, whose registry is putting the route `b` in its place. */
const startReplacing = (t: TestContext) =>
  startFollowing(t, { first: [doc('a')], changes: [change('routes', [doc('b')], ['/r/a'])], slow: '/r/b' })

test('a reload waits for a transaction that is being applied, since half of it would open what all of it closes', async t => {
  const { table, reload, shown, go } = await startReplacing(t)
  const reloaded = table.betweenEvents(reload)
  assert.deepEqual(shown(), ['a'])
  go()
  await reloaded
  assert.deepEqual(shown(), ['b'])
  let isDone = false
  void table.betweenEvents(() => {
    isDone = true
  })
  assert.ok(isDone, 'at once, while nothing is being applied')
  const failed = table.betweenEvents(() => {
    throw new Error('no')
  })
  await assert.rejects(failed, /^Error: no$/)
})

test('a reload that waits when the registry is no longer followed changes nothing', async t => {
  const { table, shown, end } = await startReplacing(t)
  let isDone = false
  const reloaded = table.betweenEvents(() => {
    isDone = true
  })
  const ended = end()
  await assert.rejects(reloaded, /the gateway is shutting down/)
  await ended
  assert.deepEqual([shown(), isDone], [['b'], false])
})

test('routes that wait for their policy sets do so until all of these are there', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const deny = { clients: { deny: ['10.0.0.0/8'] } }
  const { routes, go } = await startFollowing(t, {
    first: [doc('a', { policies: ['one', 'two'] }), set('one', deny), set('two', {})],
    changes: [
      change('routes', [doc('a', { policies: ['one', 'two'], timeoutMs: 1_111 })]),
      // The rule moves from one set to the other.
      change('policies', [set('one', {}), set('two', deny)]),
    ],
    slow: '/p/two',
  })
  const shown = () => routes().map(({ timeoutMs, policies = {} }) => [timeoutMs, 'clients' in policies])
  const before = shown()
  assert.equal(before[0]![1], true)
  // What is waited for takes longer than a transaction usually does.
  t.mock.timers.tick(50)
  await nextTurn()
  await nextTurn()
  assert.deepEqual(shown(), before)
  go()
  // What is long is applied in several turns.
  for (let turn = 0; turn < 100 && isDeepStrictEqual(shown(), before); turn++) await nextTurn()
  assert.deepEqual(shown(), [[1_111, true]])
})

test('a reload waits for the policy sets of a transaction whose routes have come', async t => {
  const deny = { clients: { deny: ['10.0.0.0/8'] } }
  const { promise: held, resolve: go } = Promise.withResolvers<void>()
  async function* changes() {
    yield change('routes', [doc('a', { policies: ['one'], timeoutMs: 1_111 })])
    yield change('routes', [doc('slow')])
    await held
    // The rule moves from the document to the set.
    yield change('policies', [set('one', deny)])
  }
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { table, routes, reload, ...following } = await startFollowing(t, {
    first: [doc('a', { policies: ['one'], ...deny }), set('one', {})],
    changes: changes(),
    slow: '/r/slow',
  })
  following.go()
  await nextTurn()
  const shown = () => routes().map(({ id, policies = {} }) => `${id} ${'clients' in policies}`)
  assert.deepEqual(shown(), ['a true'])
  const reloaded = table.betweenEvents(reload)
  assert.deepEqual(shown(), ['a true'])
  go()
  await reloaded
  assert.deepEqual(shown(), ['a true', 'slow false'])
})
