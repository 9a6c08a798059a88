import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema, FieldDescriptorProto_Type as Type } from '@bufbuild/protobuf/wkt'
import {
  DescriptorError,
  type DescriptorFile,
  readDescriptorFile,
  readDescriptorSet,
  writeDescriptorSet,
} from '../../../wrappers/descriptors/repair.ts'
import { createSchema, type ServiceSchema } from '../../../wrappers/descriptors/schema.ts'
import { JsonDecoder } from '../../../wrappers/protobuf/json-decoder.ts'
import { JsonEncoder } from '../../../wrappers/protobuf/json-encoder.ts'

const FIXTURES = join(import.meta.dirname, '../../fixtures/grpc')
const FROM_SERVERS = ['reflected-python', 'reflected-go', 'reflected-grpc-js']

function schemaOf(name: string): ServiceSchema {
  return createSchema(readDescriptorSet(readFileSync(join(FIXTURES, `${name}.binpb`))))
}

type FileInit = MessageInitShape<typeof FileDescriptorProtoSchema>

function file(init: FileInit): DescriptorFile {
  return create(FileDescriptorProtoSchema, { syntax: 'proto3', name: 'a.proto', ...init })
}

const STRING = { name: 's', number: 1, type: Type.STRING } as const

const LONG_NAME = `${'a'.repeat(511)}.b`
const DEEP_NAME = `${'a.'.repeat(128)}b`
const TOO_LONG = /^the name a[a.]{99}… is too long: at most 512 characters in 128 parts$/

/** Returns a field with bytes: its tag and its length in front of them. */
function within(tag: readonly number[], bytes: Buffer): Buffer {
  const size: number[] = []
  for (let rest = bytes.length; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.concat([Buffer.from([...tag, ...size, rest]), bytes])
    size.push((rest & 0x7f) | 0x80)
  }
}

/** Returns why files are refused. */
function reasonOf(...files: readonly FileInit[]): string {
  try {
    createSchema(files.map(file))
  } catch (error) {
    assert.ok(error instanceof DescriptorError, String((error as Error).stack))
    return error.message
  }
  throw new Error('they were accepted')
}

suite('the descriptors that a server gives', () => {
  for (const name of FROM_SERVERS) {
    test(`${name}: have the methods and messages of its .proto file`, () => {
      const schema = schemaOf(name)
      assert.deepEqual(schema.services, ['task.v1.Tasks'])
      assert.deepEqual(
        schema.methods.map(each => [each.name, each.streamsRequest, each.streamsAnswer, each.isIdempotent]),
        [
          ['task.v1.Tasks/CreateTask', false, false, false],
          ['task.v1.Tasks/GetTask', false, false, true],
          ['task.v1.Tasks/ListTasks', false, false, false],
          ['task.v1.Tasks/UpdateTask', false, false, false],
          ['task.v1.Tasks/CancelTask', false, false, false],
          ['task.v1.Tasks/WatchTasks', false, true, false],
          ['task.v1.Tasks/ImportTasks', true, false, false],
          ['task.v1.Tasks/Chat', true, true, false],
        ],
      )
      const typeNamed = (typeName: string) => schema.types.getMessage(typeName)
      const task = typeNamed('task.v1.Task')!
      const json = {
        ...{ id: '7', title: 'x', state: 'DONE', tags: ['a'], labels: { k: 'v' } },
        ...{ createdAt: '2026-01-02T03:04:05Z', owner: 'u' },
      }
      const bytes = new JsonEncoder({ typeNamed }).encode(task, json).subarray(5)
      assert.deepEqual(new JsonDecoder({ typeNamed }).decode(task, bytes), json)
    })
  }

  test('have google.api.http, except those of grpc-js, which drops it', () => {
    for (const name of ['reflected-python', 'reflected-go']) {
      const rules = schemaOf(name).methods.map(({ rule }) => rule)
      assert.deepEqual(rules.slice(0, 3), [
        {
          post: '/v1/tasks',
          body: 'task',
          additionalBindings: [{ post: '/v1/{task.owner=users/*}/tasks:quick', body: 'dry_run' }],
        },
        { get: '/v1/tasks/{id}' },
        { get: '/v1/tasks', responseBody: 'tasks' },
      ])
    }
    assert.ok(schemaOf('reflected-grpc-js').methods.every(({ rule }) => rule === undefined))
  })

  test('are the same when they are written and read again', () => {
    for (const name of [...FROM_SERVERS, 'task', 'kinds']) {
      const files = readDescriptorSet(readFileSync(join(FIXTURES, `${name}.binpb`)))
      const before = createSchema(files)
      const after = createSchema(readDescriptorSet(writeDescriptorSet(files)))
      assert.deepEqual(
        after.methods.map(each => each.name),
        before.methods.map(each => each.name),
      )
    }
  })
})

suite('descriptors with gaps are completed', () => {
  test('names are looked up in their scope, types and JSON names are filled in, imports are found', () => {
    const schema = createSchema([
      file({
        name: 'uses.proto',
        package: 'a.b',
        dependency: ['gone.proto'],
        messageType: [
          {
            name: 'M',
            nestedType: [{ name: 'N' }],
            enumType: [{ name: 'E', value: [{ name: 'ZERO', number: 0 }] }],
            field: [
              { name: 'to_inner', number: 1, typeName: 'N' },
              { name: 'to_enum', number: 2, typeName: 'E' },
              { name: 'to_other', number: 3, typeName: 'Other' },
              { name: 'to_time', number: 4, typeName: 'google.protobuf.Timestamp' },
              { name: 'to_far', number: 5, typeName: '.c.Far' },
            ],
          },
        ],
        service: [{ name: 'S', method: [{ name: 'Do', inputType: 'M', outputType: 'b.M' }] }],
      }),
      file({ name: 'other.proto', package: 'a', messageType: [{ name: 'Other' }] }),
      file({ name: 'far.proto', package: 'c', messageType: [{ name: 'Far' }] }),
    ])
    const { fields } = schema.types.getMessage('a.b.M')!
    assert.deepEqual(
      fields.map(field => [field.jsonName, field.message?.typeName ?? field.enum?.typeName]),
      [
        ['toInner', 'a.b.M.N'],
        ['toEnum', 'a.b.M.E'],
        ['toOther', 'a.Other'],
        ['toTime', 'google.protobuf.Timestamp'],
        ['toFar', 'c.Far'],
      ],
    )
    assert.equal(schema.methods[0]?.output.typeName, 'a.b.M')
  })

  test('a node cannot redefine the types of Google', () => {
    const schema = createSchema([
      file({
        name: 'google/protobuf/timestamp.proto',
        package: 'google.protobuf',
        messageType: [{ name: 'Timestamp', field: [STRING] }],
      }),
      file({
        package: 'a',
        messageType: [
          { name: 'M', field: [{ name: 't', number: 1, typeName: '.google.protobuf.Timestamp' }] },
        ],
      }),
    ])
    const timestamp = schema.types.getMessage('a.M')!.fields[0]!.message!
    assert.deepEqual(
      timestamp.fields.map(({ name }) => name),
      ['seconds', 'nanos'],
    )
    assert.equal(
      reasonOf({ name: 'google/protobuf/timestamp.proto', package: 'a', messageType: [{ name: 'M' }] }),
      'the file google/protobuf/timestamp.proto defines types of its own',
    )
    assert.equal(
      reasonOf({
        package: 'google',
        messageType: [{ name: 'protobuf', nestedType: [{ name: 'FieldMask' }] }],
      }),
      'the type google.protobuf.FieldMask is defined inside of another one',
    )
  })

  test('services about the node itself are left out', () => {
    const messageType = [{ name: 'M' }]
    const method = [{ name: 'Do', inputType: 'M', outputType: 'M' }]
    const { services, methods } = createSchema([
      file({ package: 'grpc.health.v1', messageType, service: [{ name: 'Health', method }] }),
      file({ name: 'b.proto', package: 'grpc.healthy', messageType, service: [{ name: 'S', method }] }),
    ])
    assert.deepEqual(services, ['grpc.healthy.S'])
    assert.equal(methods.length, 1)
  })
})

suite('descriptors that are refused', () => {
  const nested = (levels: number): NonNullable<FileInit['messageType']>[number] => ({
    name: 'M',
    nestedType: levels === 0 ? [] : [nested(levels - 1)],
  })

  test('say why', () => {
    const messageType = [{ name: 'M' }]
    const extension = [{ name: 'e', number: 1, extendee: 'M', typeName: 'M' }]
    const refused: readonly (readonly [readonly FileInit[], RegExp])[] = [
      [[{}, {}].map(() => ({ name: 'x.proto', messageType })), /^two files are named x\.proto$/],
      [[{ messageType: [{ name: 'M' }, { name: 'M' }] }], /^the type M is defined twice$/],
      [[{ messageType, service: [{ name: 'M' }] }], /^the type M is defined twice$/],
      [
        [
          { name: 'a', messageType },
          { name: 'b', messageType },
        ],
        /^the type M is defined twice$/,
      ],
      [
        [{ messageType: [{ name: 'M', field: [{ name: 'f', number: 1, typeName: 'X' }] }] }],
        /^the type X, used in M, is missing$/,
      ],
      [
        [
          {
            messageType,
            service: [{ name: 'S', method: [{ name: 'D', inputType: '.M', outputType: '.N' }] }],
          },
        ],
        /^the type \.N, used in S, is missing$/,
      ],
      [
        [
          {
            messageType,
            service: [{ name: 'S', method: [{ name: 'D', inputType: '.M', outputType: '.S' }] }],
          },
        ],
        /not consistent/,
      ],
      [
        [
          {
            name: 'a',
            package: 'a',
            messageType: [{ name: 'A', field: [{ name: 'f', number: 1, typeName: '.b.B' }] }],
          },
          {
            name: 'b',
            package: 'b',
            messageType: [{ name: 'B', field: [{ name: 'f', number: 1, typeName: '.a.A' }] }],
          },
        ],
        /^files use each other's types in a circle, a among them$/,
      ],
      [[{ package: LONG_NAME, messageType }], TOO_LONG],
      [[{ package: DEEP_NAME, messageType }], TOO_LONG],
      [
        [
          {
            messageType,
            service: [{ name: 'a', method: [{ name: 'a'.repeat(600), inputType: 'M', outputType: 'M' }] }],
          },
        ],
        TOO_LONG,
      ],
      [[{ messageType }, { name: 'b', package: LONG_NAME, extension }], TOO_LONG],
      [[{ messageType }, { name: 'b', package: DEEP_NAME, extension }], TOO_LONG],
      [[{ messageType: [nested(64)] }], /^types are nested more than 64 deep$/],
      [
        [{ messageType: Array.from({ length: 20_001 }, (_, i) => ({ name: `M${i}` })) }],
        /^there are more than 20000 types$/,
      ],
      [
        [{ messageType: [{ name: 'M', field: [{ ...STRING, number: 0 }] }] }],
        /^the field M\.s has the number 0$/,
      ],
      [
        [{ messageType: [{ name: 'M', field: [{ ...STRING, number: 536870912 }] }] }],
        /has the number 536870912$/,
      ],
      [
        [{ messageType: [{ name: 'M', field: [STRING, { ...STRING, name: 't' }] }] }],
        /^the field M\.t has the number 1$/,
      ],
      [
        [{ messageType: [{ name: 'M', field: [{ ...STRING, type: 77 as Type }] }] }],
        /^the field M\.s has an unknown type$/,
      ],
      [[{ enumType: [{ name: 'E' }] }], /^the enum E has no values$/],
      [[{ messageType: [{ name: 'M', enumType: [{ name: 'E' }] }] }], /^the enum M\.E has no values$/],
      [[{ messageType: [{ name: 'M-', field: [] }] }], /not consistent \(a\.proto: invalid message name/],
      [[{ syntax: 'proto9', messageType }], /not consistent \(a\.proto: unsupported syntax/],
      [
        [
          {
            messageType: [
              {
                name: 'M',
                nestedType: [
                  {
                    name: 'E',
                    options: { mapEntry: true },
                    field: [
                      { name: 'key', number: 1, typeName: 'M' },
                      { name: 'value', number: 2, type: Type.STRING },
                    ],
                  },
                ],
                field: [{ name: 'f', number: 1, label: 3, typeName: 'E' }],
              },
            ],
          },
        ],
        /not consistent/,
      ],
    ]
    for (const [files, reason] of refused) assert.match(reasonOf(...files), reason)
  })

  test('say it shortly, however long the names are that they quote', () => {
    const field = [{ name: 'f', number: 1, typeName: 'X'.repeat(1_000_000) }]
    assert.match(reasonOf({ messageType: [{ name: 'M', field }] }), /^the type X{900,1000}…$/)
  })

  test('are also bytes that are no set', () => {
    for (const bytes of [
      Buffer.from('garbage'),
      Buffer.alloc(1_048_576, 0x0a),
      Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
    ]) {
      assert.throws(() => createSchema(readDescriptorSet(bytes)), DescriptorError)
    }
    // Messages nested far deeper than any stack is.
    let deep: Buffer = Buffer.from([0x0a, 0x01, 0x4d])
    for (let i = 0; i < 2_000; i++) deep = within([0x1a], deep)
    assert.throws(() => readDescriptorSet(within([0x0a], within([0x22], deep))), DescriptorError)
  })

  test('are refused before they are built when there is too much in them', () => {
    // An empty message takes two bytes, an empty import or field as well.
    for (const pair of [
      [0x22, 0],
      [0x1a, 0],
      [0x2a, 0],
      [0x32, 0],
    ]) {
      const file = Buffer.alloc(1_100_000, Buffer.from(pair))
      assert.throws(
        () => readDescriptorFile(file),
        /^DescriptorError: there (?:are more than 20000 types|is too much in it)$/,
      )
    }
    // The additional bindings of google.api.http, which is an option of a method of a service.
    let bindings: Buffer = Buffer.alloc(600_000, Buffer.from([0x5a, 0]))
    for (const tag of [[0x82, 0xd3, 0xe4, 0x93, 0x02], [0x22], [0x12], [0x32]])
      bindings = within(tag, bindings)
    assert.throws(() => readDescriptorFile(bindings), /^DescriptorError: there is too much in it$/)
  })

  test('names that JavaScript has a meaning for do no harm', () => {
    const field = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'].map((name, i) => ({
      ...STRING,
      name,
      number: i + 1,
    }))
    const { types } = createSchema([file({ messageType: [{ name: '__proto__', field }] })])
    const typeNamed = (name: string) => types.getMessage(name)
    const desc = typeNamed('__proto__')!
    const json = JSON.parse('{"__proto__":"a","constructor":"b","toString":"c","hasOwnProperty":"d"}')
    const names = Object.keys(json)
    const byJsonName = Object.fromEntries(desc.fields.map(({ jsonName }, i) => [jsonName, json[names[i]!]]))
    const bytes = new JsonEncoder({ typeNamed }).encode(desc, byJsonName).subarray(5)
    assert.deepEqual(new JsonDecoder({ typeNamed }).decode(desc, bytes), byJsonName)
    assert.equal(({} as Record<string, unknown>).a, undefined)
  })
})
