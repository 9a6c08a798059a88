import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createStartTrace } from '../../../middleware/request/start-trace.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'
const SENT = [
  ...['traceparent', `00-${TRACE}-${SPAN}-01`],
  ...['tracestate', 'a=1', 'TraceState', 'b=2', 'baggage', 'user=7'],
]

test('what a stranger sends ends here, and the new trace has a link to it', () => {
  for (const [trust, isProxied] of [
    ['trusted-proxies', false],
    ['none', true],
  ] as const) {
    const trace = createStartTrace({ sampleRatio: 0, trust })(SENT, isProxied)
    assert.notEqual(trace.traceId, TRACE)
    assert.match(trace.traceId, /^[0-9a-f]{32}$/)
    assert.deepEqual([trace.parentId, trace.state, trace.baggage], [undefined, undefined, undefined])
    assert.deepEqual([trace.isSampled, trace.isRandom], [false, true])
    assert.deepEqual([trace.link?.traceId, trace.link?.spanId], [TRACE, SPAN])
  }
})

test('the trace of a trusted caller goes on, and its word on sampling counts', () => {
  for (const [trust, isProxied] of [
    ['trusted-proxies', true],
    ['all', false],
  ] as const) {
    for (const [flags, isSampled, isRandom] of [
      ['00', false, false],
      ['01', true, false],
      ['02', false, true],
      ['03', true, true],
    ] as const) {
      const start = createStartTrace({ sampleRatio: isSampled ? 0 : 1, trust })
      const trace = start(SENT.with(1, `00-${TRACE}-${SPAN}-${flags}`), isProxied)
      assert.deepEqual([trace.traceId, trace.parentId, trace.link], [TRACE, SPAN, undefined])
      assert.notEqual(trace.spanId, SPAN)
      assert.deepEqual([trace.isSampled, trace.isRandom], [isSampled, isRandom])
      assert.deepEqual([trace.state, trace.baggage], ['a=1,b=2', 'user=7'])
    }
  }
})

test('a malformed traceparent of a trusted caller begins a new trace, and its tracestate goes too', () => {
  const start = createStartTrace({ sampleRatio: 1, trust: 'all' })
  for (const lines of [
    SENT.with(1, 'none'),
    [...SENT, 'Traceparent', `00-${TRACE}-${SPAN}-01`],
    SENT.slice(2),
  ]) {
    const trace = start(lines, false)
    assert.notEqual(trace.traceId, TRACE)
    assert.deepEqual([trace.parentId, trace.state, trace.link], [undefined, undefined, undefined])
    assert.equal(trace.baggage, 'user=7', 'baggage is not about the trace')
  }
})

test('a malformed tracestate is dropped alone', () => {
  const trace = createStartTrace({ sampleRatio: 1, trust: 'all' })(
    ['traceparent', `00-${TRACE}-${SPAN}-01`, 'tracestate', 'a=1,A=2'],
    false,
  )
  assert.deepEqual([trace.traceId, trace.state], [TRACE, undefined])
})

test('the ratio decides by the random part of the id, so that all gateways agree', () => {
  const kept = (sampleRatio: number) => {
    const start = createStartTrace({ sampleRatio, trust: 'all' })
    return Array.from({ length: 4_000 }, () => start(undefined, false))
  }
  assert.ok(kept(0).every(({ isSampled }) => !isSampled))
  assert.ok(kept(1e-17).every(({ isSampled }) => !isSampled))
  assert.ok(kept(1).every(({ isSampled }) => isSampled))
  for (const { traceId, isSampled } of kept(0.25)) {
    // The last 14 digits are 56 bits, of which the upper quarter is kept.
    assert.equal(isSampled, traceId.slice(18) >= 'c0000000000000', traceId)
  }
})

test('ids are different, and none is of zeros alone', () => {
  const start = createStartTrace({ sampleRatio: 1, trust: 'none' })
  const traces = Array.from({ length: 2_000 }, () => start(undefined, false))
  assert.equal(new Set(traces.map(({ traceId }) => traceId)).size, 2_000)
  assert.equal(new Set(traces.map(({ spanId }) => spanId)).size, 2_000)
  assert.ok(
    traces.every(({ traceId, spanId }) => /^[0-9a-f]{32}$/.test(traceId) && /^[0-9a-f]{16}$/.test(spanId)),
  )
})

test('the id of a trace that is kept for long does not keep others in memory', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const start = createStartTrace({ sampleRatio: 1, trust: 'none' })
  collect()
  const before = process.memoryUsage().heapUsed
  const kept: string[] = []
  for (let n = 0; n < 300_000; n++) {
    const { traceId } = start(undefined, false)
    if (n % 300 === 0) kept.push(traceId)
  }
  collect()
  const bytes = process.memoryUsage().heapUsed - before
  assert.equal(new Set(kept).size, 1_000)
  assert.ok(bytes < 3_000_000, `${bytes} bytes`)
})
