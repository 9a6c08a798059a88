import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serviceObjectCodec } from '../../../discovery/codecs/service-object.ts'
import { refuses } from '../codec-contract.ts'

test('service-object: carries several nodes, each without an id called by its address', () => {
  const nodes = [
    { ip: '10.0.0.7', port: 1 },
    { id: 'b', ip: '10.0.0.8', port: 2, weight: 4 },
  ]
  const read = serviceObjectCodec.decode('user/10.0.0.7:1', JSON.stringify({ name: 'user', nodes }))
  assert.deepEqual(
    read.map(node => [node.id, node.weight]),
    [
      ['10.0.0.7:1', 1],
      ['b', 4],
    ],
  )
})

test('service-object: no nodes is a good value', () => {
  assert.deepEqual(serviceObjectCodec.decode('user/x', '{"name":"user","nodes":[]}'), [])
})

test('service-object: one bad node refuses the key and is named in the reason', () => {
  const nodes = [
    { id: 'a', ip: '10.0.0.7', port: 1 },
    { id: 'b', ip: '10.0.0.8', port: 0 },
  ]
  refuses(() => serviceObjectCodec.decode('user/x', JSON.stringify({ nodes })), /nodes\[1\].*port/)
})

test('service-object: another name, a repeated id, and nodes that are none are refused', () => {
  const node = { id: 'a', ip: '10.0.0.7', port: 1 }
  refuses(
    () => serviceObjectCodec.decode('user/x', JSON.stringify({ name: 'task', nodes: [node] })),
    /service/,
  )
  refuses(() => serviceObjectCodec.decode('user/x', JSON.stringify({ nodes: [node, node] })), /same id as another/)
  for (const bad of [{}, 'x', [null], ['x'], [[]]]) {
    refuses(() => serviceObjectCodec.decode('user/x', JSON.stringify({ nodes: bad })), /nodes/)
  }
})
