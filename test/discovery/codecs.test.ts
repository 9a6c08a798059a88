import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auto } from '../../discovery/codecs/auto.ts'
import { codecNamed, codecs } from '../../discovery/codecs/codecs.ts'
import { plainAddress } from '../../discovery/codecs/plain-address.ts'
import { serviceObject } from '../../discovery/codecs/service-object.ts'
import { encodeNode, waygate } from '../../discovery/codecs/waygate.ts'
import { createNode } from '../../internal/node.ts'
import { type CodecCases, codecContract, refuses } from './codec-contract.ts'

const writeWaygate: CodecCases['write'] = ({ host, ...rest }) => JSON.stringify({ ...rest, ip: host })
const cases: readonly CodecCases[] = [
  { codec: auto, weights: true, write: writeWaygate },
  { codec: waygate, weights: true, write: writeWaygate },
  { codec: plainAddress, weights: false, write: ({ host, port }) => `${host ?? ''}:${port ?? ''}` },
  {
    codec: serviceObject,
    weights: true,
    write: ({ host, ...rest }) => JSON.stringify({ name: 'user', nodes: [{ ...rest, ip: host }] }),
  },
]
for (const each of cases) codecContract(each)

test('every codec of the list runs the contract', () => {
  assert.deepEqual(
    cases.map(each => each.codec),
    codecs,
  )
})

test('a codec is found by its name, and a wrong name is told what there is', () => {
  for (const codec of codecs) assert.equal(codecNamed(codec.name), codec)
  refuses(() => codecNamed('toString'), /auto, waygate/)
})

test('waygate: what is written is read back as the same node', () => {
  for (const host of ['10.0.0.7', '::1', 'user.internal']) {
    const node = createNode({
      service: 'user',
      id: 'u1',
      host,
      port: 3001,
      weight: 7,
      metadata: { zone: 'a' },
    })
    assert.deepEqual(waygate.decode('user/u1', encodeNode(node)), [node])
  }
})

test('waygate: the id may be missing, "host" may stand for "ip", unknown fields are ignored', () => {
  const value = '{"host":"10.0.0.7","ip":"10.0.0.7","port":3001,"colour":"red"}'
  assert.equal(waygate.decode('user/u1', value)[0]?.id, 'u1')
})

test('waygate: an id, service, name or address that disagrees is refused', () => {
  for (const [extra, reason] of [
    ['"id":"u2"', /id/],
    ['"service":"task"', /service/],
    ['"name":"task"', /service/],
    ['"host":"10.0.0.8"', /differ/],
  ] as const) {
    refuses(() => waygate.decode('user/u1', `{"ip":"10.0.0.7","port":3001,${extra}}`), reason)
  }
})

test('waygate: metadata of strings, numbers and booleans becomes strings; the rest is refused', () => {
  const decode = (metadata: string) =>
    waygate.decode('user/u1', `{"ip":"10.0.0.7","port":3001,"metadata":${metadata}}`)[0]?.metadata
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
  const [node] = waygate.decode('user/u1', '{"ip":"10.0.0.7","port":3001,"__proto__":{"weight":9}}')
  assert.equal(node?.weight, 1)
  assert.equal(({} as { weight?: unknown }).weight, undefined)
})

test('waygate: an id with a slash in its key is refused', () => {
  refuses(() => waygate.decode('user/a/b', '{"ip":"10.0.0.7","port":3001}'), /id/)
})

test('plain-address: an IPv6 address stands in brackets, and white space around is dropped', () => {
  assert.equal(plainAddress.decode('user/u1', '[2001:db8::1]:80\n')[0]?.host, '2001:db8::1')
  refuses(() => plainAddress.decode('user/u1', '2001:db8::1:80'))
  refuses(() => plainAddress.decode('user/u1', '[fe80::1]:80'), /link-local/)
})

test('service-object: carries several nodes, each without an id called by its address', () => {
  const nodes = [
    { ip: '10.0.0.7', port: 1 },
    { id: 'b', ip: '10.0.0.8', port: 2, weight: 4 },
  ]
  const read = serviceObject.decode('user/10.0.0.7:1', JSON.stringify({ name: 'user', nodes }))
  assert.deepEqual(
    read.map(node => [node.id, node.weight]),
    [
      ['10.0.0.7:1', 1],
      ['b', 4],
    ],
  )
})

test('service-object: no nodes is a good value', () => {
  assert.deepEqual(serviceObject.decode('user/x', '{"name":"user","nodes":[]}'), [])
})

test('service-object: one bad node refuses the key and is named in the reason', () => {
  const nodes = [
    { id: 'a', ip: '10.0.0.7', port: 1 },
    { id: 'b', ip: '10.0.0.8', port: 0 },
  ]
  refuses(() => serviceObject.decode('user/x', JSON.stringify({ nodes })), /nodes\[1\].*port/)
})

test('service-object: another name, a repeated id, and nodes that are none are refused', () => {
  const node = { id: 'a', ip: '10.0.0.7', port: 1 }
  refuses(() => serviceObject.decode('user/x', JSON.stringify({ name: 'task', nodes: [node] })), /service/)
  refuses(() => serviceObject.decode('user/x', JSON.stringify({ nodes: [node, node] })), /id of another/)
  for (const bad of [null, {}, 'x', [null], ['x'], [[]]]) {
    refuses(() => serviceObject.decode('user/x', JSON.stringify({ nodes: bad })), /nodes/)
  }
})

test('auto: reads each format by its shape', () => {
  const decode = (value: string) => auto.decode('user/u1', value).map(node => `${node.id} ${node.host}`)
  assert.deepEqual(decode('10.0.0.7:3001'), ['u1 10.0.0.7'])
  assert.deepEqual(decode(' {"ip":"10.0.0.7","port":3001}'), ['u1 10.0.0.7'])
  assert.deepEqual(decode('{"nodes":[{"id":"a","ip":"10.0.0.7","port":1}]}'), ['a 10.0.0.7'])
})
