import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeNode, waygateCodec } from '../../../discovery/codecs/waygate.ts'
import { createNode } from '../../../internal/nodes/node.ts'
import { refuses } from '../codec-contract.ts'

test('waygate: a written node is read back as the same node', () => {
  for (const host of ['10.0.0.7', '::1', 'user.internal']) {
    const node = createNode({
      service: 'user',
      id: 'u1',
      host,
      port: 3001,
      weight: 7,
      metadata: { zone: 'a' },
    })
    assert.deepEqual(waygateCodec.decode('user/u1', encodeNode(node)), [node])
  }
})

test('waygate: the protocol of a node is written and read back', () => {
  const node = createNode({ service: 'user', id: 'u1', host: '10.0.0.7', port: 3001, protocol: 'grpc' })
  assert.deepEqual(waygateCodec.decode('user/u1', encodeNode(node)), [node])
})

test('waygate: the metadata may name the protocol, unless the node itself does', () => {
  const protocolOf = (extra: string) =>
    waygateCodec.decode('user/u1', `{"ip":"10.0.0.7","port":3001,${extra}}`)[0]?.protocol
  assert.equal(protocolOf('"metadata":{"protocol":"grpc"}'), 'grpc')
  assert.equal(protocolOf('"protocol":"http","metadata":{"protocol":"grpc"}'), undefined)
  const node = createNode({
    service: 'user',
    id: 'u1',
    host: '10.0.0.7',
    port: 3001,
    metadata: { protocol: 'grpc' },
  })
  assert.deepEqual(waygateCodec.decode('user/u1', encodeNode(node)), [node], 'it speaks HTTP')
})

test('waygate: the id may be missing, "host" is an alias of "ip", and unknown fields are ignored', () => {
  const value = '{"host":"10.0.0.7","ip":"10.0.0.7","port":3001,"colour":"red"}'
  assert.equal(waygateCodec.decode('user/u1', value)[0]?.id, 'u1')
})

test('waygate: an id, service, name or address that contradicts another is refused', () => {
  for (const [extra, reason] of [
    ['"id":"u2"', /id/],
    ['"service":"task"', /service/],
    ['"name":"task"', /service/],
    ['"host":"10.0.0.8"', /differ/],
  ] as const) {
    refuses(() => waygateCodec.decode('user/u1', `{"ip":"10.0.0.7","port":3001,${extra}}`), reason)
  }
})

test('waygate: metadata of strings, numbers and booleans becomes strings; the rest is refused', () => {
  const decode = (metadata: string) =>
    waygateCodec.decode('user/u1', `{"ip":"10.0.0.7","port":3001,"metadata":${metadata}}`)[0]?.metadata
  assert.deepEqual(decode('{"a":"x","b":2,"c":true}'), { a: 'x', b: '2', c: 'true' })
  assert.deepEqual(decode('null'), {})
  for (const bad of [
    '{"a":null}',
    '{"a":{}}',
    '{"a":[1]}',
    '[]',
    '"x"',
    '{"__proto__":"x"}',
    '{"__proto__":{}}',
  ]) {
    refuses(() => decode(bad), /metadata/)
  }
})

test('waygate: "__proto__" as a field changes no prototype', () => {
  const [node] = waygateCodec.decode('user/u1', '{"ip":"10.0.0.7","port":3001,"__proto__":{"weight":9}}')
  assert.equal(node?.weight, 1)
  assert.equal(({} as { weight?: unknown }).weight, undefined)
})

test('waygate: a slash in the key becomes a ~ in the id, as in every format', () => {
  const [node] = waygateCodec.decode('user/a/b', '{"ip":"10.0.0.7","port":3001}')
  assert.equal(node?.id, 'a~b')
})
