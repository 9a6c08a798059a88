/** Milliseconds in each unit of `grpc-timeout`, the finest first (grpc/doc/PROTOCOL-HTTP2.md, "Timeout"). */
const UNITS = [
  ['n', 1e-6],
  ['u', 1e-3],
  ['m', 1],
  ['S', 1_000],
  ['M', 60_000],
  ['H', 3_600_000],
] as const

const MS_BY_UNIT: ReadonlyMap<string, number> = new Map(UNITS)
const TIMEOUT = /^(\d{1,8})([HMSmun])$/
const MAX_DIGITS_VALUE = 99_999_999

/**
 * Reads the value of a `grpc-timeout` field.
 *
 * @returns milliseconds with fractions, from 0 to some 11,000 years, which no timer takes; undefined when the value is
 *   malformed
 */
export function parseTimeout(value: string): number | undefined {
  const [, digits, unit] = TIMEOUT.exec(value) ?? []
  if (digits === undefined || unit === undefined) return undefined
  return Number(digits) * MS_BY_UNIT.get(unit)!
}

/**
 * Writes a `grpc-timeout` in the finest unit in which it has at most 8 digits. It is rounded down, so that a node never
 * works longer than its client waits, but is at least 1 ns, because some servers refuse 0.
 */
export function formatTimeout(ms: number): string {
  for (const [unit, unitMs] of UNITS) {
    // Without the tiny addend, 0.3 ms would be 299,999 ns.
    const value = Math.floor(ms / unitMs + 1e-6)
    if (value <= MAX_DIGITS_VALUE) return `${Math.max(value, 1)}${unit}`
  }
  return `${MAX_DIGITS_VALUE}H`
}
