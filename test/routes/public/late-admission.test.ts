import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Verdict } from '../../../internal/limits/counters.ts'
import { startTestGateway } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { startNode } from '../../support/node-server.ts'
import { until } from '../../support/until.ts'

const ALLOWED: Verdict = { allowed: true, remaining: 1, nextMs: 0, retryMs: 0 }

for (const [what, timeoutMs, share, asked] of [
  ['all of its time is answered 504, and no node is asked', 400, 1, 0],
  ['more than half of its time says nothing about the node that does not answer in the rest', 2_000, 0.6, 6],
] as const) {
  test(`a request that has waited before it could be sent for ${what}`, async t => {
    const node = await startNode(t, () => {})
    const waiting: (() => void)[] = []
    const { port, log } = await startTestGateway(t, {
      nodes: { 'user/u1': node.port },
      routes: {
        user: {
          path: '/user',
          service: 'user',
          timeoutMs,
          auth: 'none',
          rateLimit: { limit: 1_000, windowSeconds: 60, store: 'shared' },
        },
      },
      document: { rateLimits: { store: { url: 'redis://127.0.0.1:6379' } } },
      sharedCounters: {
        take: charges => new Promise(resolve => waiting.push(() => resolve(charges.map(() => ALLOWED)))),
        add() {},
      },
    })
    const answers = Array.from({ length: 6 }, () => send(port, { path: '/user' }))
    await until('all requests wait', () => waiting.length === 6)
    const since = performance.now()
    await until('their time has passed', () => performance.now() - since > share * timeoutMs)
    for (const admit of waiting) admit()
    for (const { status, text } of await Promise.all(answers))
      assert.deepEqual([status, JSON.parse(text).code], [504, 'WG_UPSTREAM_TIMEOUT'])
    assert.equal(node.requests.length, asked)
    assert.deepEqual(
      log.filter(({ msg }) => msg === 'breaker opened'),
      [],
    )
  })
}
