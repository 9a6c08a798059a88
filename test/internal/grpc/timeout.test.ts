import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatTimeout, parseTimeout } from '../../../internal/grpc/timeout.ts'

test('grpc-timeout is read in every unit, with fractions of milliseconds', () => {
  const cases = [
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3_000],
    ['4m', 4],
    ['5u', 0.005],
    ['1500u', 1.5],
    ['0n', 0],
    ['250000n', 0.25],
    ['00000007S', 7_000],
    ['99999999H', 99_999_999 * 3_600_000],
  ] as const
  for (const [value, ms] of cases) assert.ok(Math.abs(parseTimeout(value)! - ms) < 1e-9, value)
})

test('a malformed grpc-timeout is recognised', () => {
  for (const value of [
    '',
    '5',
    'S',
    '-1S',
    '+1S',
    '1.5S',
    '1s',
    '100000000m',
    ' 1S',
    '1S ',
    '1S,1S',
    '1 S',
    '٣S',
  ]) {
    assert.equal(parseTimeout(value), undefined, JSON.stringify(value))
  }
})

test('grpc-timeout is written in at most 8 digits, never longer than it is, and never as 0', () => {
  const cases = [
    [0, '1n'],
    [-5, '1n'],
    [0.000_001, '1n'],
    [0.3, '300000n'],
    [1, '1000000n'],
    [99.999_999, '99999999n'],
    [100, '100000u'],
    [4_999.5, '4999500u'],
    [99_999.999, '99999999u'],
    [100_000, '100000m'],
    [99_999_999.9, '99999999m'],
    [100_000_000, '100000S'],
    [Number.MAX_SAFE_INTEGER, '99999999H'],
    [Number.POSITIVE_INFINITY, '99999999H'],
  ] as const
  for (const [ms, written] of cases) assert.equal(formatTimeout(ms), written)
})

test('what is written is read back to within one part in a thousand, and is not longer', () => {
  for (let ms = 0.001; ms < 1e12; ms *= 1.37) {
    const written = formatTimeout(ms)
    assert.match(written, /^\d{1,8}[HMSmun]$/)
    const read = parseTimeout(written)!
    assert.ok(read <= ms * (1 + 1e-6) && read >= ms * 0.999, `${ms} became ${written}`)
  }
})
