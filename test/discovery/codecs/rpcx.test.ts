import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rpcxCodec } from '../../../discovery/codecs/rpcx.ts'
import { refuses } from '../codec-contract.ts'

const KEY = 'Arith/tcp@10.0.0.7:8972'

test('rpcx: an address without a network is tcp', () => {
  assert.deepEqual(
    rpcxCodec.decode('Arith/10.0.0.7:8972', '').map(({ id, host, protocol }) => [id, host, protocol]),
    [['10.0.0.7:8972', '10.0.0.7', 'rpcx']],
  )
})

test('rpcx: networks that rpcx does not have, and addresses that are no host and port, are refused', () => {
  for (const rest of [
    'ftp@h:1',
    '@h:1',
    'tcp@',
    'tcp@h',
    'tcp@h:0',
    'tcp@@h:1',
    'tcp@h:1@h:2',
    'TCP@h:1',
    'unix@/tmp/a',
    'tcp@h:1/x',
  ]) {
    refuses(() => rpcxCodec.decode(`Arith/${rest}`, ''))
  }
})

test('rpcx: an inactive node has weight 0 whatever its weight says', () => {
  for (const value of ['state=inactive', 'state=inactive&weight=9', 'weight=x&state=inactive']) {
    assert.equal(rpcxCodec.decode(KEY, value)[0]?.weight, 0)
  }
  assert.equal(rpcxCodec.decode(KEY, 'state=active&weight=9')[0]?.weight, 9)
  assert.equal(rpcxCodec.decode(KEY, 'weight=')[0]?.weight, 1)
})

test('rpcx: a query of any kind is metadata, except the one name that objects cannot hold', () => {
  const decode = (value: string) => rpcxCodec.decode(KEY, value)[0]?.metadata
  assert.deepEqual(decode('a=1&a=2&b=%20c&constructor=x&d'), { a: '1,2', b: ' c', constructor: 'x', d: '' })
  refuses(() => decode('a=1&__proto__=x'), /__proto__/)
})

test('rpcx: more metadata than a node has use for is refused, and soon', () => {
  refuses(() => rpcxCodec.decode(KEY, 'a&'.repeat(400_000)), /entries/)
  refuses(() => rpcxCodec.decode(KEY, 'a'.repeat(10 * 1024 * 1024)), /larger/)
})
