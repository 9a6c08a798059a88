import assert from 'node:assert/strict'
import { test } from 'node:test'
import { calendarWindow, type QuotaRule } from '../../../middleware/policies/quota.ts'

const cases: [unit: QuotaRule['per'], now: string, startsAt: string, endsAt: string][] = [
  ['hour', '2026-11-29T18:25:48.123Z', '2026-11-29T18:00:00.000Z', '2026-11-29T19:00:00.000Z'],
  ['hour', '2026-12-31T23:59:59.999Z', '2026-12-31T23:00:00.000Z', '2027-01-01T00:00:00.000Z'],
  ['day', '2028-02-29T00:00:00.000Z', '2028-02-29T00:00:00.000Z', '2028-03-01T00:00:00.000Z'],
  ['month', '2026-11-30T23:59:59.999Z', '2026-11-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z'],
  ['month', '2026-12-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
  ['month', '2028-02-29T12:00:00.000Z', '2028-02-01T00:00:00.000Z', '2028-03-01T00:00:00.000Z'],
]

for (const [unit, now, startsAt, endsAt] of cases) {
  test(`the ${unit} of ${now} begins at ${startsAt} and ends at ${endsAt}`, () => {
    assert.deepEqual(calendarWindow(unit, Date.parse(now)), {
      startsAt: Date.parse(startsAt),
      endsAt: Date.parse(endsAt),
    })
  })
}
