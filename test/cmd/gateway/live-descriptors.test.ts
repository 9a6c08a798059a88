import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { grpcJson } from '../../../cmd/gateway/grpc-json.ts'
import { LiveDescriptors } from '../../../cmd/gateway/live-descriptors.ts'
import { silentLogger } from '../../../discovery/logger.ts'
import type { Peer } from '../../../internal/nodes/peer.ts'
import { FakePeer, testNode } from '../../support/peer.ts'
import {
  answered,
  filesOf,
  NOT_FOUND,
  questionsOf,
  services,
  TASK,
} from '../../support/reflection-messages.ts'
import { until } from '../../support/until.ts'

const TASKS = 'task.v1.Tasks'
const KNOWN = create(FileDescriptorProtoSchema, {
  name: 'known.proto',
  package: 'b',
  service: [{ name: 'Known' }],
})
const FILES: Readonly<Record<string, Buffer>> = {
  [TASKS]: TASK.at(-1)!.bytes,
  'b.Known': Buffer.from(toBinary(FileDescriptorProtoSchema, KNOWN)),
}

/** Follows the descriptors of one service, whose nodes list these gRPC services and describe some of them. */
function follow(t: TestContext, node: { lists: string[]; describes: string[] }) {
  const peers: Peer[] = []
  const told: (readonly string[] | undefined)[] = []
  let calls = 0
  const descriptors = new LiveDescriptors({
    files: new Map(),
    nameOf: () => undefined,
    nodesToAsk: () => peers,
    async callNode(_, request) {
      calls++
      return answered(
        questionsOf(request).map(({ listServices, fileContainingSymbol }) => {
          if (listServices !== undefined) return services(...node.lists)
          const isKnown = fileContainingSymbol !== undefined && node.describes.includes(fileContainingSymbol)
          return isKnown ? filesOf(FILES[fileContainingSymbol]!) : NOT_FOUND
        }),
      )
    },
    onSchema: (_, known) => void told.push(known?.schema.services),
    logger: silentLogger,
    timings: { settleMs: 0, pauseMs: 0 },
  })
  descriptors.open(grpcJson)
  t.after(() => descriptors.close())
  const addNode = () => {
    peers.push(new FakePeer(testNode({ id: `n${peers.length}`, port: 1_000 + peers.length })))
    descriptors.nodesChanged('task', true)
  }
  addNode()
  return { descriptors, told, addNode, calls: () => calls }
}

test('what nodes have said is kept for the services that went last, for when they are back', async t => {
  const known: string[] = []
  const descriptors = new LiveDescriptors({
    files: new Map(),
    nameOf: () => undefined,
    nodesToAsk: service => [new FakePeer(testNode({ id: service }))],
    callNode: async (_, request) =>
      answered(
        questionsOf(request).map(each =>
          each.listServices === undefined ? filesOf(FILES['b.Known']!) : services('b.Known'),
        ),
      ),
    onSchema: (service, schema) => void (schema && known.push(service)),
    logger: silentLogger,
  })
  descriptors.open(grpcJson)
  t.after(() => descriptors.close())
  for (let n = 0; n <= 101; n++) {
    descriptors.nodesChanged(`s${n}`, true)
    await until('its node has answered', () => known.includes(`s${n}`), { everyMs: 2 })
    descriptors.nodesChanged(`s${n}`, false)
  }
  assert.deepEqual(
    ['s0', 's1', 's2', 's101'].map(service => descriptors.schemaOf(service) !== undefined),
    [false, false, true, true],
  )
  descriptors.nodesChanged('s2', true)
  assert.equal(known.at(-1), 's2', 'before its node has answered')
})

test('a gRPC service without a descriptor is a problem, and the others of its node are used', async t => {
  const { descriptors, told } = follow(t, { lists: ['a.Lost', TASKS], describes: [TASKS] })
  await until('the node has answered', () => told.length === 1)
  assert.ok(told[0]!.includes(TASKS))
  assert.deepEqual(descriptors.problems(), [
    { key: 'reflection:task', reason: 'the node has no descriptor of "a.Lost"' },
  ])
})

test('a descriptor that a newer node lacks stays in force, since its service would lose its route', async t => {
  const node = { lists: [TASKS], describes: [TASKS] }
  const { descriptors, told, addNode, calls } = follow(t, node)
  await until('the node has answered', () => told.length === 1)
  assert.deepEqual(descriptors.problems(), [])
  node.lists = ['b.Known', TASKS]
  node.describes = ['b.Known']
  const before = calls()
  addNode()
  await until(
    'the newer node has answered',
    () => calls() >= before + 2 && descriptors.problems().length === 1,
  )
  assert.equal(told.length, 1)
  assert.ok(descriptors.findMethod('task', `${TASKS}/CreateTask`))
})

test('descriptors of a thousand services are taken one by one, and those that a route names for its service, too', t => {
  const names = Array.from({ length: 1_000 }, (_, i) => `s${i}`)
  const nameOf = (service: string) => (service === 'other' ? 's7' : undefined)
  let asked = 0
  const told: string[] = []
  const descriptors = new LiveDescriptors({
    ...{ files: new Map(), nameOf, logger: silentLogger },
    nodesToAsk() {
      asked++
      return []
    },
    callNode: async () => assert.fail('no node is asked'),
    onSchema: service => void told.push(service),
  })
  descriptors.open(grpcJson)
  t.after(() => descriptors.close())
  for (const service of [...names, 'other']) descriptors.nodesChanged(service, true)
  const bytes = Buffer.from(
    toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [KNOWN] })),
  )
  const schema = grpcJson.readSchema(bytes)
  for (const name of names) descriptors.apply(undefined, { name, bytes, schema })
  assert.deepEqual(told.toSorted(), [...names, 'other'].toSorted())
  assert.ok(asked <= 2 * names.length, `${asked} looks for nodes`)
  descriptors.apply({ name: 's7', bytes, schema }, undefined)
  assert.deepEqual(told.slice(-2).toSorted(), ['other', 's7'])
  assert.equal(descriptors.of('other'), undefined)
})
