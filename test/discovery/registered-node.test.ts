import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryRegistry } from '../../discovery/memory-registry.ts'
import { RegisteredNode } from '../../discovery/registered-node.ts'
import type { RegistrationChanges } from '../../discovery/registry.ts'

const U1 = { service: 'user', id: 'u1', host: '10.0.0.7', port: 3001, weight: 5, metadata: { a: 'b' } }

for (const [what, changes, weight] of [
  ['has the weight it was given', [{}], 5],
  ['drains to 0', [{ draining: true }], 0],
  ['comes back with its weight', [{ draining: true }, { draining: false }], 5],
  ['goes on draining when something else changes', [{ draining: true }, { metadata: {} }], 0],
  ['keeps a weight given while it drains', [{ draining: true }, { weight: 7 }, { draining: false }], 7],
  ['keeps a weight given with the drain', [{ draining: true, weight: 7 }, { draining: false }], 7],
  ['drains but once', [{ draining: true }, { draining: true }, { draining: false }], 5],
  ['takes undefined for not given', [{ weight: undefined, metadata: undefined, draining: undefined }], 5],
  ['may have the weight 0 of its own', [{ weight: 0 }, { draining: true }, { draining: false }], 0],
] satisfies [string, RegistrationChanges[], number][]) {
  test(`a registered node ${what}`, () => {
    const registered = new RegisteredNode(U1)
    for (const change of changes) registered.update(change)
    assert.equal(registered.node.weight, weight)
  })
}

test('an invalid change changes nothing, even while the node drains', () => {
  const registered = new RegisteredNode(U1)
  registered.update({ draining: true })
  assert.throws(() => registered.update({ weight: -1, draining: false }), TypeError)
  assert.equal(registered.node.weight, 0)
  registered.update({ draining: false })
  assert.equal(registered.node.weight, 5)
  assert.deepEqual(registered.node.metadata, { a: 'b' })
})

for (const [what, metadata, reason] of [
  [
    'more entries than gateways read',
    Object.fromEntries(Array.from({ length: 300 }, (_, i) => [i, ''])),
    /256/,
  ],
  ['a list as a value', { tags: ['a'] }, /"tags"/],
  ['null as a value', { zone: null }, /"zone"/],
  ['a list for metadata', ['a'], /object/],
  ['the key __proto__', JSON.parse('{"__proto__":"a"}'), /__proto__/],
] as [string, Record<string, string>, RegExp][]) {
  test(`${what} is refused at once, even as a change`, () => {
    const refusal = { name: 'TypeError', message: reason }
    assert.throws(() => new RegisteredNode({ ...U1, metadata }), refusal)
    const registered = new RegisteredNode(U1)
    assert.throws(() => registered.update({ weight: 7, metadata }), refusal)
    assert.deepEqual([registered.node.weight, registered.node.metadata], [5, { a: 'b' }])
  })
}

test('a node in memory drains like one in etcd', async () => {
  const registry = new MemoryRegistry()
  const registration = await registry.register(U1)
  const weight = async () => (await registry.getService('user'))?.nodes[0]?.weight
  await registration.update({ draining: true })
  assert.equal(await weight(), 0)
  await registration.update({ draining: false })
  assert.equal(await weight(), 5)
})
