import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import type { NetworkInterfaceInfo } from 'node:os'
import { test } from 'node:test'
import { advertisedAddress } from '../../discovery/advertised-address.ts'

const bound = (address: string, family = 'IPv4'): AddressInfo => ({ address, family, port: 3001 })
const card = (address: string, internal = false): NetworkInterfaceInfo =>
  ({ address, internal, family: address.includes(':') ? 'IPv6' : 'IPv4' }) as NetworkInterfaceInfo
const cards = {
  lo: [card('127.0.0.1', true), card('::1', true)],
  eth0: [card('fe80::1'), card('169.254.3.4'), card('2001:db8::5'), card('10.0.0.5')],
}

const cases: readonly (readonly [
  string,
  readonly AddressInfo[],
  string | undefined,
  object,
  string,
  number,
])[] = [
  ['a certain address is itself', [bound('10.0.0.9')], undefined, cards, '10.0.0.9', 3001],
  ['every IPv4 address is the first outside one', [bound('0.0.0.0')], undefined, cards, '10.0.0.5', 3001],
  ['every IPv6 address is the first outside one', [bound('::', 'IPv6')], undefined, cards, '10.0.0.5', 3001],
  [
    'without IPv4 it is IPv6',
    [bound('::', 'IPv6')],
    undefined,
    { e: [card('2001:db8::5')] },
    '2001:db8::5',
    3001,
  ],
  ['without a network it is loopback', [bound('0.0.0.0')], undefined, { lo: cards.lo }, '127.0.0.1', 3001],
  [
    'of localhost it is the IPv4 one',
    [bound('::1', 'IPv6'), bound('127.0.0.1')],
    undefined,
    cards,
    '127.0.0.1',
    3001,
  ],
  [
    'an advertised host has the bound port',
    [bound('10.0.0.9')],
    'shop.internal',
    cards,
    'shop.internal',
    3001,
  ],
  ['an advertised port is its own', [bound('10.0.0.9')], 'shop.internal:80', cards, 'shop.internal', 80],
  ['an advertised IPv6 host', [bound('10.0.0.9')], '2001:db8::9', cards, '2001:db8::9', 3001],
  ['the same in brackets', [bound('10.0.0.9')], '[2001:db8::9]', cards, '2001:db8::9', 3001],
  ['the same with a port', [bound('10.0.0.9')], '[2001:db8::9]:80', cards, '2001:db8::9', 80],
]
for (const [what, addresses, advertise, interfaces, host, port] of cases) {
  test(what, () => {
    const found = advertisedAddress(addresses, advertise, interfaces as NodeJS.Dict<NetworkInterfaceInfo[]>)
    assert.deepEqual(found, { host, port })
  })
}

test('a server on a Unix socket cannot be registered', () => {
  assert.throws(() => advertisedAddress([], undefined), /TCP/)
})
