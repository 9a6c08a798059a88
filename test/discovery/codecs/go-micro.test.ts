import assert from 'node:assert/strict'
import { test } from 'node:test'
import { goMicroCodec } from '../../../discovery/codecs/go-micro.ts'
import { refuses } from '../codec-contract.ts'

const node = { id: 'u1', address: '10.0.0.7:80', metadata: {} }
const decode = (nodes: unknown, rest: object = {}) =>
  goMicroCodec.decode('user/u1', JSON.stringify({ name: 'user', ...rest, nodes }))

test('go-micro: several nodes of one value are several nodes', () => {
  const nodes = decode([node, { ...node, id: 'u2', metadata: { weight: '7' } }])
  assert.deepEqual(
    nodes.map(({ id, weight }) => [id, weight]),
    [
      ['u1', 1],
      ['u2', 7],
    ],
  )
})

test('go-micro: one bad node refuses the key and is named in the reason', () => {
  refuses(() => decode([node, { ...node, id: 'u2', address: '10.0.0.7:0' }]), /nodes\[1\].*port/)
  refuses(() => decode([node, node]), /nodes\[1\].*same id as another/)
  refuses(() => decode([{ ...node, address: 'flow://x' }]), /nodes\[0\].*address/)
})

test('go-micro: nodes that are none are refused', () => {
  for (const bad of [
    undefined,
    {},
    'x',
    [null],
    ['x'],
    [[]],
    [{ id: 'u1' }],
    [{ address: 'h:1' }],
    [{ ...node, id: 1 }],
  ]) {
    refuses(() => decode(bad), /nodes/)
  }
})

test('go-micro: another name is refused, and so is one that is no string', () => {
  refuses(() => decode([node], { name: 'task' }), /the service in the value differs/)
  for (const name of [1, null, {}, []]) refuses(() => decode([node], { name }), /name/)
})

test('go-micro: with a prefix of the service alone the value names it', () => {
  assert.equal(goMicroCodec.decode('u1', JSON.stringify({ name: 'a/b', nodes: [node] }))[0]?.service, 'a-b')
})
