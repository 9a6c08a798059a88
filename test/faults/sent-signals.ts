import { test } from 'node:test'
import { ENDING, sendSignals } from '../support/sent-signals.ts'

// The long version of test/e2e/signals.test.ts.
for (const workers of [1, 2]) {
  for (const ending of ENDING) {
    test(`${ending} ends a gateway with ${workers} worker(s) as SIGTERM does; SIGUSR1 and SIGUSR2 do nothing`, async () => {
      await sendSignals({ workers, ending })
    })
  }
}
