import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kratosCodec } from '../../../discovery/codecs/kratos.ts'
import { refuses } from '../codec-contract.ts'

const decode = (endpoints: unknown, rest: object = {}) =>
  kratosCodec.decode('user/u1', JSON.stringify({ ...rest, endpoints }))
const summary = (endpoints: unknown) =>
  decode(endpoints).map(({ id, port, protocol = 'http' }) => `${id} ${port} ${protocol}`)

test('kratos: an http and a grpc endpoint are two nodes, whatever their order', () => {
  assert.deepEqual(summary(['http://h:1', 'grpc://h:2']), ['u1 1 http', 'u1@grpc 2 grpc'])
  assert.deepEqual(summary(['grpc://h:2', 'http://h:1']), ['u1 1 http', 'u1@grpc 2 grpc'])
  assert.deepEqual(summary(['grpc://h:2']), ['u1 2 grpc'])
  assert.deepEqual(summary(['grpc://h:2', 'http://h:1', 'grpc://h:3']), [
    'u1 1 http',
    'u1@grpc@h:2 2 grpc',
    'u1@grpc@h:3 3 grpc',
  ])
})

test('kratos: http is preferred to https, grpc to grpcs, and all of them to the rest', () => {
  const endpoints = ['ws://h:1', 'grpcs://h:2', 'grpc://h:3', 'https://h:4', 'http://h:5']
  assert.deepEqual(
    endpoints.map((_, i) => summary(endpoints.slice(0, i + 1))),
    [
      ['u1 1 ws'],
      ['u1 2 grpcs'],
      ['u1 3 grpc'],
      ['u1 4 https', 'u1@grpc 3 grpc'],
      ['u1 5 http', 'u1@grpc 3 grpc'],
    ],
  )
})

test('kratos: isSecure is read as Go reads a boolean', () => {
  for (const yes of ['1', 't', 'T', 'true', 'True', 'TRUE']) {
    assert.deepEqual(summary([`http://h:1?isSecure=${yes}`]), ['u1 1 https'])
  }
  for (const no of ['0', 'f', 'false', '', 'yes', 'tRuE', '0&notisSecure=1']) {
    assert.deepEqual(summary([`http://h:1/?isSecure=${no}`]), ['u1 1 http'])
  }
  assert.deepEqual(summary(['https://h:1?isSecure=true']), ['u1 1 https'])
  assert.deepEqual(summary(['HTTP://h:1#?isSecure=true']), ['u1 1 http'])
})

test('kratos: ids do not depend on the order of the endpoints', () => {
  const there = summary(['http://h:1', 'http://h:2'])
  assert.deepEqual(there, ['u1@h:1 1 http', 'u1@h:2 2 http'])
  assert.deepEqual(summary(['http://h:2', 'http://h:1']).reverse(), there)
})

test('kratos: the same endpoint twice is refused', () => {
  refuses(() => decode(['http://h:1', 'http://h:1']), /http endpoints\[1\].*same id as another/)
})

test('kratos: one invalid endpoint of the chosen protocol rejects the key', () => {
  refuses(() => decode(['http://h:1', 'http://h:0']), /http endpoints\[1\].*port/)
  refuses(() => decode(['http://h:1', 'grpc://h:0']), /grpc endpoints\[0\].*port/)
  refuses(() => decode(['http://h:1', 'h:2']), /endpoints\[1\].*scheme/)
})

test('kratos: invalid endpoints are refused', () => {
  for (const bad of [
    undefined,
    {},
    'http://h:1',
    1,
    true,
    [1],
    [null],
    [[]],
    [{}],
    [''],
    ['http:/h:1'],
    ['://h:1'],
  ]) {
    refuses(() => decode(bad), /endpoint|scheme/)
  }
  for (const bad of [
    'http://',
    'http://h',
    'http://h:',
    'http://u:p@h:1',
    'http://h:1:2',
    'http://[::1:1',
    'http:// h:1',
  ]) {
    refuses(() => decode([bad]))
  }
  refuses(() => decode(Array.from({ length: 65 }, (_, i) => `http://h:${i + 1}`)), /64/)
})

test('kratos: a weight that is not a number is refused, because Kratos does not use it either', () => {
  for (const weight of ['', 'heavy', '5 ', null])
    refuses(() => decode(['http://h:1'], { metadata: { weight } }), /weight/)
})

test('kratos: an id or a name that disagrees with the key is refused', () => {
  refuses(() => decode(['http://h:1'], { id: 'u2' }), /the id in the value differs.*"u1"/)
  refuses(() => decode(['http://h:1'], { name: 'task' }), /the service in the value differs.*"user"/)
})
