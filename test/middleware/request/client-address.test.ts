import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  addressGroup,
  createTrustedProxies,
  plainAddress,
  realAddress,
} from '../../../middleware/request/client-address.ts'

test('no proxy is trusted unless it is configured', () => {
  const trusted = createTrustedProxies([])
  for (const address of ['127.0.0.1', '::1', 'unknown', '']) assert.equal(trusted(address), false, address)
})

test('configured addresses and ranges are trusted, and no others', () => {
  const trusted = createTrustedProxies(['10.0.0.0/8', '192.168.1.7', 'fd00::/8', '::1'])
  const cases: Readonly<Record<string, boolean>> = {
    '10.0.0.1': true,
    '10.255.255.255': true,
    '11.0.0.1': false,
    '192.168.1.7': true,
    '192.168.1.8': false,
    'fd12::1': true,
    'fe00::1': false,
    '::1': true,
    '::2': false,
  }
  for (const [address, expected] of Object.entries(cases)) assert.equal(trusted(address), expected, address)
})

test('a client whose address is no longer known is not trusted', () => {
  const trusted = createTrustedProxies(['0.0.0.0/0', '::/0'])
  assert.equal(trusted(plainAddress(undefined)), false)
})

test('an entry that is neither an address nor a range is refused, and not read as a wider range', () => {
  const bad = [
    '',
    'localhost',
    '10.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/8.5',
    '10.0.0.0/ 8',
  ]
  for (const range of [
    ...bad,
    '10.0.0.0/8/9',
    '10.0.0.0/x',
    '10.0.0.0/0x8',
    '::/129',
    '::/',
    '1.2.3.4/1e1',
    '[::1]',
  ]) {
    assert.throws(() => createTrustedProxies([range]), RangeError, JSON.stringify(range))
  }
})

test('an IPv4 client of a dual-stack socket is written as IPv4, and IPv6 without its zone', () => {
  const cases = [
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['10.0.0.1', '10.0.0.1'],
    ['::1', '::1'],
    ['::ffff:1', '::ffff:1'],
    ['fe80::1%eth0', 'fe80::1'],
  ] as const
  for (const [address, plain] of cases) assert.equal(plainAddress(address), plain)
  assert.equal(plainAddress(undefined), 'unknown')
})

test('behind trusted proxies, the client is the last address that is not a trusted proxy', () => {
  const trusted = createTrustedProxies(['10.0.0.0/8', 'fd00::/8'])
  const cases = [
    [undefined, '10.0.0.1'],
    ['192.0.2.7', '192.0.2.7'],
    ['6.6.6.6, 192.0.2.7', '192.0.2.7'],
    ['6.6.6.6,192.0.2.7 , 10.0.0.2', '192.0.2.7'],
    ['6.6.6.6, 10.0.0.3, fd00::2', '6.6.6.6'],
    ['10.0.0.9, 10.0.0.2', '10.0.0.9'],
    ['192.0.2.7:4711, 10.0.0.2', '192.0.2.7'],
    ['[2001:db8::1]:4711', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['[::FFFF:c000:207]:4711', '192.0.2.7'],
    ['2001:DB8:0:0::0001', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    // A trusted proxy writes addresses only.
    ['6.6.6.6, unknown, 10.0.0.2', '10.0.0.2'],
    ['6.6.6.6, 10.0.0.2,', '10.0.0.1'],
    ['', '10.0.0.1'],
    [',', '10.0.0.1'],
    ['999.1.1.1', '10.0.0.1'],
    ['192.0.2.7:99x', '10.0.0.1'],
  ] as const
  for (const [forwardedFor, client] of cases)
    assert.equal(realAddress('10.0.0.1', forwardedFor, trusted), client, `${forwardedFor}`)
})

test('IPv6 clients are counted by network, IPv4 ones by address', () => {
  const cases = [
    ['192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
    ['2001:db8::6', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['unknown', 'unknown'],
  ] as const
  for (const [address, group] of cases) assert.equal(addressGroup(address), group, address)
})
