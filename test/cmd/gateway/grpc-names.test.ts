import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GrpcNames, grpcNamesIn } from '../../../cmd/gateway/grpc-names.ts'
import { createNode } from '../../../internal/nodes/node.ts'

test('a gRPC name leads to the services that have it, by name', () => {
  const names = new GrpcNames()
  names.set('task', 'reflected', ['task.v1.Tasks', 'task.v1.Admin'])
  names.set('other', 'metadata', ['task.v1.Tasks'])
  assert.deepEqual(names.servicesOf('task.v1.Tasks'), ['other', 'task'])
  assert.deepEqual(names.servicesOf('task.v1.Admin'), ['task'])
  assert.deepEqual(names.servicesOf('task.v1.tasks'), [])
})

test('a name stays as long as one source has it', () => {
  const names = new GrpcNames()
  names.set('task', 'metadata', ['task.v1.Tasks'])
  names.set('task', 'reflected', ['task.v1.Tasks', 'task.v1.Admin'])
  names.set('task', 'metadata', [])
  assert.deepEqual(names.servicesOf('task.v1.Tasks'), ['task'])
  names.set('task', 'reflected', ['task.v1.Admin'])
  assert.deepEqual(names.servicesOf('task.v1.Tasks'), [])
  names.set('task', 'reflected', [])
  assert.deepEqual([...names.entries()], [])
})

const nodesOf = (service: string) => [createNode({ service, id: 'n1', host: '10.0.0.1', port: 1 })]

test('a service that says later what another has comes after it, whatever its name, as long as that has nodes', () => {
  let now = 0
  const names = new GrpcNames(() => now)
  for (const service of ['quiet', 'task']) names.setNodes(service, nodesOf(service))
  names.started()
  names.set('task', 'reflected', ['x.Y'])
  names.setNodes('aaa', nodesOf('aaa'))
  names.set('aaa', 'reflected', ['x.Y'])
  assert.deepEqual(names.servicesOf('x.Y'), ['task', 'aaa'], 'a new service')
  now = 20_000
  names.set('quiet', 'reflected', ['q.Q'])
  names.set('quiet', 'metadata', ['x.Y'])
  assert.deepEqual(
    names.servicesOf('x.Y'),
    ['task', 'aaa', 'quiet'],
    'an old one that has claimed nothing so far',
  )
  names.setNodes('task', nodesOf('task'))
  names.set('task', 'reflected', ['x.Y', 'x.Z'])
  assert.equal(names.servicesOf('x.Y')[0], 'task')
  names.setNodes('task', [])
  names.set('task', 'reflected', [])
  assert.deepEqual(names.servicesOf('x.Y'), ['aaa', 'quiet'])
  names.setNodes('task', nodesOf('task'))
  names.set('task', 'reflected', ['x.Y'])
  assert.equal(names.servicesOf('x.Y')[0], 'aaa', 'it was gone')
})

test('services that are there at the start are in the order of their names, whichever answers first', () => {
  const names = new GrpcNames(() => 0)
  for (const service of ['b', 'a']) names.setNodes(service, nodesOf(service))
  names.started()
  names.set('b', 'reflected', ['x.Y'])
  names.set('a', 'reflected', ['x.Y'])
  assert.deepEqual(names.servicesOf('x.Y'), ['a', 'b'])
})

test('what an operator has written comes before what nodes say', () => {
  const names = new GrpcNames()
  names.started()
  names.set('a', 'metadata', ['x.Y'])
  names.set('b', 'reflected', ['x.Y'])
  names.set('c', 'written', ['x.Y'])
  assert.deepEqual(names.servicesOf('x.Y'), ['c', 'a', 'b'])
  names.set('b', 'written', ['x.Y'])
  names.set('b', 'reflected', [])
  names.set('c', 'written', [])
  assert.deepEqual(names.servicesOf('x.Y'), ['b', 'a'])
})

test('a service keeps its place when its descriptors come from elsewhere', () => {
  const names = new GrpcNames()
  names.started()
  names.setDescribed('task', 'reflected', ['x.Y'])
  names.setDescribed('aaa', 'reflected', ['x.Y'])
  names.setDescribed('task', 'written', ['x.Y', 'x.Z'])
  assert.deepEqual(names.servicesOf('x.Y'), ['task', 'aaa'])
  names.setDescribed('task', 'reflected', ['x.Y'])
  assert.deepEqual(names.servicesOf('x.Y'), ['task', 'aaa'])
  assert.equal(names.isWritten('x.Y', 'task'), false)
  assert.deepEqual(names.servicesOf('x.Z'), [])
})

test('services about the node itself, and what is no name, are not taken', () => {
  const names = new GrpcNames()
  const about = [
    'grpc.health.v1.Health',
    'grpc.reflection.v1alpha.ServerReflection',
    'grpc.channelz.v1.Channelz',
  ]
  const broken = ['', '.', 'a..b', '1a', 'a/b', 'a b', '*', '__proto__/x', 'a.b.', 'a-b', '../etc']
  names.set('task', 'metadata', [...about, ...broken, 'grpc.healthy.Service', 'Greeter', '__proto__'])
  assert.deepEqual(
    [...names.entries()].map(([name]) => name),
    ['grpc.healthy.Service', 'Greeter', '__proto__'],
  )
})

test('a service has at most a thousand names', () => {
  const names = new GrpcNames()
  names.set(
    'task',
    'metadata',
    Array.from({ length: 5_000 }, (_, i) => `task.S${i}`),
  )
  assert.equal([...names.entries()].length, 1_000)
})

test('nodes name their gRPC services in metadata', () => {
  const node = (id: string, grpcServices?: string) =>
    createNode({
      service: 'task',
      id,
      host: '10.0.0.1',
      port: 1,
      protocol: 'grpc',
      metadata: grpcServices === undefined ? {} : { grpcServices },
    })
  const nodes = [
    node('a', 'task.v1.Tasks, task.v1.Admin'),
    node('b'),
    node('c', 'task.v1.Tasks,task.v2.Tasks'),
  ]
  assert.deepEqual(grpcNamesIn(nodes), ['task.v1.Admin', 'task.v1.Tasks', 'task.v2.Tasks'])
})
