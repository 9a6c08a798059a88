import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Telemetry } from '../../../../cmd/gateway/telemetry/telemetry.ts'

test('a step of 5 s has one sample, also when a timer is a moment early or late', t => {
  let now = 1_000
  t.mock.method(Date, 'now', () => now)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const telemetry = new Telemetry(false)
  const { history } = telemetry
  const goTo = (ms: number, at = ms) => {
    const passed = ms - now
    now = at
    history.total.record(200, 1)
    t.mock.timers.tick(passed)
    now = ms
  }
  // The timer of 5 s fires while the clock says 4.999 s.
  goTo(5_000, 4_999)
  goTo(5_010)
  goTo(10_050)
  goTo(18_000)
  goTo(20_100)
  telemetry.close()
  goTo(30_000)
  const samples = history.samplesOf(history.total)
  assert.deepEqual(
    samples.map(({ t: at, figures: [n] }) => [at, n]),
    [
      [5_000, 1],
      [10_000, 2],
      [15_000, 1],
      [20_000, 1],
    ],
  )
})
