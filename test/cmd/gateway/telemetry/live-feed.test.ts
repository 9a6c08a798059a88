import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LiveFeed, type LiveFeedOptions } from '../../../../cmd/gateway/telemetry/live-feed.ts'
import { TrafficHistory } from '../../../../internal/telemetry/traffic-history.ts'
import { SOURCE } from '../../../support/api-pages.ts'
import { FakePeer, testNode } from '../../../support/peer.ts'

test('a question that comes while another is answered does not take nodes of a large table for gone', async t => {
  const peers = Array.from({ length: 40 }, (_, i) => new FakePeer(testNode({ id: `n${i}`, port: 1_000 + i })))
  peers[0]!.breaker = 'open'
  // With the 32nd node, reading has taken so long that it goes on in another turn of the event loop.
  Object.defineProperty(peers[31], 'health', {
    get() {
      for (const until = performance.now() + 5; performance.now() < until; );
      return 'unchecked'
    },
  })
  const feed = new LiveFeed(
    {
      telemetry: { watcher: undefined },
      history: new TrafficHistory(),
      nodes: { services: () => [{ name: 'user', peers }] },
      ...{ budgets: [], inFlight: () => 0, revision: () => '1', source: () => SOURCE, problems: () => [] },
    } as unknown as LiveFeedOptions,
    { onRequest() {}, onChange() {} },
  )
  t.after(() => feed.close())
  const first = await feed.take()
  assert.equal(first.figures.nodes['user/n0']?.[3], 'open')
  const both = await Promise.all([feed.take(), feed.take()])
  assert.deepEqual(
    both.map(({ figures }) => figures.nodes),
    [{}, {}],
  )
})
