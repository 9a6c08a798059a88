import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kitexCodec } from '../../../discovery/codecs/kitex.ts'
import { refuses } from '../codec-contract.ts'

const decode = (value: object) =>
  kitexCodec.decode('echo/1', JSON.stringify({ network: 'tcp', address: '10.0.0.7:80', ...value }))[0]

test('kitex: networks other than tcp are refused', () => {
  for (const network of ['tcp', 'tcp4', 'tcp6', '', undefined]) assert.equal(decode({ network })?.port, 80)
  for (const network of ['unix', 'udp', 'tcpx', 1, null, []]) refuses(() => decode({ network }), /network/)
})

test('kitex: tags are flat, and name the protocol', () => {
  assert.equal(decode({ tags: { protocol: 'http' } })?.protocol, undefined)
  assert.equal(decode({ tags: { protocol: 'grpc' } })?.protocol, 'grpc')
  for (const tags of [[], 'x', 1, { a: {} }, { a: null }]) refuses(() => decode({ tags }), /metadata/)
})
