import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import { GatewayError } from '../../../internal/http/errors.ts'
import { NodeTable } from '../../../internal/nodes/node-table.ts'
import type { UpstreamResponse } from '../../../internal/upstream.ts'
import { createBalance } from '../../../wrappers/balance/balance.ts'
import { createObserve } from '../../../wrappers/observe.ts'
import { FakeBody } from '../../support/bodies.ts'
import { FakePeer, testNode } from '../../support/peer.ts'
import { testRequest, testRoute } from '../../support/route.ts'

const REQUEST = testRequest()
const RESPONSE: UpstreamResponse = { status: 200, headers: [], sendBody: () => {}, discard: () => {} }

function setUp(ids: readonly string[]) {
  const peers: FakePeer[] = []
  const table = new NodeTable(node => {
    const peer = new FakePeer(node)
    peers.push(peer)
    return peer
  })
  table.set(
    'user',
    ids.map(id => testNode({ id })),
  )
  const call = new Call('id', 'GET', '/', 0)
  const upstream = createBalance(table)(async () => RESPONSE)
  return { peers, call, ask: () => upstream(REQUEST, call) }
}

async function refusal(promise: Promise<unknown>): Promise<GatewayError> {
  const error = await promise.then(
    () => assert.fail('an answer came'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof GatewayError)
  return error
}

test('the chosen peer is set on the call, and the try is counted', async () => {
  const { peers, call, ask } = setUp(['a', 'b'])
  assert.equal(await ask(), RESPONSE)
  assert.equal(await ask(), RESPONSE)
  assert.equal(call.attempts, 2)
  assert.equal(call.peer, peers[1])
  assert.deepEqual(
    peers.map(peer => peer.requests),
    [1, 1],
  )
})

test('a service without nodes is refused with WG_NO_NODE', async () => {
  assert.equal((await refusal(setUp([]).ask())).code, 'WG_NO_NODE')
})

test('when breakers eject all nodes, Retry-After says when the first one lets a try through', async () => {
  for (const [times, seconds] of [
    [[4_200, 2_001], '3'],
    [[1, 9_000], '1'],
    [[0, 0], '1'],
  ] as const) {
    const { peers, ask } = setUp(['a', 'b'])
    for (const [index, peer] of peers.entries()) {
      peer.up = false
      peer.breaker = 'open'
      peer.retryInMs = times[index]!
    }
    const error = await refusal(ask())
    assert.equal(error.code, 'WG_CIRCUIT_OPEN')
    assert.deepEqual(error.headers, { 'retry-after': seconds })
  }
})

test('a draining node is not available, whatever the state of its breaker', async () => {
  const { peers, ask } = setUp(['a'])
  peers[0]!.node = testNode({ id: 'a', weight: 0 })
  peers[0]!.breaker = 'open'
  assert.equal((await refusal(ask())).code, 'WG_NO_NODE')
})

test('the time to the end of the upstream call is measured, with and without an answer', async () => {
  let now = 100
  const observe = createObserve(() => now)
  const call = new Call('id', 'GET', '/', 0)
  const answered = observe(async () => {
    now = 107
    return RESPONSE
  })
  assert.equal(await answered(REQUEST, call), RESPONSE)
  assert.equal(call.upstreamMs, 7)
  const failed = observe(async () => {
    now = 110
    throw new GatewayError('WG_NO_NODE')
  })
  assert.equal((await refusal(failed(REQUEST, call))).code, 'WG_NO_NODE')
  assert.equal(call.upstreamMs, 3)
})

test('a node that has failed once gets no more than its share of requests with bodies, whose answers are not timed', async () => {
  const table = new NodeTable(node => new FakePeer(node))
  table.set(
    'user',
    ['a', 'b', 'c'].map(id => testNode({ id })),
  )
  const request = testRequest({
    route: testRoute({ balancer: 'peak-ewma' }),
    method: 'POST',
    body: new FakeBody(),
  })
  const open: (() => void)[] = []
  let status = 503
  const upstream = createBalance(table)((_, { peer }) => {
    peer!.inFlight++
    const { promise, resolve } = Promise.withResolvers<UpstreamResponse>()
    const answer = { ...RESPONSE, status }
    open.push(() => {
      peer!.inFlight--
      resolve(answer)
    })
    return promise
  })
  const ask = () => {
    const call = new Call('id', 'POST', '/', 0)
    return { call, answer: upstream(request, call) }
  }
  const first = ask()
  open.pop()!()
  await first.answer
  status = 200
  let ofFirst = 0
  for (let i = 0; i < 1_000; i++) {
    const { call, answer } = ask()
    if (call.peer === first.call.peer) ofFirst++
    if (open.length <= 30) continue
    open.shift()!()
    void answer
    await new Promise(setImmediate)
  }
  assert.ok(ofFirst < 450, `${ofFirst} of 1,000`)
})
