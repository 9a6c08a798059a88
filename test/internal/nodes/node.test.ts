import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressOf, createNode, parseAddress, sameEndpoint, sameNode } from '../../../internal/nodes/node.ts'
import { testNode } from '../../support/peer.ts'

test('a node is deeply frozen, and its default weight is 1', () => {
  const metadata = { zone: 'a' }
  const node = createNode({ id: 'u1', service: 'user', host: '10.0.0.7', port: 3001, metadata })
  metadata.zone = 'b'
  assert.deepEqual(node, {
    id: 'u1',
    service: 'user',
    host: '10.0.0.7',
    port: 3001,
    weight: 1,
    metadata: { zone: 'a' },
  })
  assert.ok(Object.isFrozen(node) && Object.isFrozen(node.metadata))
})

test('acceptable hosts are kept unchanged', () => {
  const hosts = [
    '10.0.0.7',
    '127.0.0.1',
    'localhost',
    'user.default.svc.cluster.local',
    'user.',
    'a_b-c.example',
    '::1',
    'fd00::1',
    '2001:db8::7',
    'x'.repeat(63),
    '3com.example',
  ]
  for (const host of hosts) assert.equal(testNode({ host }).host, host)
})

test('hosts that are malformed, or where nothing legitimate serves, are refused with a reason', () => {
  const cases: readonly (readonly [host: unknown, reason: RegExp])[] = [
    ['0.0.0.0', /unspecified/],
    ['0.1.2.3', /unspecified/],
    ['255.255.255.255', /broadcast/],
    ['224.0.0.1', /multicast/],
    ['239.255.255.255', /multicast/],
    ['169.254.169.254', /link-local/],
    ['::', /unspecified/],
    ['0:0:0:0:0:0:0:0', /unspecified/],
    ['fe80::1', /link-local/],
    ['FEBF::1', /link-local/],
    ['ff02::1', /multicast/],
    ['::ffff:169.254.169.254', /link-local/],
    ['::ffff:a9fe:a9fe', /link-local/],
    ['0:0:0:0:0:ffff:0.0.0.0', /unspecified/],
    ['::ffff:224.0.0.1', /multicast/],
    ['10.0.0.256', /IPv4/],
    ['999.1.1.1', /IPv4/],
    // Resolvers read each of these as an IPv4 address: 127.0.0.1 or the metadata service of clouds.
    ['2130706433', /host name/],
    ['0x7f000001', /host name/],
    ['0x7f.1', /host name/],
    ['127.1', /host name/],
    ['169.254.43518', /host name/],
    ['0xA9FEA9FE', /host name/],
    ['a.0x1.', /host name/],
    ['a.1.', /host name/],
    ['a.0x', /host name/],
    ['1..', /host name/],
    ['.', /host name/],
    ['', /host name/],
    ['-a', /host name/],
    ['a-', /host name/],
    ['a..b', /host name/],
    ['.a', /host name/],
    ['a b', /host name/],
    ['a/b', /host name/],
    ['user@host', /host name/],
    ['user:pass@host', /IPv6/],
    ['host:80', /IPv6/],
    ['[::1]', /IPv6/],
    ['fe80::1%eth0', /IPv6/],
    ['::1]@x[', /IPv6/],
    ['a\r\nb', /host name/],
    ['bücher.example', /host name/],
    ['x'.repeat(64), /host name/],
    [`${'a.'.repeat(127)}a`, /host name/],
    [undefined, /string/],
    [7, /string/],
    [['10.0.0.1'], /string/],
  ]
  for (const [host, reason] of cases) {
    assert.throws(
      () => testNode({ host: host as string }),
      (error: unknown) => error instanceof TypeError && reason.test(error.message),
      `host ${JSON.stringify(host)}`,
    )
  }
})

test('ports and weights that are not integers in their range are refused', () => {
  for (const port of [0, -1, 65_536, 80.5, Number.NaN, Number.POSITIVE_INFINITY, '80', null]) {
    assert.throws(() => testNode({ port: port as number }), /port must be an integer/, String(port))
  }
  for (const weight of [-1, 65_536, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '1', null]) {
    assert.throws(() => testNode({ weight: weight as number }), /weight must be an integer/, String(weight))
  }
  for (const port of [1, 65_535]) assert.equal(testNode({ port }).port, port)
  for (const weight of [0, 65_535]) assert.equal(testNode({ weight }).weight, weight)
})

test('names that are empty, too long, reserved or look like a path are refused', () => {
  const bad = [
    '',
    'a/b',
    '../x',
    '.x',
    '-x',
    'a b',
    'a\nb',
    'é',
    'x'.repeat(256),
    'constructor',
    'prototype',
    '__proto__',
    7,
    undefined,
  ]
  for (const name of bad) {
    assert.throws(() => testNode({ id: name as string }), /^TypeError: id must/, `id ${String(name)}`)
    assert.throws(
      () => testNode({ service: name as string }),
      /^TypeError: service must/,
      `service ${String(name)}`,
    )
  }
  for (const id of ['u1', '10.0.0.1:3000', 'tcp@10.0.0.1', 'a_b~c', 'x'.repeat(255)]) {
    assert.equal(testNode({ id }).id, id)
  }
})

test('a message shows the value shortened and on one line', () => {
  assert.throws(
    () => testNode({ id: `\n${'x'.repeat(10_000)}` }),
    (error: unknown) => error instanceof Error && error.message.length < 250 && !error.message.includes('\n'),
  )
})

test('an address is split into host and port, with the brackets of an IPv6 host removed', () => {
  assert.deepEqual(parseAddress('10.0.0.7:3001'), { host: '10.0.0.7', port: 3001 })
  assert.deepEqual(parseAddress('user.local:80'), { host: 'user.local', port: 80 })
  assert.deepEqual(parseAddress('[::1]:80'), { host: '::1', port: 80 })
  for (const address of ['10.0.0.7:3001', 'user.local:80', '[::1]:80']) {
    assert.equal(addressOf(parseAddress(address)), address)
  }
})

test('an address that is not host:port is refused', () => {
  const bad = [
    '',
    'host',
    ':80',
    'host:',
    '::1:80',
    '::1',
    '[::1]',
    '[x]:80',
    'http://h:80',
    'h:80/',
    'u@h:80',
  ]
  for (const address of [
    ...bad,
    'h:80 ',
    ' h:80',
    'h h:80',
    'h:808080',
    'h:-1',
    'h:0x50',
    'h:80\n',
    '[::1]:80:80',
  ]) {
    assert.throws(() => parseAddress(address), /address must be host:port/, JSON.stringify(address))
  }
})

test('two nodes have the same endpoint whatever their weights and metadata', () => {
  const node = testNode({ weight: 1, metadata: { a: '1' } })
  assert.ok(sameNode(node, testNode({ weight: 1, metadata: { a: '1' } })))
  for (const change of [
    { weight: 2 },
    { metadata: { a: '2' } },
    { metadata: {} },
    { metadata: { b: '1' } },
  ]) {
    const other = testNode({ weight: 1, metadata: { a: '1' }, ...change })
    assert.ok(sameEndpoint(node, other))
    assert.ok(!sameNode(node, other), JSON.stringify(change))
  }
  for (const change of [{ id: 'x' }, { service: 'x' }, { host: '127.0.0.2' }, { port: 1 }]) {
    assert.ok(!sameEndpoint(node, testNode({ ...change })), JSON.stringify(change))
  }
})
