import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OnceAMinute } from '../../internal/once-a-minute.ts'

test('the first event of each kind is reported, and then one a minute', () => {
  const reports = new OnceAMinute<string>()
  const due = [
    ['a', 0],
    ['b', 0],
    ['a', 59_999],
    ['a', 60_000],
    ['b', 70_000],
    ['a', 119_999],
    ['a', 120_000],
  ].filter(([kind, now]) => reports.isDue(String(kind), Number(now)))
  assert.deepEqual(
    due.map(each => each.join(' ')),
    ['a 0', 'b 0', 'a 60000', 'b 70000', 'a 120000'],
  )
})
