import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAuthority, isSameAuthority, normaliseHost } from '../../../internal/http/authority.ts'
import { isWellFormedAuthority } from '../../support/authority-oracle.ts'
import { seededRandom } from '../../support/random.ts'

const LONG = 'a'.repeat(63)

test('host names and addresses are authorities, with a port or without', () => {
  const good = [
    'h',
    'example.com',
    'EXAMPLE.com.',
    'example.com.:80',
    'my_service.default-ns.svc',
    '_x',
    'a~b',
    '127.0.0.1:8080',
    'h:',
    'h:0',
    'h:65535',
    '[::1]',
    '[::1]:443',
    '[::ffff:1.2.3.4]',
    '[2001:DB8::1]:',
    `${LONG}.${LONG}.${LONG}.${'b'.repeat(61)}.:65535`,
  ]
  for (const text of good) assert.ok(isAuthority(text), text)
})

test('everything else is not', () => {
  const bad = [
    '',
    '.',
    '..',
    '.example.com',
    'example..com',
    'example.com..',
    ':80',
    '.:80',
    'h:65536',
    'h:99999',
    'h:100000',
    'h:000080',
    'h:8a',
    'h:-1',
    'h:+80',
    'h: 80',
    'h:80:80',
    'h::',
    '::1',
    '[]',
    '[',
    '[::1',
    '::1]',
    '[::1]x',
    '[::1]:x',
    '[::1].',
    '[:::1]',
    '[1.2.3.4]',
    '[h]',
    '[::g]',
    '[12345::]',
    '[1:2:3:4:5:6:7:8:9]',
    '[::1%25eth0]',
    '[v1.x]',
    '[[::1]]',
    'u@h',
    'u:p@h',
    '@h',
    'a b',
    ' h',
    'h ',
    'h\t',
    'a,b',
    'a, b',
    'a/b',
    'h/',
    'h?x',
    'h#x',
    'h\\x',
    'h%2e',
    '%68',
    'h;x',
    "h'",
    'h"',
    'h<',
    'h*',
    '*.h',
    'caf\xe9',
    'h\0',
    'h\n',
    `${LONG}a`,
    `${LONG}.${LONG}.${LONG}.${'b'.repeat(62)}`,
    'a.'.repeat(200),
  ]
  for (const text of bad) assert.ok(!isAuthority(text), JSON.stringify(text))
})

test('generated authorities are judged as an oracle judges them', () => {
  const random = seededRandom(11)
  const below = (end: number) => Math.floor(random() * end)
  const of = <T>(values: readonly T[]): T => values[below(values.length)]!
  const hosts = ['h', 'example.com', 'a_b.c-d', '10.0.0.1', LONG, `${`${LONG}.`.repeat(3)}${'b'.repeat(61)}`]
  const addresses = ['::1', '::', '1:2:3:4:5:6:7:8', 'fe80::1', '::ffff:1.2.3.4', '1::2::3', '1:2', 'g::', '']
  const ports = [
    '',
    ':',
    ':0',
    ':80',
    ':8080',
    ':65535',
    ':65536',
    ':00080',
    ':000080',
    ':x',
    ':-1',
    ':80:80',
  ]
  const noise = [
    '.',
    '..',
    ' ',
    '\t',
    '@',
    'u@',
    '%',
    '%2e',
    '/',
    '\\',
    '[',
    ']',
    ':',
    ',',
    ';',
    '*',
    'é',
    '\0',
    '_',
  ]
  let good = 0
  for (let i = 0; i < 20_000; i++) {
    let text = `${random() < 0.3 ? `[${of(addresses)}]` : of(hosts)}${random() < 0.2 ? '.' : ''}${of(ports)}`
    for (let left = below(3); left > 0; left--) {
      const at = below(text.length + 1)
      text = text.slice(0, at) + of(noise) + text.slice(at + (random() < 0.5 ? 1 : 0))
    }
    const expected = isWellFormedAuthority(text)
    if (expected) good++
    assert.equal(isAuthority(text), expected, JSON.stringify(text))
  }
  assert.ok(good > 2_000, String(good))
})

test('the host of an authority has no port, no trailing dot and no upper case', () => {
  for (const [authority, host] of [
    ['H', 'h'],
    ['Example.COM.', 'example.com'],
    ['example.com.:80', 'example.com'],
    ['[::A]:1', '[::a]'],
    ['[::A]', '[::a]'],
    ['[0:0:0:0:0:0:0:A]:1', '[::a]'],
    ['[nothing]:1', '[nothing]'],
    ['h:', 'h'],
  ] as const) {
    assert.equal(normaliseHost(authority), host)
  }
})

test('two authorities are the same when host and port are, and an absent port is that of the scheme', () => {
  for (const [a, b, scheme, same] of [
    ['h', 'H.:80', 'http', true],
    ['h:443', 'h', 'HTTPS', true],
    ['h:', 'h:080', 'http', true],
    ['h:443', 'h', 'http', false],
    ['h:80', 'h', 'https', false],
    ['h', 'h2', 'http', false],
    ['[::1]', '[::1]:80', 'http', true],
    ['[::1]:81', '[::1]', 'http', false],
  ] as const) {
    assert.equal(isSameAuthority(a, b, scheme), same, `${a} ${b}`)
  }
})
