import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codecNamed } from '../../../discovery/codecs/codecs.ts'
import { refuses } from '../codec-contract.ts'

/** A value of each format in which the key gives a node its id. `null` stands for the rest of the key. */
const values: readonly (readonly [format: string, value: Readonly<Record<string, unknown>> | string])[] = [
  ['waygate', { ip: '10.0.0.7', port: 3001 }],
  ['waygate', { id: null, ip: '10.0.0.7', port: 3001 }],
  ['plain-address', '10.0.0.7:3001'],
  ['name-address', { addr: '10.0.0.7:3001' }],
  ['grpc-endpoint', { Op: 0, Addr: '10.0.0.7:3001' }],
  ['kratos', { id: null, endpoints: ['http://10.0.0.7:3001'] }],
  ['go-zero', '10.0.0.7:3001'],
  ['kitex', { network: 'tcp', address: '10.0.0.7:3001' }],
  ['hertz', { network: 'tcp', address: '10.0.0.7:3001' }],
]

const ids: readonly (readonly [rest: string, id: string])[] = [
  ['v1/10.0.0.7:3001', 'v1~10.0.0.7:3001'],
  ['eu/blue/u1', 'eu~blue~u1'],
  ['[2001:db8::1]:3001', '2001:db8::1:3001'],
  ['[::1]:3001', '0::1:3001'],
  ['v1/[2001:db8::1]:3001', 'v1~2001:db8::1:3001'],
  ['u1', 'u1'],
]

for (const [format, value] of values) {
  const written = (rest: string) =>
    typeof value === 'string' ? value : JSON.stringify(value, (_, item) => (item === null ? rest : item))
  const what = typeof value === 'string' ? value : JSON.stringify(value)
  test(`${format}: slashes and brackets in a key are replaced in the id: ${what}`, () => {
    for (const [rest, id] of ids) {
      for (const codec of [codecNamed(format), codecNamed('auto')]) {
        const [node] = codec.decode(`user/${rest}`, written(rest))
        assert.equal(node?.id, id, `${codec.name} at user/${rest}`)
      }
    }
  })
}

test('waygate: a value may repeat the id as it is in the key or as the node has it, and no other', () => {
  const decode = (id: string) =>
    codecNamed('waygate').decode('user/v1/u1', JSON.stringify({ id, ip: '10.0.0.7', port: 3001 }))[0]?.id
  assert.equal(decode('v1/u1'), 'v1~u1')
  assert.equal(decode('v1~u1'), 'v1~u1')
  for (const id of ['u1', 'v1', 'v1-u1', '']) refuses(() => decode(id), /the id in the value differs/)
})
