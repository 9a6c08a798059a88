import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RE2JS } from 're2js'
import { compilePattern, findPatternProblem } from '../../internal/pattern.ts'
import { compileCapture } from '../../internal/pattern-capture.ts'
import { seededRandom } from '../support/random.ts'

test('a pattern matches the whole value', () => {
  const version = compilePattern('v[0-9]+')
  assert.equal(version.matches('v12'), true)
  for (const value of ['v', 'v1 ', ' v1', 'xv1', 'v1\n', 'V1', ''])
    assert.equal(version.matches(value), false, value)
  assert.equal(compilePattern('v[0-9]+', true).matches('V1'), true)
  assert.equal(compilePattern('a|b').matches('ab'), false)
  assert.equal(compilePattern('.*').matches(''), true)
})

test('a pattern reads code points', () => {
  assert.equal(compilePattern('.').matches('😀'), true)
  assert.equal(compilePattern('\\p{Greek}+').matches('αβγ'), true)
  assert.equal(compilePattern('\\p{Greek}+').matches('αbγ'), false)
  assert.equal(compilePattern('[^a]').matches('\u{10ffff}'), true)
  // U+212A is the sign for kelvin, whose lower case is a k.
  assert.equal(compilePattern('k', true).matches('\u212a'), true)
})

test('a pattern that is not RE2 syntax is refused, with the part that is not', () => {
  const refused: readonly [pattern: string, part: RegExp][] = [
    ['a(?=b)', /\(\?=/],
    ['(?<!a)b', /\(\?</],
    ['(a)\\1', /\\1/],
    ['a{1001}', /1001|complex/],
    ['(a', /missing closing/],
    ['[b-a]', /b-a/],
    ['a**', /\*\*/],
  ]
  for (const [pattern, part] of refused) {
    assert.match(findPatternProblem(pattern) ?? 'none', part, pattern)
    assert.throws(() => compilePattern(pattern), TypeError, pattern)
  }
  assert.equal(findPatternProblem('a{1,100}'), undefined)
})

test('a pattern that grows beyond bounds is refused, and at once', () => {
  const patterns = [
    '(((a{100}){100}){100})',
    '((a{10}){10}){10}b{1000}',
    '((((((((((x?)?)?)?)?)?)?)?)?)?){1000}',
    '(\\pL?\\pN?\\PL?){99}',
    '(?i)[^a]{1,1000}',
    '(0|1)*1(0|1){12}',
    '(a?){400}',
    `(?:${'a|'.repeat(100)}b){1000}`,
    'a'.repeat(257),
  ]
  for (const pattern of patterns) {
    const began = performance.now()
    assert.match(findPatternProblem(pattern) ?? 'none', /too complex|at most 256/, pattern)
    // A bound for a machine that does much else: what is not bounded takes seconds and gigabytes.
    assert.ok(performance.now() - began < 2_000, pattern)
  }
})

test('a pattern whose reading would hold the gateway is refused before it is compiled', () => {
  const patterns: readonly [pattern: string, reason: RegExp][] = [
    ['(?i)[b-\\x{1e942}]', /ranges of too many characters/],
    ['(?i:[\\x{100}-\\x{1e000}])', /ranges of too many characters/],
    [`(?si)${'[一-龥]'.repeat(2)}`, /ranges of too many characters/],
    ['\\pL'.repeat(17), /at most 16 Unicode classes/],
    ['[^\\P{Greek}]'.repeat(17), /at most 16 Unicode classes/],
  ]
  for (const [pattern, reason] of patterns)
    assert.match(findPatternProblem(pattern) ?? 'none', reason, pattern)
  assert.match(findPatternProblem('[b-\\x{1e942}]', true) ?? 'none', /ranges of too many characters/)
  for (const pattern of [
    '[b-\\x{1e942}]',
    '(?i)[一-龥]+',
    '(?i)[\\x{0}-\\x{10ffff}]',
    '(?i)[0-9a-z-]+',
    '[^\\pL\\pN]',
  ])
    assert.equal(findPatternProblem(pattern), undefined, pattern)
})

test('a long count of a Unicode class is read in the time of a short class', () => {
  // What each state has to itself was as large as the class: 200 states took 50 times as long as one.
  const timeOf = (characters: string) => {
    const times = Array.from({ length: 30 }, (_, index) => {
      const began = performance.now()
      assert.equal(findPatternProblem(`^${characters}{1,${100 + index}}$`), undefined)
      return performance.now() - began
    })
    return Math.min(...times)
  }
  const shortClass = timeOf('[a-f]')
  const longClass = timeOf('\\pL')
  assert.ok(longClass < shortClass * 5 + 2, `${longClass} ms, and ${shortClass} ms`)
})

test('a capturing pattern tells what its groups have matched', () => {
  const pattern = compileCapture('^/(\\pL+)/(?:x|(\\d+))$')
  assert.equal(pattern.groups, 2)
  assert.deepEqual(pattern.capture('/é/12'), ['/é/12', 'é', '12'])
  assert.deepEqual(pattern.capture('/a/x'), ['/a/x', 'a', undefined])
  assert.equal(pattern.capture('/a/y'), undefined)
})

test('patterns for what people match are not too complex', () => {
  const patterns = [
    '[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}',
    '(?:[0-9A-F]{2}:){31}[0-9A-F]{2}',
    '(?:\\d{1,3}\\.){3}\\d{1,3}',
    '[A-Za-z0-9_-]{20,200}',
    '(?i)Bearer [a-z0-9._~+/-]+=*',
    '.*(?:Android|iPhone|iPad|Mobile|Windows Phone).*',
    '(?:0|[1-9]\\d*)\\.(?:0|[1-9]\\d*)\\.(?:0|[1-9]\\d*)(?:-[0-9A-Za-z.-]+)?(?:\\+[0-9A-Za-z.-]+)?',
    '[^@\\s]+@(?:[a-z0-9-]+\\.)+[a-z]{2,}',
    '[\\p{L}\\p{N} .-]{1,64}',
    '.*\\bbeta\\b.*',
    '.*(?:Googlebot|Bingbot|Slurp|DuckDuckBot|Baiduspider|YandexBot|Sogou|Exabot|facebot|ia_archiver).*',
  ]
  for (const pattern of patterns) assert.equal(findPatternProblem(pattern), undefined, pattern)
})

test('condition: a pattern that backtracks elsewhere answers within 5 ms for 16 KiB', () => {
  const values = [`${'a'.repeat(16_383)}b`, 'ab'.repeat(8_192), '01'.repeat(8_192), 'é'.repeat(16_384)]
  for (const text of [
    '^(a+)+$',
    '(a|aa)+',
    '(.*a){10}.*',
    '(?i)(x+x+)+y',
    '(\\pL+\\pN*)+',
    '.*\\b(ab)*\\b.*',
    '(.*)*c',
  ]) {
    const pattern = compilePattern(text)
    for (const value of values) {
      const times = Array.from({ length: 8 }, () => {
        const began = performance.now()
        pattern.matches(value)
        return performance.now() - began
      })
      // The least, since another process may take the processor away.
      assert.ok(Math.min(...times) < 5, `${text} took ${Math.min(...times)} ms`)
    }
  }
})

test('what a pattern matches is what its engine says, for random patterns and values', () => {
  const random = seededRandom(7)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const atoms = [
    'a',
    'b',
    '1',
    ' ',
    '\n',
    'é',
    'K',
    '.',
    '[a-c]',
    '[^b]',
    '\\w',
    '\\D',
    '\\b',
    '\\B',
    '^',
    '$',
    '(?m:^)',
    '\\pL',
    '\\x{1f600}',
  ]
  const make = (depth: number): string => {
    const kind = depth === 0 ? 0 : random()
    if (kind < 0.4) return pick(atoms)
    if (kind < 0.6) return make(depth - 1) + make(depth - 1)
    if (kind < 0.75) return `(?:${make(depth - 1)}|${make(depth - 1)})`
    return `(?:${make(depth - 1)})${pick(['*', '+', '?', '{2}', '{1,3}', '{0,2}'])}`
  }
  const characters = ['a', 'b', 'c', '1', ' ', '\n', 'é', 'k', 'K', '\u212a', '_', '\u{1f600}', '\ud83d']
  let matched = 0
  for (let round = 0; round < 2_000; round++) {
    const text = make(4)
    const ignoreCase = random() < 0.3
    if (findPatternProblem(text, ignoreCase) !== undefined) continue
    const pattern = compilePattern(text, ignoreCase)
    const engine = RE2JS.compile(text, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0)
    for (let i = 0; i < 20; i++) {
      const value = Array.from({ length: Math.floor(random() * 6) }, () => pick(characters)).join('')
      const expected = engine.testExact(value)
      assert.equal(
        pattern.matches(value),
        expected,
        `/${text}/${ignoreCase ? 'i' : ''} ${JSON.stringify(value)}`,
      )
      if (expected) matched++
    }
  }
  assert.ok(matched > 1_000, `${matched} values matched`)
})
