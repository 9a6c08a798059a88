import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSafeTarget, pathOf, stripPrefix } from '../../internal/target.ts'

test('plain targets are safe, whatever their query holds', () => {
  const safe = [
    '/',
    '/?',
    '/a/b.c',
    '/a//b',
    '/a/',
    '/.well-known/x',
    '/...',
    '/a..b/c.',
    '/..a',
    '/%20%C3%A9',
    '/%252e%252e/',
    '/%25',
    "/a;b=1/(c)!$&'*+,=:@~",
    '/a;..b/c',
    '/?x=../..&y=%2f%5c%00%zz//',
    '/a?b?c',
    '/%2efoo',
    '/a|b^`{}"<>',
    '/x?a\\b',
  ]
  for (const target of safe) assert.ok(isSafeTarget(target), target)
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
    // Servers that take `;` for the start of parameters resolve these as dot segments.
    '/..;/x',
    '/a/..;v=1/b',
    '/a/.;/b',
    '/%2e%2e;/x',
    '/..%3b/x',
    '/a%2fb',
    // Not UTF-8.
    '/%ff',
    '/a/%c3(',
    '/a%2Fb',
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
  for (const target of unsafe) assert.ok(!isSafeTarget(target), JSON.stringify(target))
})

test('a long hostile target is judged in no time', () => {
  const begun = performance.now()
  for (const piece of ['/.', '%2e', '/%2e', '.', '%25', ';', '/..a'])
    isSafeTarget(`/${piece.repeat(16_000)}x`)
  assert.ok(performance.now() - begun < 500)
})

test('the path of a target is what stands before its query', () => {
  for (const [target, path] of [
    ['/a?b', '/a'],
    ['/a', '/a'],
    ['/?', '/'],
    ['/a?b?c', '/a'],
  ] as const) {
    assert.equal(pathOf(target), path)
  }
})

test('a prefix is taken off in whole segments and everything else stays byte for byte', () => {
  const cases = [
    ['/api/v1/x', '', '/api/v1/x'],
    ['/api/v1/x', '/api', '/v1/x'],
    ['/api/v1/x', '/api/v1', '/x'],
    ['/api/v1', '/api/v1', '/'],
    ['/api/v1/', '/api/v1', '/'],
    ['/api?x=/api&y=%2F', '/api', '/?x=/api&y=%2F'],
    ['/api?', '/api', '/?'],
    ['/api/a%20b//c?d=e%26', '/api', '/a%20b//c?d=e%26'],
    // Spelled otherwise than the document; the router matched it all the same.
    ['/%61pi/v1/x', '/api/v1', '/x'],
    ['/ap%69/%76%31', '/api/v1', '/'],
    ['/%61pi?q=/a/b', '/api', '/?q=/a/b'],
    ['/%61pi/v1/api/v1?q', '/api/v1', '/api/v1?q'],
    ['/caf%c3%a9/x', '/caf%C3%A9', '/x'],
  ] as const
  for (const [target, prefix, stripped] of cases) assert.equal(stripPrefix(target, prefix), stripped, target)
})
