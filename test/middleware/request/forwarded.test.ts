import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import type { Exchange, ProxyReport } from '../../../internal/policy.ts'
import { createTrustedProxies, realAddress } from '../../../middleware/request/client-address.ts'
import { readProxyReport, writeForwarded } from '../../../middleware/request/forwarded.ts'
import { leastCpuMs } from '../../support/least-cpu.ts'

const PEER = '10.0.0.1'
const trusted = createTrustedProxies(['10.0.0.0/8'])
const NOTHING: ProxyReport = {
  forwardedFor: undefined,
  proto: undefined,
  host: undefined,
  port: undefined,
  prefix: undefined,
  forwarded: undefined,
}

/** What a trusted proxy says with these header lines, without what it does not say. */
function read(...lines: readonly string[]): Partial<ProxyReport> {
  const report = readProxyReport(lines, trusted)
  assert.deepEqual(Object.keys(report), Object.keys(NOTHING))
  return Object.fromEntries(Object.entries(report).filter(([, value]) => value !== undefined))
}

/** The client of a request with these header lines, from a trusted proxy. */
const clientOf = (...lines: readonly string[]) => realAddress(PEER, read(...lines).forwardedFor, trusted)

/** What Forwarded says, as the three fields that it replaces. */
function readForwarded(text: string): (string | undefined)[] {
  const { forwardedFor, proto, host } = read('Forwarded', text)
  return [forwardedFor, proto, host]
}

test('addresses keep their order, and protocol and host are those of the client’s element', () => {
  const cases: readonly (readonly [text: string, expected: readonly unknown[]])[] = [
    ['for=192.0.2.7', ['192.0.2.7', undefined, undefined]],
    ['For="192.0.2.7:4711";Proto=HTTPS;by=203.0.113.43;host=a.example', ['192.0.2.7', 'https', 'a.example']],
    ['for="[2001:db8::1]:47";host="a.example:8443"', ['2001:db8::1', undefined, 'a.example:8443']],
    [
      'for=6.6.6.6;proto=ftp;host=evil, for=192.0.2.7;proto=https;host=a , for=10.0.0.2;proto=http;host=b',
      ['6.6.6.6, 192.0.2.7, 10.0.0.2', 'https', 'a'],
    ],
    ['for=unknown;proto=http, for=_hidden', ['unknown, unknown', undefined, undefined]],
    ['for=10.0.0.3;proto=https', ['10.0.0.3', 'https', undefined]],
    ['for=192.0.2.7;proto=javascript', ['192.0.2.7', undefined, undefined]],
    ['host="two words"', ['unknown', undefined, undefined]],
    ['for=192.0.2.7;host="a@b"', ['192.0.2.7', undefined, undefined]],
  ]
  for (const [text, expected] of cases) assert.deepEqual(readForwarded(text), expected, text)
})

test('a malformed Forwarded counts as absent, so that X-Forwarded-Proto and -Host still count', () => {
  for (const text of [
    '',
    ',',
    'for',
    'for=',
    'for = 192.0.2.7',
    'for=192.0.2.7,',
    'for=192.0.2.7;',
    'for=192.0.2.7;for=6.6.6.6',
    'for="192.0.2.7',
    'for="1\\92.0.2.7"',
    'for=[2001:db8::1]',
    'for=192.0.2.7 proto=http',
  ]) {
    assert.deepEqual(readForwarded(text), [undefined, undefined, undefined], text)
    const lines = ['forwarded', text, 'x-forwarded-proto', 'https', 'x-forwarded-host', 'a']
    assert.deepEqual(read(...lines), { proto: 'https', host: 'a' }, text)
  }
})

test('X-Forwarded-For decides over Forwarded, and Forwarded over X-Real-IP', () => {
  const xff = ['X-Forwarded-For', '1.1.1.1', 'X-Forwarded-Proto', 'https']
  const forwarded = ['Forwarded', 'for=2.2.2.2;proto=http;host=f']
  const realIp = ['X-Real-IP', '3.3.3.3']
  assert.deepEqual(read(...realIp, ...forwarded, ...xff), { forwardedFor: '1.1.1.1', proto: 'https' })
  assert.deepEqual(read(...realIp, ...forwarded), {
    forwardedFor: '2.2.2.2',
    proto: 'http',
    host: 'f',
    forwarded: 'for=2.2.2.2;proto=http;host=f',
  })
  assert.deepEqual(read(...realIp), { forwardedFor: '3.3.3.3' })
  assert.equal(clientOf(...realIp, ...forwarded, ...xff), '1.1.1.1')
  assert.equal(clientOf(...realIp, ...forwarded), '2.2.2.2')
  assert.equal(clientOf(...realIp), '3.3.3.3')
  assert.equal(clientOf(), PEER)
  // An element of the client that names neither protocol nor host is not completed by fields of somebody else.
  assert.deepEqual(read('Forwarded', 'for=2.2.2.2', 'X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'a'), {
    forwardedFor: '2.2.2.2',
    forwarded: 'for=2.2.2.2',
  })
})

const VALUES: readonly (readonly [lines: readonly string[], expected: Partial<ProxyReport>])[] = [
  // Addresses: lists, several lines, IPv6, ports, and what is none.
  [['x-forwarded-for', '1.1.1.1, 2.2.2.2'], { forwardedFor: '1.1.1.1, 2.2.2.2' }],
  [['X-Forwarded-For', '1.1.1.1', 'x-forwarded-for', '2.2.2.2'], { forwardedFor: '1.1.1.1, 2.2.2.2' }],
  [['x-forwarded-for', '[2001:db8::1]:80'], { forwardedFor: '[2001:db8::1]:80' }],
  [['x-forwarded-for', ''], {}],
  [['x-forwarded-for', ' , ,'], {}],
  [['x-forwarded-for', 'caf\xe9'], {}],
  [['x-real-ip', '2001:DB8:0::1'], { forwardedFor: '2001:db8::1' }],
  [['x-real-ip', '[::1]:80'], { forwardedFor: '::1' }],
  [['x-real-ip', '1.1.1.1:80'], { forwardedFor: '1.1.1.1' }],
  [['x-real-ip', '1.1.1.1, 2.2.2.2'], {}],
  [['x-real-ip', '1.1.1.1', 'x-real-ip', '2.2.2.2'], {}],
  [['x-real-ip', 'unknown'], {}],
  [['x-real-ip', ''], {}],
  // Protocols.
  [['x-forwarded-proto', 'https'], { proto: 'https' }],
  [['x-forwarded-proto', ' HTTPS '], { proto: 'https' }],
  [['x-forwarded-proto', 'wss'], { proto: 'https' }],
  [['x-forwarded-proto', 'ws'], { proto: 'http' }],
  [['x-forwarded-proto', 'http, https'], { proto: 'https' }],
  [['x-forwarded-proto', 'http', 'X-Forwarded-Proto', 'https'], { proto: 'https' }],
  [['x-forwarded-proto', 'https, ftp'], {}],
  [['x-forwarded-proto', 'javascript'], {}],
  [['x-forwarded-proto', '"https"'], {}],
  [['x-forwarded-proto', 'constructor'], {}],
  [['x-forwarded-proto', ''], {}],
  // Hosts.
  [['x-forwarded-host', 'shop.example'], { host: 'shop.example' }],
  [['x-forwarded-host', 'shop.example:8443'], { host: 'shop.example:8443' }],
  [['x-forwarded-host', '[2001:db8::1]:8443'], { host: '[2001:db8::1]:8443' }],
  [['x-forwarded-host', 'evil.example, shop.example'], { host: 'shop.example' }],
  [['x-forwarded-host', 'evil.example', 'x-forwarded-host', 'shop.example'], { host: 'shop.example' }],
  [['x-forwarded-host', 'a b'], {}],
  [['x-forwarded-host', 'user@shop.example'], {}],
  [['x-forwarded-host', 'shop.example/path'], {}],
  [['x-forwarded-host', '"shop.example"'], {}],
  [['x-forwarded-host', 'shop.example,'], {}],
  [['x-forwarded-host', ':80'], {}],
  [['x-forwarded-host', ''], {}],
  // Ports.
  [['x-forwarded-port', '8443'], { port: '8443' }],
  [['x-forwarded-port', '1, 443'], { port: '443' }],
  [['x-forwarded-port', '65535'], { port: '65535' }],
  [['x-forwarded-port', '65536'], {}],
  [['x-forwarded-port', '0'], {}],
  [['x-forwarded-port', '0443'], {}],
  [['x-forwarded-port', '-1'], {}],
  [['x-forwarded-port', '4e2'], {}],
  [['x-forwarded-port', ''], {}],
  // Prefixes.
  [['x-forwarded-prefix', '/shop'], { prefix: '/shop' }],
  [['x-forwarded-prefix', '/shop/'], { prefix: '/shop' }],
  [['x-forwarded-prefix', '/a/b%20c;v=1'], { prefix: '/a/b%20c;v=1' }],
  [['x-forwarded-prefix', '/api, /users'], { prefix: '/api/users' }],
  [['x-forwarded-prefix', '/api', 'x-forwarded-prefix', '/users/'], { prefix: '/api/users' }],
  [['x-forwarded-prefix', '/'], {}],
  [['x-forwarded-prefix', '/, /a'], { prefix: '/a' }],
  [['x-forwarded-prefix', ''], {}],
  [['x-forwarded-prefix', 'shop'], {}],
  [['x-forwarded-prefix', '//evil.example'], {}],
  [['x-forwarded-prefix', '/a//b'], {}],
  [['x-forwarded-prefix', '/\\evil.example'], {}],
  [['x-forwarded-prefix', 'https://evil.example/'], {}],
  [['x-forwarded-prefix', '/a/../b'], {}],
  [['x-forwarded-prefix', '/a/%2e%2e'], {}],
  [['x-forwarded-prefix', '/a%2fb'], {}],
  [['x-forwarded-prefix', '/a?b'], {}],
  [['x-forwarded-prefix', '/a#b'], {}],
  [['x-forwarded-prefix', '/a b'], {}],
  [['x-forwarded-prefix', '/<script>'], {}],
  [['x-forwarded-prefix', '/good, evil'], {}],
]
for (const [lines, expected] of VALUES) {
  test(`${lines.join(' ')} means ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(read(...lines), expected)
  })
}

/** Writes Forwarded for a request with these header lines. */
function written(host: string | undefined, lines: readonly string[], peer = PEER): string {
  const call = new Call('r', 'GET', '/', 0)
  const proxied = trusted(peer) ? readProxyReport(lines, trusted) : undefined
  call.clientAddress = proxied ? realAddress(peer, proxied.forwardedFor, trusted) : peer
  return writeForwarded({ call, head: { host }, peerAddress: peer, proxied } as unknown as Exchange)
}

test('for the node, Forwarded names the peer, and the host and protocol that the gateway saw', () => {
  assert.equal(written('a.example', [], '192.0.2.7'), 'for=192.0.2.7;host=a.example;proto=http')
  assert.equal(written('a:80', [], '2001:db8::1'), 'for="[2001:db8::1]";host="a:80";proto=http')
  assert.equal(written(undefined, [], 'unknown'), 'for=unknown;proto=http')
  assert.equal(written('', [], '192.0.2.7'), 'for=192.0.2.7;host="";proto=http')
})

test('addresses other than that of the client are not spelled anew, which takes long when there are thousands', () => {
  const xff = [
    'X-Forwarded-For',
    '2001:DB8:0::1%eth0, [2001:DB8::2]:80, nobody, 2001:DB8:0::3, 10.0.0.9',
    'X-Forwarded-Host',
    'a',
  ]
  assert.equal(
    written('a', xff),
    `for="[2001:DB8:0::1]", for="[2001:DB8::2]", for=unknown, for="[2001:db8::3]";host=a, for=10.0.0.9, for=${PEER};host=a;proto=http`,
  )
})

test('for the node, what a trusted proxy says comes first, whichever fields it uses', () => {
  const peer = `for=${PEER};host=inner;proto=http`
  const xff = ['X-Forwarded-For', '6.6.6.6, 2001:db8::1, 10.0.0.9', 'X-Forwarded-Proto', 'https']
  assert.equal(
    written('inner', [...xff, 'X-Forwarded-Host', 'a.example:8443']),
    `for=6.6.6.6, for="[2001:db8::1]";host="a.example:8443";proto=https, for=10.0.0.9, ${peer}`,
  )
  const theirs = 'for=192.0.2.7;proto=https;secret="x, y";by=_gw'
  assert.equal(written('inner', ['Forwarded', theirs]), `${theirs}, ${peer}`)
  assert.equal(written('inner', ['X-Forwarded-For', '6.6.6.6, garbage']), `for=6.6.6.6, for=unknown, ${peer}`)
  assert.equal(written('inner', ['X-Real-IP', '192.0.2.7']), `for=192.0.2.7, ${peer}`)
  // The peer is the client, as far as anyone says.
  assert.equal(
    written('inner', ['X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'a']),
    `for=${PEER};host=a;proto=https`,
  )
})

test('what is written is read back as the same', () => {
  for (const lines of [
    ['X-Forwarded-For', '6.6.6.6, 192.0.2.7', 'X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'a:1'],
    ['X-Forwarded-For', '[2001:db8::1]:4711, 10.0.0.9', 'X-Forwarded-Host', '[2001:db8::2]:8443'],
    ['Forwarded', 'for=192.0.2.7;host=h;proto=https'],
    ['X-Real-IP', '192.0.2.7'],
  ]) {
    const text = written('inner', lines)
    assert.equal(clientOf('forwarded', text), clientOf(...lines), text)
    const { proto, host } = read(...lines)
    assert.deepEqual([read('forwarded', text).proto, read('forwarded', text).host], [proto, host], text)
  }
})

test('100 KB of any of these fields are read in linear time', () => {
  const fields = [
    'forwarded',
    'x-forwarded-for',
    'x-forwarded-prefix',
    'x-forwarded-host',
    'x-forwarded-port',
  ]
  for (const name of [...fields, 'x-forwarded-proto', 'x-real-ip']) {
    for (const piece of [
      'for=1.2.3.4,',
      ' ',
      ';',
      'for="',
      'a=b;c=d;',
      '"'.repeat(10),
      '/',
      '/a',
      '/a,',
      '1',
    ]) {
      const text = piece.repeat(Math.ceil(100_000 / piece.length))
      const took = leastCpuMs(() => readProxyReport([name, text], trusted))
      assert.ok(took < 50, `${name}: ${JSON.stringify(piece)}: ${took} ms`)
    }
  }
})
