import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  formatTraceparent,
  parseTraceparent,
  readBaggage,
  readTracestate,
} from '../../../internal/trace/trace-context.ts'
import { leastCpuMs } from '../../support/least-cpu.ts'

// The cases are those of the test suite of W3C (github.com/w3c/trace-context, folder test), as tables. What concerns lines and
// names of headers is in test/e2e/tracing-context.test.ts.

const TRACE = '12345678901234567890123456789012'
const SPAN = '1234567890123456'

test('traceparent: what is read, and what is malformed', () => {
  const cases: readonly (readonly [value: string, isRead: boolean, why: string])[] = [
    [`00-${TRACE}-${SPAN}-01`, true, 'whole'],
    [`00-${TRACE}-${SPAN}-00`, true, 'not sampled'],
    [`00-${TRACE}-${SPAN}-ff`, true, 'unknown flags'],
    ['', false, 'empty'],
    [`${TRACE}-${SPAN}-01`, false, 'no version'],
    [`0-${TRACE}-${SPAN}-01`, false, 'short version'],
    [`000-${TRACE}-${SPAN}-01`, false, 'long version'],
    [`.0-${TRACE}-${SPAN}-01`, false, 'version with a dot'],
    [`0.-${TRACE}-${SPAN}-01`, false, 'version with a dot behind'],
    [`0A-${TRACE}-${SPAN}-01`, false, 'upper case in the version'],
    [`ff-${TRACE}-${SPAN}-01`, false, 'version ff'],
    [`cc-${TRACE}-${SPAN}-01`, true, 'a later version'],
    [`cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`, true, 'a later version with more behind a dash'],
    [`cc-${TRACE}-${SPAN}-01-`, true, 'a later version with an empty part'],
    [`cc-${TRACE}-${SPAN}-01.what-the-future-will-be-like`, false, 'a later version with more, no dash'],
    [`00-${TRACE}-${SPAN}-01-what-the-future-will-be-like`, false, 'version 00 with more'],
    [`00-${TRACE}-${SPAN}-01-`, false, 'version 00 with a dash behind'],
    [`00-${TRACE}-${SPAN}-01.`, false, 'version 00 with a dot behind'],
    [`00-00000000000000000000000000000000-${SPAN}-01`, false, 'trace id of zeros'],
    [`00-${TRACE.slice(1)}-${SPAN}-01`, false, 'short trace id'],
    [`00-${TRACE}3-${SPAN}-01`, false, 'long trace id'],
    [`00-.${TRACE.slice(1)}-${SPAN}-01`, false, 'trace id with a dot'],
    [`00-${TRACE.slice(1)}.-${SPAN}-01`, false, 'trace id with a dot behind'],
    [`00-${'ABCDEF0123456789'.repeat(2)}-${SPAN}-01`, false, 'trace id in upper case'],
    [`00-${TRACE}-0000000000000000-01`, false, 'parent id of zeros'],
    [`00-${TRACE}-${SPAN.slice(1)}-01`, false, 'short parent id'],
    [`00-${TRACE}-${SPAN}7-01`, false, 'long parent id'],
    [`00-${TRACE}-.${SPAN.slice(1)}-01`, false, 'parent id with a dot'],
    [`00-${TRACE}-ABCDEF0123456789-01`, false, 'parent id in upper case'],
    [`00-${TRACE}-${SPAN}-1`, false, 'short flags'],
    [`00-${TRACE}-${SPAN}-001`, false, 'long flags'],
    [`00-${TRACE}-${SPAN}-.0`, false, 'flags with a dot'],
    [`00-${TRACE}-${SPAN}-0.`, false, 'flags with a dot behind'],
    [`00-${TRACE}-${SPAN}-0A`, false, 'flags in upper case'],
    [`00-${TRACE}-${SPAN}`, false, 'no flags'],
    [`00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`, false, 'two lines, as they are joined'],
    [` 00-${TRACE}-${SPAN}-01`, false, 'space that no reader of HTTP leaves there'],
  ]
  for (const [value, isRead, why] of cases) assert.equal(parseTraceparent(value) !== undefined, isRead, why)
})

test('traceparent: of the flags, only those for sampled and random are read and written', () => {
  for (const [sent, written] of [
    ['00', '00'],
    ['01', '01'],
    ['02', '02'],
    ['03', '03'],
    ['04', '00'],
    ['ff', '03'],
    ['08', '00'],
  ] as const) {
    const parent = parseTraceparent(`00-${TRACE}-${SPAN}-${sent}`)!
    assert.equal(formatTraceparent(parent, SPAN), `00-${TRACE}-${SPAN}-${written}`, sent)
  }
  const later = parseTraceparent(`cc-${TRACE}-${SPAN}-01-more`)!
  assert.equal(formatTraceparent(later, SPAN), `00-${TRACE}-${SPAN}-01`, 'a later version is sent on as 00')
})

const members = (count: number) => Array.from({ length: count }, (_, index) => `k${index}=1`).join(',')

test('tracestate: what is passed on, and what is dropped', () => {
  const cases: readonly (readonly [value: string, passed: string | undefined, why: string])[] = [
    ['foo=1,bar=2', 'foo=1,bar=2', 'in the order given'],
    ['', undefined, 'empty'],
    [',,', undefined, 'nothing but commas'],
    ['foo=1,', 'foo=1', 'an empty member at the end'],
    ['foo=1,,bar=2', 'foo=1,bar=2', 'an empty member between'],
    ['foo=1 \t , \t bar=2, \t baz=3', 'foo=1,bar=2,baz=3', 'space around members'],
    ['foo=1\t \t,\t \tbar=2', 'foo=1,bar=2', 'tabs around members'],
    [' foo=1', 'foo=1', 'space in front'],
    ['foo=1\t', 'foo=1', 'a tab behind'],
    ['foo= 1', 'foo= 1', 'a value may begin with a space'],
    ['foo=1,foo=1', 'foo=1', 'the same member twice'],
    ['foo=1,foo=2', 'foo=1', 'a key twice'],
    ['foo=1,bar=2,foo=3', 'foo=1,bar=2', 'a key twice, apart'],
    [`${members(32)},k0=2`, members(32), '32 keys, one of them twice'],
    ['foo =1', undefined, 'space in a key'],
    ['FOO=1', undefined, 'upper case in a key'],
    ['foo.bar=1', undefined, 'a dot in a key'],
    ['foo@=1,bar=2', 'foo@=1,bar=2', 'an at sign in a key, as level 2 allows'],
    ['@foo=1,bar=2', undefined, 'an at sign in front'],
    ['foo@@bar=1,bar=2', 'foo@@bar=1,bar=2', 'two at signs'],
    ['foo@bar@baz=1,bar=2', 'foo@bar@baz=1,bar=2', 'two at signs, apart'],
    ['0foo=1', '0foo=1', 'a key that begins with a digit'],
    ['_foo=1', undefined, 'a key that begins otherwise'],
    ['foo', undefined, 'no value'],
    ['foo=', undefined, 'an empty value'],
    ['foo=,bar=3', undefined, 'an empty value beside another'],
    ['=1', undefined, 'no key'],
    ['foo=bar=baz', undefined, 'an equals sign in a value'],
    ['foo=b\u00e4r', undefined, 'beyond ASCII'],
    ['foo=\u0001', undefined, 'a control character'],
    ['z09_-*/=1', 'z09_-*/=1', 'all that a key may have'],
    [
      'foo= !"#$%&\'()*+-./:;<>?@[\\]^_`{|}~',
      'foo= !"#$%&\'()*+-./:;<>?@[\\]^_`{|}~',
      'all kinds of signs in a value',
    ],
    [`${'k'.repeat(256)}=1`, `${'k'.repeat(256)}=1`, 'the longest key'],
    [`${'k'.repeat(257)}=1`, undefined, 'a longer key'],
    [`${'t'.repeat(241)}@${'v'.repeat(14)}=1`, `${'t'.repeat(241)}@${'v'.repeat(14)}=1`, 'a tenant'],
    [`${'t'.repeat(242)}@v=1`, `${'t'.repeat(242)}@v=1`, 'a longer tenant, as level 2 allows'],
    [`foo=${'v'.repeat(256)}`, `foo=${'v'.repeat(256)}`, 'the longest value'],
    [`foo=${'v'.repeat(257)}`, undefined, 'a longer value'],
    [members(32), members(32), '32 members'],
    [members(33), undefined, '33 members'],
    [`${members(32)},`, members(32), '32 members and an empty one'],
  ]
  for (const [value, passed, why] of cases) assert.equal(readTracestate(value), passed, why)
})

test('tracestate: beyond 512 characters, long members go first, then those on the right', () => {
  const of = (key: string, length: number) => `${key}=${'v'.repeat(length - key.length - 1)}`
  const short = ['a', 'b', 'c', 'd'].map(key => of(key, 127))
  assert.equal(short.join(',').length, 511)
  assert.equal(readTracestate(short.join(',')), short.join(','), '511 characters')
  const whole = [...short.slice(0, 3), of('d', 128)].join(',')
  assert.equal(whole.length, 512)
  assert.equal(readTracestate(whole), whole, '512 characters')
  const over = [...short.slice(0, 3), of('dd', 128), 'e=1']
  assert.equal(readTracestate(over.join(',')), over.slice(0, 4).join(','), 'the last one goes')
  const long = [of('first', 129), ...short.slice(0, 3), 'e=1']
  assert.equal(readTracestate(long.join(',')), [...short.slice(0, 3), 'e=1'].join(','), 'the long one goes')
  assert.equal(
    readTracestate([of('x', 250), of('y', 250), of('z', 250)].join(',')),
    undefined,
    'all are long',
  )
})

test('baggage passes up to 8,192 bytes', () => {
  assert.equal(readBaggage('user=1;p, b=2'), 'user=1;p, b=2')
  assert.equal(readBaggage('x'.repeat(8_192))?.length, 8_192)
  assert.equal(readBaggage('x'.repeat(8_193)), undefined)
  assert.equal(readBaggage(''), undefined)
})

test('reading a tracestate takes time in proportion to it, wherever its blanks are', () => {
  const blanks = ' \t'.repeat(16_384)
  for (const value of [`a=x${blanks}x`, `${blanks}x`, `a=x${blanks}`, `a${blanks}=x`]) {
    const ms = leastCpuMs(() => readTracestate(value))
    assert.ok(ms < 50, `${value.trim().slice(0, 4)}: ${ms}`)
  }
  assert.equal(readTracestate(`${blanks}a=x${blanks},\t b=y`), 'a=x,b=y')
  assert.equal(readTracestate('\xa0a=x'), undefined)
})
