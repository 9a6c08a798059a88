import assert from 'node:assert/strict'
import { test } from 'node:test'
import { autoCodec } from '../../../discovery/codecs/auto.ts'
import { refuses } from '../codec-contract.ts'

const summary = (value: string, path = 'user/u1') =>
  autoCodec.decode(path, value).map(({ id, host, protocol = 'http' }) => `${id} ${host} ${protocol}`)

test('auto: reads each format by its shape', () => {
  assert.deepEqual(summary('10.0.0.7:3001'), ['u1 10.0.0.7 http'])
  assert.deepEqual(summary(' {"ip":"10.0.0.7","port":3001}'), ['u1 10.0.0.7 http'])
  assert.deepEqual(summary('{"nodes":[{"id":"a","ip":"10.0.0.7","port":1}]}'), ['a 10.0.0.7 http'])
  assert.deepEqual(summary('{"nodes":[{"id":"a","address":"10.0.0.7:1"}]}'), ['a 10.0.0.7 http'])
  assert.deepEqual(summary('{"endpoints":["grpc://10.0.0.7:1"]}'), ['u1 10.0.0.7 grpc'])
  assert.deepEqual(summary('{"Addr":"10.0.0.7:1"}'), ['u1 10.0.0.7 grpc'])
  assert.deepEqual(summary('{"Name":"user","Addr":"10.0.0.7:1"}'), ['u1 10.0.0.7 http'])
  assert.deepEqual(summary('{"address":"10.0.0.7:1"}'), ['u1 10.0.0.7 http'])
  assert.deepEqual(summary('{"network":"tcp","address":"10.0.0.7:1"}'), ['u1 10.0.0.7 thrift'])
})

test('auto: a value of go-micro without nodes is known by its endpoints', () => {
  assert.deepEqual(summary('{"name":"a/b","endpoints":null,"nodes":null}', 'a-b/1'), [])
})

test('auto: the key tells what the value cannot', () => {
  assert.deepEqual(summary('', 'user/tcp@10.0.0.7:1'), ['tcp@10.0.0.7:1 10.0.0.7 rpcx'])
  assert.deepEqual(summary('user', 'user'), [])
  assert.deepEqual(summary('10.0.0.7:1', 'user.rpc/7587'), ['7587 10.0.0.7 grpc'])
  assert.deepEqual(summary('10.0.0.7:1', 'user.rpc/one'), ['one 10.0.0.7 http'])
  assert.deepEqual(summary('10.0.0.7:1', 'user/7587'), ['7587 10.0.0.7 http'])
})

test('auto: a plain address under an id with an @ of its own is no rpcx', () => {
  assert.deepEqual(summary('10.0.0.7:1', 'user/blue@1'), ['blue@1 10.0.0.7 http'])
})

test('auto: a key of one segment with another value is refused', () => {
  refuses(() => summary('task', 'user'), /key/)
  refuses(() => summary('', 'user'), /key/)
})
