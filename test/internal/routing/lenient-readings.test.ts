import assert from 'node:assert/strict'
import { test } from 'node:test'
import { foldCase, foldText, lenientReadings } from '../../../internal/routing/lenient-readings.ts'
import { leastCpuMs } from '../../support/least-cpu.ts'

test('a path that no server reads in its own way has one reading', () => {
  for (const path of ['/', '/a/b.c', '/A', '/caf%C3%A9', '/caf%E9/x', '/a%20b', '/100%25', '/...a']) {
    assert.deepEqual([...lenientReadings(path)!.paths], [path])
    assert.equal(lenientReadings(path)!.resolved.size, 0)
  }
})

test('each liberty gives a reading, and all selections of them do', () => {
  const cases: readonly (readonly [path: string, ...others: string[]])[] = [
    ['/a/', '/a'],
    ['/%2561', '/a'],
    ['/%2525', '/%25'],
    ['/a%252fb', '/a%2fb', '/a/b'],
    ['/a%2Fb', '/a/b'],
    ['/a%255cb', '/a%5cb', '/a/b'],
    ['/%c1%a1', '/a'],
    ['/a%c0%afb', '/a%2fb', '/a/b'],
    ['/%e0%81%a1%f0%80%81%a1', '/aa'],
    ['/%EF%BD%81', '/a'],
    ['/e%CC%81', '/%C3%A9'],
    ['/%ff%EF%BD%81', '/%ffa'],
    ['/a%2500b', '/a%00b', '/a'],
    ['/a%3fb', '/a'],
    ['/a%23b', '/a'],
    ['/a;b/c', '/a/c'],
    ['/a%3bb/c', '/a/c'],
    ['/a;b/c%3bd', '/a/c%3bd', '/a/c'],
    ['/;x/a', '//a', '/a'],
    ['/a./b', '/a/b'],
    ['/a%20', '/a'],
    ['/a%c2%a0', '/a', '/a%20'],
    ['/a.%20', '/a.', '/a'],
    ['/a;b/c.', '/a/c.', '/a;b/c', '/a/c'],
  ]
  for (const [path, ...others] of cases) {
    assert.deepEqual([...lenientReadings(path)!.paths].sort(), [path, ...others].sort(), path)
  }
})

test('dot segments that come to light are resolved within the path', () => {
  const cases: readonly (readonly [path: string, ...resolved: string[]])[] = [
    ['/a/%252e%252e/b', '/b'],
    ['/a/%252e/b', '/a/b'],
    ['/%252e%252e/%252e%252e/b', '/b'],
    ['/a/%EF%BC%8E%EF%BC%8E/b', '/b'],
    ['/a/%252e%252e;x/b', '/b'],
  ]
  for (const [path, ...resolved] of cases) {
    assert.deepEqual([...lenientReadings(path)!.resolved], resolved, path)
  }
})

test('a path with too many readings has none', () => {
  assert.equal(lenientReadings('/a;b/%2561.%20/%c1%a1%85/%EF%BD%81%3fx%23y/c%3bd/e%2ff/'), undefined)
  assert.equal(lenientReadings(`/${'a;b./'.repeat(8_000)}`), undefined)
  assert.ok(lenientReadings(`/${'a'.repeat(100_000)}`))
})

test('paths are folded by the case of ASCII, or by text', () => {
  for (const [path, byCase, byText] of [
    ['/A%C3%89', '/a%c3%89', '/a%c3%a9'],
    ['/%E9', '/%e9', '/%e9'],
    ['/%E2%84%AA', '/%e2%84%aa', '/k'],
    ['/E%CC%81', '/e%cc%81', '/%c3%a9'],
  ] as const) {
    assert.equal(foldCase(path), byCase)
    assert.equal(foldText(path), byText)
  }
})

test('reading a long hostile path takes linear time', () => {
  const pieces = [
    '/a.',
    '/a;b',
    '/%20',
    '%85',
    '....',
    '%2525',
    '%252e',
    '%c1%a1',
    '%ef%bc%8f',
    'a%cc%81',
    '%c3',
    '/;',
    '%2f',
    '%00',
  ]
  for (const piece of pieces) {
    const times = [16_000, 64_000].map(length => {
      const path = `/${piece.repeat(length / piece.length)}x`
      return leastCpuMs(() => lenientReadings(path))
    })
    // Four times the length. A pattern that starts over at each character would take sixteen times as long or longer.
    assert.ok(times[1]! < 200, `${piece}: ${times}`)
  }
})
