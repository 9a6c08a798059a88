import { once } from 'node:events'
import { sayReady } from '../../support/say-ready.ts'
import { chargeOf, openUp, ruleOf, standingAt } from './counters.ts'

// One of several processes that share a store. It makes COUNT calls at once in each of ROUNDS, of a rule of LIMIT, by a clock
// that stands at NOW (microseconds since 1970). It sends `up`, begins with the first message, and sends how many were admitted.
const [url = '', limit = '', count = '', rounds = '', now = ''] = process.argv.slice(2)

await using store = await openUp(url, standingAt(Number(now)))
sayReady('up')
await once(process, 'message')
const rule = ruleOf({ limit: Number(limit) })
let admitted = 0
for (let round = 0; round < Number(rounds); round++) {
  const calls = Array.from({ length: Number(count) }, () => store.take(chargeOf(rule)))
  for (const [verdict] of await Promise.all(calls)) if (verdict!.allowed) admitted++
}
process.send?.(admitted)
process.disconnect?.()
