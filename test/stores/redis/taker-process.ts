import { once } from 'node:events'
import { sayReady } from '../../support/say-ready.ts'
import { chargeOf, openUp, ruleOf, standingAt } from './counters.ts'

// One of several processes that share a store. At each message it makes COUNT calls at once of a rule of LIMIT, by a clock that
// stands at NOW (microseconds since 1970), and sends how many were admitted. It sends `up` first, and ends when it is let go.
const [url = '', limit = '', count = '', now = ''] = process.argv.slice(2)

await using store = await openUp(url, standingAt(Number(now)))
// Redis forgets counters by its own clock: after an hour, which no run takes.
const rule = ruleOf({ limit: Number(limit), windowMicros: 3_600_000_000 })
process.on('message', async () => {
  const calls = Array.from({ length: Number(count) }, () => store.take(chargeOf(rule)))
  const verdicts = await Promise.all(calls)
  process.send?.(verdicts.filter(([verdict]) => verdict!.allowed).length)
})
sayReady('up')
await once(process, 'disconnect')
