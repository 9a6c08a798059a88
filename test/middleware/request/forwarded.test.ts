import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTrustedProxies } from '../../../middleware/request/client-address.ts'
import { readForwarded } from '../../../middleware/request/forwarded.ts'
import { leastCpuMs } from '../../support/least-cpu.ts'

const trusted = createTrustedProxies(['10.0.0.0/8'])
const read = (text: string) => {
  const { forwardedFor, forwardedProto, forwardedHost } = readForwarded(text, trusted)
  return [forwardedFor, forwardedProto, forwardedHost]
}
const NOTHING = [undefined, undefined, undefined]

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
  ]
  for (const [text, expected] of cases) assert.deepEqual(read(text), expected, text)
})

test('a malformed header is ignored', () => {
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
    assert.deepEqual(read(text), NOTHING, text)
  }
})

test('a header of 100 KB is parsed in linear time', () => {
  for (const piece of ['for=1.2.3.4,', ' ', ';', 'for="', 'a=b;c=d;', '"'.repeat(10)]) {
    const text = piece.repeat(Math.ceil(100_000 / piece.length))
    const took = leastCpuMs(() => read(text))
    assert.ok(took < 50, `${JSON.stringify(piece)}: ${took} ms`)
  }
})
