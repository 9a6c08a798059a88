import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { createNodeGuard } from '../../../cmd/gateway/node-guard.ts'

const ADMIN_PORT = 9_180
const OWN = [
  '127.0.0.1',
  '127.0.0.2',
  '127.255.0.1',
  '::1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '0:0:0:0:0:0:0:1',
]

test('the gateway’s own admin listener is refused as a node, at any address of this machine', () => {
  const guard = createNodeGuard({ allowedAddresses: [], adminPort: () => ADMIN_PORT })
  const local = Object.values(networkInterfaces()).flatMap(list => list ?? [])
  assert.ok(local.length > 0)
  for (const host of [...OWN, ...local.map(({ address }) => address)]) {
    assert.match(guard.refusalOf({ host, port: ADMIN_PORT }) ?? '', /admin/, host)
    assert.equal(guard.allows(host, ADMIN_PORT), false, host)
    assert.equal(guard.refusalOf({ host, port: 3_000 }), undefined, host)
    assert.equal(guard.allows(host, 3_000), true, host)
  }
  for (const host of ['localhost', 'LOCALHOST', 'localhost.', 'a.localhost'])
    assert.match(guard.refusalOf({ host, port: ADMIN_PORT }) ?? '', /admin/, host)
  // A name may be resolved to it, although no node may have it as its address.
  for (const address of ['0.0.0.0', '::']) assert.equal(guard.allows(address, ADMIN_PORT), false, address)
  for (const host of ['192.0.2.1', '2001:db8::1', 'user.example'])
    assert.equal(guard.refusalOf({ host, port: ADMIN_PORT }), undefined, host)
})

test('the admin port is read each time, since it may not be known at first', () => {
  let port = 0
  const guard = createNodeGuard({ allowedAddresses: [], adminPort: () => port })
  assert.equal(guard.allows('127.0.0.1', ADMIN_PORT), true)
  port = ADMIN_PORT
  assert.equal(guard.allows('127.0.0.1', ADMIN_PORT), false)
})

test('nodes must be in the allowed ranges, however their address is spelled', () => {
  const guard = createNodeGuard({ allowedAddresses: ['10.0.0.0/8', 'fd00::/8'], adminPort: () => 0 })
  for (const host of ['10.1.2.3', '::ffff:10.1.2.3', 'fd12::1']) {
    assert.equal(guard.refusalOf({ host, port: 80 }), undefined, host)
    assert.equal(guard.allows(host, 80), true, host)
  }
  for (const host of ['11.0.0.1', '127.0.0.1', '::1', '::ffff:127.0.0.1', '::a01:203']) {
    assert.match(guard.refusalOf({ host, port: 80 }) ?? '', /allowedAddresses/, host)
    assert.equal(guard.allows(host, 80), false, host)
  }
  // A name is checked when it is resolved for a connection.
  assert.equal(guard.refusalOf({ host: 'user.example', port: 80 }), undefined)
})
