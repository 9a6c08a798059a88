import assert from 'node:assert/strict'
import { get, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { type ReceivedSpan, startCollector } from '../support/collector.ts'
import { until } from '../support/until.ts'
import { startWithWorkers } from '../support/workers.ts'

const SERVER = 2

/** Sends a GET on a connection of its own, so that the system chooses a worker for it. Resolves with the body. */
function ask(url: string, headers: Record<string, string | undefined>): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false, headers }, response => resolve(text(response))).on('error', reject)
  })
}

test('each worker sends its spans, and a request that comes through one and returns through the other is one trace', async t => {
  const collector = await startCollector(t)
  let base = ''
  const handler = async ({ url, headers }: IncomingMessage, response: ServerResponse) => {
    const { traceparent } = headers as Record<string, string>
    if (url === '/outer') await ask(`${base}/echo/inner`, { traceparent })
    response.end('answered')
  }
  const tracing = { endpoint: collector.endpoint, trust: 'all', sampleRatio: 1 }
  await using scene = await startWithWorkers({ tracing }, { handler })
  base = `http://127.0.0.1:${scene.gateway.port}`

  /** The spans of a trace, by the process that sent them. */
  const senders = (traceId: string) =>
    collector.batches.flatMap(({ resource, spans }) =>
      spans.some(span => span.traceId === traceId) ? [resource['service.instance.id']] : [],
    )
  let requests = 0
  let across: readonly ReceivedSpan[] | undefined
  while (across === undefined) {
    assert.ok(++requests < 100, 'two connections in a row never get different workers')
    const id = requests.toString(16).padStart(32, '0')
    assert.equal(
      await ask(`${base}/echo/outer`, { traceparent: `00-${id}-${'1'.repeat(16)}-01` }),
      'answered',
    )
    const spans = await collector.traceOf(id, 4)
    if (new Set(senders(id)).size === 2) across = spans
  }
  const childOf = (spanId: string) => across.find(({ parentSpanId }) => parentSpanId === spanId)!
  const outer = childOf('1'.repeat(16))
  const inner = childOf(childOf(outer.spanId).spanId)
  assert.deepEqual(
    [outer, inner].map(({ kind, attributes }) => [kind, attributes['url.path']]),
    [
      [SERVER, '/echo/outer'],
      [SERVER, '/echo/inner'],
    ],
  )
  assert.equal(childOf(inner.spanId).attributes['waygate.node'], 'n1')
  await until(
    'the counts of both workers are added up',
    async () => (await scene.metric('waygate_spans_sent_total')) === requests * 4,
  )
})
