import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { KeptRequest } from '../../../../cmd/gateway/telemetry/kept-request.ts'
import { Call } from '../../../../internal/call.ts'

test('a kept request does not keep the query in memory, nor the rest of a path that was cut', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const targetOf = (n: number) =>
    Buffer.from(n % 2 === 0 ? `/user/of-number-${n}?${'q'.repeat(15_000)}` : `/${n}/${'p'.repeat(15_000)}`)
  collect()
  const before = process.memoryUsage().heapUsed
  const kept = Array.from({ length: 1_000 }, (_, n) => {
    const call = new Call(`id-${n}`, 'GET', targetOf(n).toString(), 0)
    return new KeptRequest(call, 200, 1, undefined)
  })
  collect()
  const bytes = process.memoryUsage().heapUsed - before
  assert.equal(kept[8]!.path, '/user/of-number-8')
  assert.match(kept[9]!.path, /^\/9\/p{509}…$/)
  assert.ok(bytes < 3_000_000, `${bytes} bytes`)
})
