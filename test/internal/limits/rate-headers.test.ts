import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  addRateHeaders,
  type RateHeaders,
  type RuleReport,
  retryAfter,
  sortReports,
} from '../../../internal/limits/rate-headers.ts'
import { seededRandom } from '../../support/random.ts'

function report(
  name: string,
  remaining: number,
  { limit = 10, windowSeconds = 1, nextMs = 0 } = {},
): RuleReport {
  return { name, limit, windowSeconds, verdict: { allowed: true, remaining, nextMs, retryMs: 0 } }
}

/** The lines about limits of an answer that had `lines`, by their names. */
function headersOf(reports: RuleReport[], lines: readonly string[] = [], style: RateHeaders = 'draft') {
  const result = [...lines]
  sortReports(reports)
  addRateHeaders(result, reports, style)
  const found: Record<string, string> = {}
  for (let i = 0; i < result.length; i += 2) {
    assert.equal(found[result[i]!], undefined, `${result[i]} is there twice`)
    found[result[i]!] = result[i + 1]!
  }
  return found
}

const burst = report('burst', 3, { limit: 20, nextMs: 0 })
const hour = report('hour', 4_990, { limit: 5_000, windowSeconds: 3_600 })

test('the rule with the smallest share left comes first', () => {
  assert.deepEqual(headersOf([hour, burst]), {
    'RateLimit-Policy': '"burst";q=20;w=1, "hour";q=5000;w=3600',
    RateLimit: '"burst";r=3;t=0, "hour";r=4990;t=0',
  })
})

test('t is the whole seconds until one more request is admitted', () => {
  const got = headersOf([
    report('a', 0, { nextMs: 1 }),
    report('b', 0, { nextMs: 12_000 }),
    report('c', 0, { nextMs: 12_001 }),
  ])
  assert.equal(got.RateLimit, '"a";r=0;t=1, "b";r=0;t=12, "c";r=0;t=13')
})

test('a window that is no whole number of seconds is not told', () => {
  assert.equal(headersOf([report('a', 3, { windowSeconds: 0.5 })])['RateLimit-Policy'], '"a";q=10')
})

test('without rules, and with the style none, nothing is added', () => {
  assert.deepEqual(headersOf([]), {})
  assert.deepEqual(headersOf([burst], ['RateLimit', '"n";r=1;t=1'], 'none'), { RateLimit: '"n";r=1;t=1' })
})

test('x-ratelimit tells of the strictest rule, in place of what the node sent', () => {
  const lines = ['x-ratelimit-limit', '7', 'X-RateLimit-Reset', '1', 'Etag', '"x"']
  assert.deepEqual(headersOf([hour, report('b', 0, { nextMs: 1_500 })], lines, 'x-ratelimit'), {
    Etag: '"x"',
    'X-RateLimit-Limit': '10',
    'X-RateLimit-Remaining': '0',
    'X-RateLimit-Reset': '2',
  })
})

test('items of the node stay behind ours, and of the same name the one with less left', () => {
  const lines = [
    'ratelimit-policy',
    '"node";q=5;w=60, "burst";q=100;w=60',
    'ratelimit-policy',
    '"odd, name";q=1;w=1;pk=:cGs=:',
    'RateLimit',
    '"node";r=1;t=60, "burst";r=90;t=60',
  ]
  assert.deepEqual(headersOf([burst], lines), {
    'RateLimit-Policy': '"burst";q=20;w=1, "node";q=5;w=60, "odd, name";q=1;w=1;pk=:cGs=:',
    RateLimit: '"burst";r=3;t=0, "node";r=1;t=60',
  })
  const stricter = ['RateLimit-Policy', '"burst";q=2;w=60', 'RateLimit', '"burst";t=9;r=2']
  assert.deepEqual(headersOf([burst, hour], stricter), {
    'RateLimit-Policy': '"hour";q=5000;w=3600, "burst";q=2;w=60',
    RateLimit: '"hour";r=4990;t=0, "burst";t=9;r=2',
  })
})

test('what a node sends that is no such item is left out, so that clients can read the list', () => {
  for (const value of [
    'limit=10, remaining=5, reset=1',
    '"open;r=1',
    '"a"b;r=1',
    '"a";r=',
    'a;r=1',
    `"${'x'.repeat(3_000)}";r=1`,
    `${'"\\"'.repeat(600)}`,
    '"a\\b";r=1',
    '"é";r=1',
  ]) {
    assert.equal(headersOf([burst], ['RateLimit', value]).RateLimit, '"burst";r=3;t=0', value)
  }
  assert.equal(headersOf([burst], ['RateLimit', 'x, "a";r=1, ,']).RateLimit, '"burst";r=3;t=0, "a";r=1')
})

test('whatever a node sends, clients get a list that they can read (property, 20,000 random texts)', () => {
  const random = seededRandom(1)
  const pieces = [
    '"',
    '"a"',
    '\\',
    '\\"',
    ',',
    ', ',
    ';',
    ';r=',
    ';t=1',
    '=',
    '7',
    'r',
    ' ',
    '"burst"',
    '\t',
    'é',
    '*',
    ';pk=:a:',
  ]
  let kept = 0
  for (let i = 0; i < 20_000; i++) {
    const length = 1 + Math.floor(random() * 9)
    const text = Array.from({ length }, () => pieces[Math.floor(random() * pieces.length)]).join('')
    const got = headersOf([{ ...burst }], ['RateLimit', text]).RateLimit!
    // Reads members one by one, as RFC 9651 does.
    let rest = got
    let members = 0
    for (;;) {
      const [name] = /^"(?:[^"\\]|\\["\\])*"/.exec(rest) ?? []
      assert.ok(name, JSON.stringify([text, got]))
      rest = rest.slice(name.length)
      for (let found = true; found; ) {
        const [parameter] = /^ *; *[a-z*][\w.*-]*(?:=(?:"[^"]*"|[^",; ]+))?/.exec(rest) ?? []
        found = parameter !== undefined
        rest = rest.slice(parameter?.length ?? 0)
      }
      members++
      if (rest === '') break
      assert.ok(rest.startsWith(', '), JSON.stringify([text, got]))
      rest = rest.slice(2)
    }
    if (members > 1) kept++
  }
  assert.ok(kept > 100, String(kept))
})

test('a hostile list of a node is read in no time', () => {
  const started = performance.now()
  for (let i = 0; i < 100; i++) {
    headersOf([burst], ['RateLimit', '"\\'.repeat(1_000)])
    headersOf([burst], ['RateLimit', `"a"${' '.repeat(2_000)}x`])
    headersOf([burst], ['RateLimit', `"a"${';a="'.repeat(500)}`])
  }
  assert.ok(performance.now() - started < 5_000)
})

test('Retry-After is the whole time and up to a tenth more, 5 s at most, and at least 1', () => {
  const [none, all] = [() => 0, () => 1 - 2 ** -32]
  for (const [ms, least, most] of [
    [0.001, 1, 1],
    [1_000, 1, 1],
    [1_001, 2, 2],
    [9_500, 10, 11],
    [40_000, 40, 44],
    [3_600_000, 3_600, 3_605],
  ] as const) {
    assert.deepEqual([retryAfter(ms, none), retryAfter(ms, all)], [least, most], String(ms))
  }
})
