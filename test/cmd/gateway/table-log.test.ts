import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TableLog } from '../../../cmd/gateway/table-log.ts'
import { Directory } from '../../../discovery/directory.ts'
import { silentLogger } from '../../../discovery/logger.ts'
import type { RegistryEntry, RegistryEvent } from '../../../discovery/registry.ts'
import { createNode } from '../../../internal/nodes/node.ts'
import { applyTo, parseRoute } from '../../discovery/follow.ts'

const bad = (key: string, reason = 'not JSON'): RegistryEntry => ({ kind: 'problem', key, reason })
const node = (key: string): RegistryEntry => ({
  ...{ kind: 'nodes', key },
  nodes: [createNode({ service: 's', id: 'n', host: '10.0.0.1', port: 80 })],
})

test('values that are not used are gone through when they have changed, and not at each change of a node', t => {
  const directory = new Directory({ parseRoute })
  const warned: unknown[] = []
  const logger = {
    ...silentLogger,
    warn: ({ key, reason }: object & { key?: string; reason?: string }) => void warned.push([key, reason]),
  }
  const log = new TableLog(directory, logger)
  let revision = 0
  const change = (puts: readonly RegistryEntry[], deletes: readonly string[] = []) => {
    const event: RegistryEvent = {
      ...{ type: 'change', source: 'nodes', scope: 'nodes', revision: String(++revision) },
      ...{ puts, deletes },
    }
    applyTo(directory, event)
    log.applied(event)
  }
  const entries: readonly RegistryEntry[] = []
  const snapshot: RegistryEvent = {
    ...{ type: 'snapshot', source: 'nodes', scope: 'nodes', revision: '0' },
    ...{ entries, from: 'store', afterLoss: false },
  }
  applyTo(directory, snapshot)
  log.applied(snapshot)
  const looks = t.mock.method(directory, 'problems')
  change([bad('a'), bad('b')])
  assert.equal(looks.mock.callCount(), 1)
  for (let i = 0; i < 10; i++) change([node('n')])
  assert.equal(looks.mock.callCount(), 1)
  change([bad('a', 'no port')], ['b'])
  change([], ['a'])
  change([bad('a', 'no port')])
  const key = 'the key of another node, which has its id'
  change([node(key)])
  change([], [key])
  change([node(key)])
  assert.deepEqual(warned.slice(0, 4), [
    ['a', 'not JSON'],
    ['b', 'not JSON'],
    ['a', 'no port'],
    ['a', 'no port'],
  ])
  assert.equal(warned.length, 6, JSON.stringify(warned))
})
