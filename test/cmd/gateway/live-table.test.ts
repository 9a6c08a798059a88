import assert from 'node:assert/strict'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { type TestContext, test } from 'node:test'
import { LiveTable } from '../../../cmd/gateway/live-table.ts'
import { LiveRules } from '../../../cmd/gateway/service-rules.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { routeContext } from '../../../config/load/route-context.ts'
import { silentLogger } from '../../../discovery/logger.ts'
import type { Registry, RegistryEntry, RegistryEvent } from '../../../discovery/registry.ts'
import { NodeTable } from '../../../internal/nodes/node-table.ts'
import { FakePeer } from '../../support/peer.ts'
import { until } from '../../support/until.ts'

const { config, keys } = loadConfig({ env: {}, cwd: tmpdir() })
const SOURCES = [
  { name: '/s/', scope: 'nodes' },
  { name: '/r/', scope: 'routes' },
] as const

const doc = (id: string): RegistryEntry => ({
  ...{ kind: 'route', key: `/r/${id}`, id },
  document: { path: '/*', service: 'user', auth: 'none' },
})
const change = (puts: readonly RegistryEntry[], deletes: readonly string[]): RegistryEvent => ({
  ...{ type: 'change', source: '/r/', scope: 'routes', revision: '2', puts, deletes },
})

/** A table with the route `a`, whose registry puts the route `b` in its place. To apply that takes until `go` is called. */
async function startReplacing(t: TestContext) {
  const snapshots = SOURCES.map(
    ({ name, scope }): RegistryEvent => ({
      ...{ type: 'snapshot', source: name, scope, revision: '1', from: 'store', afterLoss: false },
      entries: scope === 'routes' ? [doc('a')] : [],
    }),
  )
  const { promise: held, resolve: go } = Promise.withResolvers<void>()
  const registry = {
    ...{ name: 'test', keptBy: 'services', sources: SOURCES },
    async *watch(signal: AbortSignal) {
      yield* snapshots
      yield change([doc('b')], ['/r/a'])
      if (!signal.aborted) await once(signal, 'abort')
    },
  } as unknown as Registry
  let isPreparing = false
  const context = routeContext(config, keys)
  const table = new LiveTable({
    registry,
    nodes: new NodeTable(node => new FakePeer(node)),
    ...{ config: config.routes, rules: new LiveRules({ config }), context },
    ...{ suspectGraceMs: 0, openConnection: () => {}, refusalOf: () => undefined, logger: silentLogger },
    prepare(entry) {
      if (entry.key !== '/r/b') return undefined
      isPreparing = true
      return held
    },
    ...{ onNodes() {}, onRoutes() {} },
  })
  const following = new AbortController()
  const followed = table.follow(following.signal)
  const end = () => {
    following.abort()
    go()
    return followed
  }
  t.after(end)
  await until('the change is being applied', () => isPreparing)
  const shown = () => table.routeTable().documents.map(({ id }) => id)
  return { table, reload: () => table.configure(config.routes, context, new Map()), shown, go, end }
}

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
