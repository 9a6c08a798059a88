import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import type { Call } from '../../../internal/call.ts'
import type { Peer } from '../../../internal/nodes/peer.ts'
import { UpstreamFailure } from '../../../internal/upstream-failure.ts'
import { type CallNode, reflect } from '../../../wrappers/descriptors/reflection-client.ts'
import { Reflections } from '../../../wrappers/descriptors/reflections.ts'
import {
  answered,
  filesOf,
  NOT_FOUND,
  questionsOf,
  services,
  TASK,
} from '../../support/reflection-messages.ts'
import { until } from '../../support/until.ts'

let addresses = 0

function peer(version?: string): Peer {
  const address = `10.0.0.${++addresses}:1`
  return { address, node: { metadata: version === undefined ? {} : { version } } } as unknown as Peer
}

/** A node that gives only the file that is asked for, and knows one version of the protocol. */
function taskNode(version = 'v1'): CallNode & { readonly asked: string[] } {
  const asked: string[] = []
  const callNode: CallNode = async (_, request) => {
    asked.push(request.target)
    if (!request.target.startsWith(`/grpc.reflection.${version}.`)) return answered([], 12)
    return answered(
      questionsOf(request).map(question => {
        if (question.listServices !== undefined)
          return services(
            'task.v1.Tasks',
            'grpc.health.v1.Health',
            `grpc.reflection.${version}.ServerReflection`,
          )
        if (question.fileContainingSymbol === 'task.v1.Tasks') return filesOf(TASK.at(-1)!.bytes)
        const file = TASK.find(({ name }) => name === question.fileByFilename)
        return file ? filesOf(file.bytes) : NOT_FOUND
      }),
    )
  }
  return Object.assign(callNode, { asked })
}

test('files that others import are asked for until none is missing, but for those of Google', async () => {
  const node = taskNode()
  const { files, missing } = await reflect(peer(), node)
  assert.deepEqual(missing, [])
  assert.deepEqual(
    files.map(({ name }) => name),
    ['task.proto'],
  )
  assert.deepEqual(node.asked, Array(2).fill('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'))
})

test('a node that knows only v1alpha is asked in v1alpha, and at once the next time', async () => {
  const node = taskNode('v1alpha')
  const one = peer()
  assert.equal((await reflect(one, node)).files.length, 1)
  await reflect(one, node)
  assert.deepEqual(
    node.asked.map(target => target.split('.')[2]),
    ['v1', 'v1alpha', 'v1alpha', 'v1alpha', 'v1alpha'],
  )
})

for (const [how, isEnded] of [
  ['answers with an error for it', false],
  ['ends the call at it', true],
] as const) {
  test(`a service without a descriptor costs itself alone when the node ${how}`, async () => {
    const node: CallNode = async (_, request) => {
      const messages: Buffer[] = []
      for (const question of questionsOf(request)) {
        if (question.listServices !== undefined)
          messages.push(services('a.Lost', 'task.v1.Tasks', 'z.Lost', 'grpc.health.v1.Health'))
        else if (question.fileContainingSymbol === 'task.v1.Tasks') messages.push(filesOf(TASK.at(-1)!.bytes))
        else if (isEnded) return answered(messages, 5)
        else messages.push(NOT_FOUND)
      }
      return answered(messages)
    }
    const { files, missing } = await reflect(peer(), node)
    assert.deepEqual(
      files.map(({ name }) => name),
      ['task.proto'],
    )
    assert.deepEqual(missing, ['a.Lost', 'z.Lost'])
  })
}

test('each of very many imported files is looked for once', async () => {
  /** Returns the CPU time that a node takes whose file has 150,000 imports with names that begin so. */
  const costOf = async (prefix: string): Promise<number> => {
    const dependency = Array.from(
      { length: 300_000 },
      (_, n) => `${prefix}${n.toString(36).padStart(4, '0')}`,
    )
    const file = { name: 'a.proto', package: 'a', service: [{ name: 'B' }], dependency }
    const bytes = toBinary(FileDescriptorProtoSchema, create(FileDescriptorProtoSchema, file))
    const answer = filesOf(Buffer.from(bytes))
    const before = process.cpuUsage()
    const { files } = await reflect(peer(), async (_, request) =>
      answered(
        questionsOf(request).map(question => {
          if (question.listServices !== undefined) return services('a.B')
          return question.fileContainingSymbol === 'a.B' ? answer : NOT_FOUND
        }),
      ),
    )
    assert.equal(files.length, 1)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1_000
  }
  await costOf('google/api/')
  const [known, missing] = [await costOf('google/api/'), await costOf('elsewhere/')]
  assert.ok(missing < 3 * known, `${missing} ms, where nothing is missing ${known} ms`)
})

test('a node that answers nothing but errors is not asked about each of its services', async () => {
  let calls = 0
  const node: CallNode = async (_, request) => {
    if (questionsOf(request)[0]?.listServices !== undefined)
      return answered([services(...Array.from({ length: 500 }, (_, i) => `a.B${i}`))])
    calls++
    return answered([], 13)
  }
  await assert.rejects(reflect(peer(), node), { message: 'the node answered INTERNAL: ' })
  assert.equal(calls, 17)
  const lost: CallNode = async (_, request) =>
    answered(
      questionsOf(request).map(each => (each.listServices === undefined ? NOT_FOUND : services('a.B'))),
    )
  await assert.rejects(reflect(peer(), lost), { message: 'the node has no descriptor of "a.B"' })
})

test('a node whose call breaks off is not taken for one that lacks the services that follow', async () => {
  for (const [status, name] of [
    [1, 'CANCELLED'],
    [4, 'DEADLINE_EXCEEDED'],
    [8, 'RESOURCE_EXHAUSTED'],
    [14, 'UNAVAILABLE'],
  ] as const) {
    const node: CallNode = async (_, request) =>
      questionsOf(request)[0]?.listServices !== undefined
        ? answered([services('task.v1.Tasks', 'z.Next')])
        : answered([filesOf(TASK.at(-1)!.bytes)], status)
    await assert.rejects(reflect(peer(), node), { message: `the node answered ${name}: ` })
  }
})

test('a node that stops in the middle of an answer is not asked further when the time is over', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let calls = 0
  const node: CallNode = async (_, request, call) => {
    calls++
    if (questionsOf(request)[0]?.listServices !== undefined) return answered([services('a.B', 'a.C')])
    return {
      ...answered([NOT_FOUND]),
      sendBody(target) {
        // As a call over HTTP/2 ends when it is given up.
        call.current = { cancel: () => target.endWithTrailers(['grpc-status', '4']) }
        setImmediate(() => t.mock.timers.tick(5_000))
      },
    }
  }
  await assert.rejects(reflect(peer(), node), { message: 'the node did not answer within 5 s' })
  assert.equal(calls, 2)
})

test('what a node says instead of its descriptors is told', async () => {
  const deps = (name: string, ...dependency: string[]): Buffer =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, create(FileDescriptorProtoSchema, { name, dependency })))
  const endless: CallNode = async (_, request) =>
    answered(
      questionsOf(request).map(question => {
        if (question.listServices !== undefined) return services('a.B')
        const at = Number(question.fileByFilename ?? 0)
        return filesOf(
          ...Array.from({ length: 100 }, (_, i) => deps(String(at * 100 + i), String(at * 100 + i + 100))),
        )
      }),
    )
  const cases: readonly (readonly [CallNode, RegExp])[] = [
    [async () => answered([], 12), /^the node has no server reflection$/],
    [async () => ({ ...answered([]), status: 404, headers: [] }), /^the node has no server reflection$/],
    [
      async () => ({ ...answered([]), status: 503, headers: [] }),
      /^the node answered HTTP 503 instead of gRPC$/,
    ],
    [async () => answered([services()]), /^the node has no gRPC service$/],
    [async () => answered([services('grpc.health.v1.Health')]), /^the node has no gRPC service$/],
    [async () => answered([], 16), /^the node answered UNAUTHENTICATED: $/],
    [async () => answered([NOT_FOUND]), /^the node answered: not found$/],
    [
      async () => answered([Buffer.from([0x0a, 0xff])]),
      /^the node answered something that is no reflection$/,
    ],
    [
      async () => Promise.reject(new UpstreamFailure('connect')),
      /^the node cannot be asked: upstream connect$/,
    ],
    [
      async () => answered([services(...Array.from({ length: 513 }, (_, i) => `a.B${i}`))]),
      /more than 512 services$/,
    ],
    [
      async () =>
        answered([Buffer.concat([services('a.B'), Buffer.alloc(4_200_000, Buffer.from([0x7a, 0]))])]),
      /more than 8388608 bytes$/,
    ],
    // An answer without bytes counts as well.
    [async () => answered([services('a.B'), Buffer.alloc(0)]), /^the node answered more than it was asked$/],
    [
      async (_, request) =>
        answered([
          questionsOf(request)[0]?.listServices === undefined
            ? filesOf(...Array<Buffer>(50_001).fill(Buffer.alloc(0)))
            : services('a.B'),
        ]),
      /^the node gave more than 50000 files at once$/,
    ],
    [endless, /more than 512 files$/],
    [
      async (_, request) =>
        answered([
          questionsOf(request)[0]?.listServices === undefined
            ? filesOf(Buffer.from('no file'))
            : services('a.B'),
        ]),
      /^a file is not a FileDescriptorProto$/,
    ],
  ]
  for (const [node, reason] of cases) await assert.rejects(reflect(peer(), node), { message: reason })
})

function watch(t: TestContext, callNode: CallNode) {
  const told: string[] = []
  const reflections = new Reflections({
    callNode,
    onReflected: (service, { files }) => told.push(`${service} ${files.length}`),
    onFailure: (service, { message }) => told.push(`${service} ${message}`),
    timings: { settleMs: 30, pauseMs: 60, maxPauseMs: 120 },
  })
  t.after(() => reflections.close())
  return { reflections, told }
}

test('the first node is asked at once, and later ones when they are new by address or version', async t => {
  const asked: Peer[] = []
  const node = taskNode()
  const { reflections, told } = watch(t, (each, request, call) => {
    if (asked.at(-1) !== each) asked.push(each)
    return node(each, request, call)
  })
  const [one, two, three] = [peer(), peer(), peer('2')]
  reflections.update('task', [one])
  await until('the first answer', () => told.length === 1)
  // The same nodes again, and one less, are no news.
  reflections.update('task', [one])
  reflections.update('task', [one, two])
  reflections.update('task', [one, two, three])
  await until('the second answer', () => told.length === 2)
  reflections.update('task', [one, three])
  assert.deepEqual(asked, [one, three])
  assert.deepEqual(told, ['task 1', 'task 1'])
})

test('a service whose newest node cannot be asked is asked at other nodes, and again later', async t => {
  const node = taskNode()
  let isWell = false
  const [one, two] = [peer(), peer()]
  const { reflections, told } = watch(t, (each, request, call) =>
    isWell || each === one ? node(each, request, call) : Promise.reject(new UpstreamFailure('connect')),
  )
  reflections.update('task', [one, two])
  await until('the other node has answered', () => told.length === 1)
  assert.deepEqual(told, ['task 1'])
  reflections.update('user', [two])
  await until('it was tried twice', () => told.length >= 3)
  assert.deepEqual(told.slice(1, 3), Array(2).fill('user the node cannot be asked: upstream connect'))
  isWell = true
  await until('it has answered', () => told.includes('user 1'))
})

for (const [how, end] of [
  ['closing', (reflections: Reflections) => reflections.close()],
  ['a service that is no longer to be asked', (reflections: Reflections) => reflections.update('task', [])],
] as const) {
  test(`${how} ends the question that is under way, and asks no other node`, async t => {
    const calls: Call[] = []
    const { reflections, told } = watch(t, (_, __, call) => {
      calls.push(call)
      return new Promise((_, reject) => {
        call.current = { cancel: reject }
      })
    })
    reflections.update('task', [peer(), peer()])
    await until('a node is asked', () => calls.length === 1)
    end(reflections)
    assert.equal(calls[0]!.ended?.kind, 'aborted')
    await new Promise(setImmediate)
    assert.equal(calls.length, 1)
    assert.deepEqual(told, [])
  })
}

test('a node that comes while the others fail to answer is asked as soon as any new one', async t => {
  const [old, young] = [peer(), peer()]
  const answers: (() => void)[] = []
  let failures = 0
  let isYoungAsked = false
  const reflections = new Reflections({
    callNode: async asked => {
      if (asked === young) isYoungAsked = true
      else await new Promise<void>(resolve => answers.push(resolve))
      throw new UpstreamFailure('connect')
    },
    onReflected() {},
    onFailure: () => void failures++,
    timings: { settleMs: 10, pauseMs: 10, maxPauseMs: 300_000 },
  })
  t.after(() => reflections.close())
  reflections.update('task', [old])
  // So often that the next pause is one of minutes.
  for (let n = 0; n < 15; n++) {
    await until(
      'it is asked',
      () => {
        reflections.urge('task')
        return answers.length > 0
      },
      { everyMs: 5 },
    )
    if (n === 14) reflections.update('task', [old, young])
    answers.shift()!()
    await until('that has failed', () => failures === n + 1, { everyMs: 5 })
  }
  await until('the new one is asked', () => isYoungAsked, { withinMs: 5_000 })
})
