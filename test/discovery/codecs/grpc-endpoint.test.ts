import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grpcEndpointCodec } from '../../../discovery/codecs/grpc-endpoint.ts'
import { refuses } from '../codec-contract.ts'

const decode = (value: object) => grpcEndpointCodec.decode('user/1', JSON.stringify(value))
const Addr = '10.0.0.7:80'

test('grpc-endpoint: a deletion has no node, whatever its address', () => {
  for (const rest of [{}, { Addr }, { Addr: 'nonsense' }, { Addr: '' }]) {
    assert.deepEqual(decode({ Op: 1, ...rest }), [])
  }
})

test('grpc-endpoint: an operation that is neither is refused', () => {
  for (const Op of [2, -1, '0', '1', null, true, [], {}]) refuses(() => decode({ Op, Addr }), /Op/)
})

test('grpc-endpoint: of metadata what is not flat is left out, and a weight that is no number is none', () => {
  const [node] = decode({ Addr, Metadata: { weight: 'heavy', deep: { a: 1 }, list: [1], none: null, n: 2 } })
  assert.deepEqual(node?.metadata, { weight: 'heavy', n: '2' })
  assert.equal(node?.weight, 1)
  for (const Metadata of [null, [], [{ weight: 3 }]])
    assert.deepEqual(decode({ Addr, Metadata })[0]?.metadata, {})
})

test('grpc-endpoint: metadata names the protocol, in one word', () => {
  assert.equal(decode({ Addr, Metadata: { protocol: 'HTTP/1.1' } })[0]?.protocol, undefined)
  assert.equal(decode({ Addr, Metadata: { protocol: 'Thrift' } })[0]?.protocol, 'thrift')
  for (const protocol of ['a b', '\n', '1', 'x'.repeat(33)]) {
    refuses(() => decode({ Addr, Metadata: { protocol } }), /protocol/)
  }
})
