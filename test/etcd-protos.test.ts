import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js'
import * as protoLoader from '@grpc/proto-loader'
import protobuf from 'protobufjs'
import { etcdProtos } from '../scripts/bundle.ts'

// As the bundle has it.
Object.assign(globalThis, { ETCD_PROTOS: JSON.stringify(etcdProtos()) })
const bundled = await import('../scripts/etcd-protos.ts')

const rpc = join(dirname(createRequire(import.meta.url).resolve('etcd3/package.json')), 'proto', 'rpc.proto')
/** What etcd3 asks for, and what the embedded etcd does. */
const OPTIONS = [
  { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true },
  { keepCase: true, longs: String, defaults: true, oneofs: true },
] as const
const root = new protobuf.Root().loadSync(rpc, { keepCase: true }).resolveAll()

/** Makes a message in which every field has a value, as deep as the types are. */
function fullMessage(type: protobuf.Type, depth = 0): Record<string, unknown> {
  const fields = type.fieldsArray.filter(field => depth < 4 || !(field.resolvedType instanceof protobuf.Type))
  return Object.fromEntries(
    fields.map(field => {
      const value = valueFor(field, depth)
      return [field.name, field.repeated ? [value, value] : field.map ? { key: value } : value]
    }),
  )
}

function valueFor({ type, resolvedType }: protobuf.Field, depth: number): unknown {
  if (resolvedType instanceof protobuf.Type) return fullMessage(resolvedType, depth + 1)
  if (resolvedType instanceof protobuf.Enum) return Object.values(resolvedType.values).at(-1)
  if (type === 'bytes') return Buffer.from([0, 255])
  if (type === 'string') return 'é'
  if (type === 'bool') return true
  // Beyond what a JavaScript number holds exactly.
  return /64/.test(type) ? '9007199254740993' : 7
}

for (const options of OPTIONS) {
  const kind = 'enums' in options ? 'names' : 'numbers'
  test(`the services of etcd are in the bundle as proto-loader loads them, with enums as ${kind}`, () => {
    const loaded = protoLoader.loadSync(rpc, options)
    const services = bundled.loadSync(rpc, options) as Record<string, ServiceDefinition>
    const names = Object.keys(loaded).filter(name => !('format' in loaded[name]!))
    assert.deepEqual(Object.keys(services).sort(), names.sort())
    assert.ok(names.includes('etcdserverpb.KV'))
    for (const name of names) {
      const wanted = loaded[name] as ServiceDefinition
      assert.deepEqual(Object.keys(services[name]!), Object.keys(wanted))
      for (const [method, theirs] of Object.entries(wanted)) {
        const ours = services[name]![method]!
        for (const key of ['path', 'requestStream', 'responseStream', 'originalName'] as const)
          assert.equal(ours[key], theirs[key], `${name}.${method} ${key}`)
        const { requestType, responseType } = theirs as unknown as Record<string, { type: { name: string } }>
        sameBytes(ours, theirs, 'request', requestType!.type.name)
        sameBytes(ours, theirs, 'response', responseType!.type.name)
      }
    }
  })
}

type Method = MethodDefinition<unknown, unknown>

function sameBytes(ours: Method, theirs: Method, side: 'request' | 'response', type: string): void {
  const message = fullMessage(root.lookupType(`etcdserverpb.${type}`))
  const bytes = theirs[`${side}Serialize`](message)
  assert.ok(Buffer.from(bytes).equals(ours[`${side}Serialize`](message)), type)
  assert.deepEqual(ours[`${side}Deserialize`](bytes), theirs[`${side}Deserialize`](bytes))
  assert.deepEqual(ours[`${side}Deserialize`](Buffer.alloc(0)), theirs[`${side}Deserialize`](Buffer.alloc(0)))
}

test('no other file is asked of the bundle in vain', () => {
  assert.throws(() => bundled.loadSync('channelz.proto', {}), /channelz.proto is not part of the bundle/)
})
