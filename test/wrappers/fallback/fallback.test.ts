import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import { GatewayError } from '../../../internal/http/errors.ts'
import type { RequestBody, UpstreamRequest } from '../../../internal/upstream.ts'
import { createFallback } from '../../../wrappers/fallback/fallback.ts'
import { testRequest, testRoute } from '../../support/route.ts'

const BEGUN = { begun: true } as RequestBody

/** Asks a service without nodes. `task`, to which a route may fall back, answers. */
function ask(fallback: UpstreamRequest['route']['fallback'], body: RequestBody | null) {
  const upstream = createFallback()(async ({ service }) => {
    if (service !== 'task') throw new GatewayError('WG_NO_NODE')
    return { status: 201, headers: [], sendBody() {}, discard() {} }
  })
  const call = new Call('id', 'POST', '/', 0)
  return upstream(testRequest({ method: 'POST', body, route: testRoute({ fallback }) }), call)
}

test('a fixed answer also takes the place of a call whose body was read, and another service does not', async () => {
  const fixed = { type: 'static', status: 200, headers: {}, body: 'later' } as const
  assert.equal((await ask(fixed, null)).status, 200)
  assert.equal((await ask(fixed, BEGUN)).status, 200)
  const other = { type: 'service', service: 'task' } as const
  assert.equal((await ask(other, null)).status, 201)
  await assert.rejects(ask(other, BEGUN), { code: 'WG_NO_NODE' })
})
