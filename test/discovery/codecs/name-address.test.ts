import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nameAddressCodec } from '../../../discovery/codecs/name-address.ts'
import { refuses } from '../codec-contract.ts'

const decode = (path: string, value: object) => nameAddressCodec.decode(path, JSON.stringify(value))

test('name-address: the value names the service where the key has an id alone', () => {
  assert.equal(decode('10.0.0.7:80', { name: 'user', addr: '10.0.0.7:80' })[0]?.service, 'user')
})

test('name-address: a longer key has the last word, so a writer below one service cannot join another', () => {
  refuses(() => decode('task/10.0.0.7:80', { name: 'user', addr: '10.0.0.7:80' }), /the service in the value differs.*"task"/)
  refuses(() => decode('v1/10.0.0.7:80', { name: 'user', version: 'v1', addr: '10.0.0.7:80' }), /service/)
})

test('name-address: an empty name is none', () => {
  assert.equal(decode('user/1', { name: '', addr: '10.0.0.7:80' })[0]?.service, 'user')
  refuses(() => decode('1', { name: '', addr: '10.0.0.7:80' }), /key/)
})

test('name-address: a name that is no service name, or no string, is refused', () => {
  for (const name of ['__proto__', 'constructor', 'a b', 'a/b', '-', 1, null, [], {}]) {
    refuses(() => decode('10.0.0.7:80', { name, addr: '10.0.0.7:80' }))
  }
})

test('name-address: two addresses must be one', () => {
  const same = { addr: '10.0.0.7:80', address: '10.0.0.7:80' }
  assert.equal(decode('user/1', same).length, 1)
  refuses(() => decode('user/1', { ...same, address: '10.0.0.8:80' }), /differ/)
})

test('name-address: no address, or one that is no string, is refused', () => {
  refuses(() => decode('user/1', { name: 'user' }), /addr/)
  for (const addr of [1, null, true, [], {}]) refuses(() => decode('user/1', { addr }), /"addr"/)
})

test('name-address: an address alone is told that a port is missing', () => {
  for (const ip of ['10.0.0.7', '2001:db8::7']) {
    refuses(() => decode('user/1', { ip }), /no port: neither a "port" field nor one in "ip"/)
  }
})

test('name-address: metadata has its own version before the one beside it', () => {
  const [node] = decode('user/1', { addr: '10.0.0.7:80', version: '1', metadata: { version: '2' } })
  assert.deepEqual(node?.metadata, { version: '2' })
})
