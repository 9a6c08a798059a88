import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sourceView } from '../../../cmd/gateway/source-view.ts'
import type { Directory } from '../../../discovery/directory.ts'
import type { Registry } from '../../../discovery/registry.ts'

const DENIED = 'etcd: permission denied'

/** Returns the view when the registry denies access to one kind of keys. */
function viewWithout(denied: string) {
  const isDenied = (name: string) => name === denied
  const registry = {
    name: 'etcd',
    sources: ['nodes', 'routes', 'descriptors'].map(scope => ({ name: scope, scope })),
    status: (name: string) => ({ connected: !isDenied(name), ageMs: 5, drift: 0, relists: new Map() }),
  } as unknown as Registry
  const directory = {
    source: (name: string) => ({
      loaded: !isDenied(name),
      restored: false,
      reason: isDenied(name) ? DENIED : undefined,
      revision: '7',
    }),
    problems: () => [],
    suspectCount: 0,
  } as unknown as Directory
  return sourceView(registry, directory)
}

test('a table is live without the permission to read descriptors, which roles of older gateways do not have', () => {
  const view = viewWithout('descriptors')
  assert.deepEqual([view.connected, view.stale, view.reason], [true, false, undefined])
  const { connected, stale, reason } = view.sources.find(({ name }) => name === 'descriptors')!
  assert.deepEqual([connected, stale, reason], [false, true, DENIED])
})

test('a table is stale without the permission to read nodes or routes', () => {
  for (const denied of ['nodes', 'routes']) {
    const { connected, stale, reason } = viewWithout(denied)
    assert.deepEqual([connected, stale, reason], [false, true, DENIED], denied)
  }
})
