import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryRegistry } from '../../discovery/memory-registry.ts'
import { Follower } from './follow.ts'

const U1 = { service: 'user', id: 'u1', host: '10.0.0.7', port: 3001 }

test('an outage can be simulated: no events come during it, and a snapshot comes after it', async () => {
  const registry = new MemoryRegistry()
  const follower = new Follower(registry)
  await follower.until('connected', () => follower.connected())
  registry.setConnected(false)
  await follower.until('the outage', () => !follower.connected())
  assert.equal(registry.status('nodes').connected, false)
  await registry.register(U1)
  registry.putRoute('r1', { path: '/a', service: 'user' })
  assert.equal(follower.directory.services().size, 0)
  registry.setConnected(true)
  await follower.until('its end', () => follower.connected())
  assert.deepEqual(follower.nodes(), ['user/u1:1'])
  assert.equal(follower.directory.routes().length, 1)
  await follower.stop()
})

test('a watch that starts during an outage gets a snapshot only when it ends', async () => {
  const registry = new MemoryRegistry()
  registry.setConnected(false)
  const follower = new Follower(registry)
  await follower.until('told', () => follower.events.length === 2)
  assert.equal(follower.loaded(), false)
  registry.setConnected(true)
  await follower.until('loaded', () => follower.loaded())
  await follower.stop()
})

test('any entry can be put, as by a service with its own format', async () => {
  const registry = new MemoryRegistry()
  const follower = new Follower(registry)
  registry.putEntry('nodes', { kind: 'problem', key: '/services/user/x', reason: 'not JSON' })
  await follower.until('the problem', () => follower.directory.problems().length === 1)
  registry.deleteEntry('nodes', '/services/user/x')
  await follower.until('its end', () => follower.directory.problems().length === 0)
  await follower.stop()
})
