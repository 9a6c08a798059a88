import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  canonicalTarget,
  hasNestedDotSegment,
  isPlainTarget,
  originForm,
  pathOf,
  stripPrefix,
} from '../../../internal/http/target.ts'
import { leastCpuMs } from '../../support/least-cpu.ts'

/** Returns the canonical target; undefined when the target is never routed. */
function canonical(target: string): string | undefined {
  return isPlainTarget(target) ? target : canonicalTarget(target)?.target
}

test('plain targets are canonical, whatever their query contains', () => {
  const plain = [
    '/',
    '/?',
    '/a/b.c',
    '/.well-known/x',
    '/a..b/c.d',
    '/..a',
    "/a/(c)!$&'+,=:@~-_09",
    '/?x=../..&y=%2f%5c%00%zz//A;',
    '/a?b?c',
    '/x?a\\b',
  ]
  for (const target of plain) {
    assert.ok(isPlainTarget(target), target)
    assert.deepEqual(
      canonicalTarget(target),
      { target, unmergedPath: undefined, hasEncodedSlash: false },
      target,
    )
  }
})

test('targets that some servers read in their own way are not plain, and stay as they came', () => {
  const others = [
    '/a/',
    '/...',
    '/a.',
    '/a..b/c.',
    '/A',
    '/a;b=1/c',
    '/a;..b/c',
    '/a*b',
    '/%20%C3%A9',
    '/caf%e9/%D6%D0',
    '/%ff',
    '/a/%c3(',
    '/%252e%252e/',
    '/%25',
    '/a%3Fb%23c%3b',
    '/a|b^`{}"<>',
    '/a%2Fb%2f',
  ]
  for (const target of others) {
    assert.ok(!isPlainTarget(target), target)
    assert.equal(canonicalTarget(target)?.target, target)
  }
})

test('escapes of characters that need none are decoded, and repeated slashes are merged, but not in the query', () => {
  const cases = [
    ['/%61%64min', '/admin', undefined],
    ['/%41%5A%30%39%2D%2e%5f%7E', '/AZ09-._~', undefined],
    ['/%2efoo', '/.foo', undefined],
    ['/%25%36%31', '/%2561', undefined],
    ['/a//b', '/a/b', '/a//b'],
    ['/a///%62//?//%61', '/a/b/?//%61', '/a///b//'],
    ['/a/?b//c', '/a/?b//c', undefined],
  ] as const
  for (const [target, expected, unmergedPath] of cases) {
    const read = canonicalTarget(target)
    assert.deepEqual([read?.target, read?.unmergedPath], [expected, unmergedPath], target)
    assert.equal(canonical(expected), expected)
  }
})

test('targets that two servers could read differently are not safe', () => {
  const unsafe = [
    '',
    '*',
    'a',
    'http://other/',
    'other:443',
    '//',
    '//other/x',
    '/../x',
    '/..',
    '/.',
    '/./x',
    '/a/..',
    '/a/../b',
    '/a/./b',
    '/a/..?x',
    '/%2e%2e/x',
    '/%2E%2E',
    '/.%2e/x',
    '/%2e./x',
    '/a/%2e',
    '/a/%2e?x',
    // Servers that read `;` as the start of parameters resolve these as dot segments.
    '/..;/x',
    '/a/..;v=1/b',
    '/a/.;/b',
    '/%2e%2e;/x',
    '/..%3b/x',
    // Decoded, they would have dot segments.
    '/..%2fb',
    '/a%2f..',
    '/a%2F%2e%2E%2fb',
    '/a/..%2Fb/',
    // Overlong forms of dots and slashes.
    '/%c0%ae%c0%ae/x',
    '/a/.%C0%AE%c0%afb',
    '/a/..%e0%80%afb',
    // Some servers drop blanks at the end of a segment, or what follows `?` and `#`, even if they are encoded.
    '/a/..%20/b',
    '/a/.%20%09',
    '/a/..%3f/b',
    '/a/..%23',
    '/a%2Fb%5c',
    '/a%5cb',
    '/a%5Cb',
    '/a\\b',
    '/a%00b',
    '/a%',
    '/a%z1',
    '/a%1z',
    '/a%u0041',
    '/a#b',
    '/?#',
    '/a b',
    '/a\tb',
    '/a\r\nb',
    '/a\0b',
    '/a\n',
    '/é',
    '/\u{1F600}',
    '/\x7f',
    '/\xff',
  ]
  for (const target of unsafe) assert.equal(canonical(target), undefined, JSON.stringify(target))
})

test('an encoded slash is recognised in any case', () => {
  for (const target of ['/a%2fb', '/a%2Fb', '/%2F', '/a%2f', '/a%2f%2fb?x'])
    assert.equal(canonicalTarget(target)?.hasEncodedSlash, true, target)
  for (const target of ['/A?b%2fc', '/a%252fb'])
    assert.equal(canonicalTarget(target)?.hasEncodedSlash, false, target)
})

test('judging a long hostile target takes linear time', () => {
  const pieces = [
    '/.',
    '%2e',
    '/%2e',
    '.',
    '%25',
    ';',
    '/..a',
    '%2f',
    '%2f.',
    '/..%2',
    '%',
    '?',
    '%2e%2e',
    '/',
    'a',
    'a.',
    '/..%20',
    '%20',
    '%c0%ae',
  ]
  for (const piece of pieces) {
    const times = [25_000, 100_000].map(length => {
      const target = `/${piece.repeat(length / piece.length)}x`
      return leastCpuMs(() => canonical(target))
    })
    // Four times the length. A pattern that starts over at each character would take sixteen times as long or longer.
    assert.ok(times[1]! < 50, `${piece}: ${times}`)
  }
})

test('a dot segment is found however often its characters are encoded', () => {
  for (const path of ['/%252e%252E/', '/a/%25252e', '/%252e%25252e/a', '/a%25252f..', '/.%252525252e;x'])
    assert.ok(hasNestedDotSegment(path), path)
  for (const path of ['/a/..b', '/%252e%252ea/', '/%25', '/%2525', '/a%252fb', '/%252'])
    assert.ok(!hasNestedDotSegment(path), path)
})

test('looking for a nested dot segment takes time in proportion to the path', () => {
  for (const piece of ['25', '%25', '%252e', '/%252e']) {
    const ms = leastCpuMs(() => hasNestedDotSegment(`/%${piece.repeat(65_536 / piece.length)}`))
    assert.ok(ms < 50, `${piece}: ${ms}`)
  }
})

test('a target with scheme and host becomes a path if Host agrees', () => {
  const cases = [
    ['http://h/a?b', 'h', '/a?b'],
    ['HTTP://H:80/', 'h:80', '/'],
    ['https://h', 'H', '/'],
    ['http://h?x', 'h', '/?x'],
    ['http://[::1]:8080/a', '[::1]:8080', '/a'],
    ['http://h//other/x', 'h', '//other/x'],
    ['http://h/a', 'other', undefined],
    ['http://h/a', undefined, undefined],
    ['http:///a', '', undefined],
    ['http://h:80/a', 'h', '/a'],
    ['http://h/a', 'h:80', '/a'],
    ['https://h/a', 'h:443', '/a'],
    ['http://h:/a', 'H.', '/a'],
    ['http://h:080/a', 'h', '/a'],
    ['http://[::1]/', '[::1]:80', '/'],
    ['https://h/a', 'h:80', undefined],
    ['http://h/a', 'h:443', undefined],
    ['http://h:8080/a', 'h', undefined],
    ['http://[::1]/', '[::2]', undefined],
    ['http://h:65536/a', 'h:65536', undefined],
    ['http://h%2e/a', 'h%2e', undefined],
    ['http://h.evil/a', 'h', undefined],
    ['http://h@evil/a', 'h', undefined],
    ['http://u@h/a', 'h', undefined],
    ['http://h\\@evil/', 'h', undefined],
    ['http://h#a', 'h', undefined],
    ['ftp://h/a', 'h', undefined],
    ['/a', 'h', undefined],
    ['*', 'h', undefined],
  ] as const
  for (const [target, host, path] of cases) assert.equal(originForm(target, host), path, `${target} ${host}`)
})

test('the path of a target is the part before its query', () => {
  for (const [target, path] of [
    ['/a?b', '/a'],
    ['/a', '/a'],
    ['/?', '/'],
    ['/a?b?c', '/a'],
  ] as const) {
    assert.equal(pathOf(target), path)
  }
})

test('a prefix is stripped in whole segments, and everything else stays byte for byte', () => {
  const cases = [
    ['/api/v1/x', '', '/api/v1/x'],
    ['/api/v1/x', '/api', '/v1/x'],
    ['/api/v1/x', '/api/v1', '/x'],
    ['/api/v1', '/api/v1', '/'],
    ['/api/v1/', '/api/v1', '/'],
    ['/api?x=/api&y=%2F', '/api', '/?x=/api&y=%2F'],
    ['/api?', '/api', '/?'],
    ['/api/a%20b//c?d=e%26', '/api', '/a%20b//c?d=e%26'],
    // The spelling differs from the document, but the router matches it.
    ['/%61pi/v1/x', '/api/v1', '/x'],
    ['/ap%69/%76%31', '/api/v1', '/'],
    ['/%61pi?q=/a/b', '/api', '/?q=/a/b'],
    ['/%61pi/v1/api/v1?q', '/api/v1', '/api/v1?q'],
    ['/caf%c3%a9/x', '/caf%C3%A9', '/x'],
    ['/api//v1/x', '/api/v1', '/x'],
    ['/api//v1//x', '/api/v1', '//x'],
  ] as const
  for (const [target, prefix, stripped] of cases) assert.equal(stripPrefix(target, prefix), stripped, target)
})
