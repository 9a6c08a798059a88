import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { writeNanos } from '../../../cmd/gateway/span-wire.ts'
import { EXPORT_REQUEST } from '../../support/collector.ts'
import { send, sendRaw } from '../../support/http.ts'
import { answer, deadPort, startNode } from '../../support/node-server.ts'
import { startTracedGateway } from '../../support/traced-gateway.ts'

test('what is sent follows the schema of OTLP: no unknown field, no wrong type, ids of 16 and 8 bytes', async t => {
  const node = await startNode(t, socket => socket.write(answer()))
  const gateway = await startTracedGateway(
    t,
    { nodes: { 'user/a': { port: await deadPort(), weight: 100 }, 'user/b': node.port } },
    { trust: 'all', resource: { 'deployment.environment.name': 'a "test"\u{1f680}' } },
  )
  const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const sent = { traceparent: parent, tracestate: 'a=1', 'user-agent': 'caf\u00e9 \\ "x"\t' }
  for (const headers of [sent, { ...sent, traceparent: 'none' }]) {
    await send(gateway.port, { path: '/user/%22', headers })
  }
  await send(gateway.port, { method: 'PURGE', path: '/nowhere' })
  await gateway.gateway.stop()
  const messages = gateway.collector.batches.map(({ body }) => {
    const message = fromBinary(EXPORT_REQUEST, body)
    assert.doesNotMatch(inspect(message, { depth: null }), /\$unknown/)
    // A field that comes twice, or a length with more bytes than it needs, would be written shorter.
    assert.equal(toBinary(EXPORT_REQUEST, message).length, body.length)
    return message as unknown as {
      resourceSpans: { scopeSpans: { spans: Record<string, unknown>[] }[] }[]
    }
  })
  const spans = messages.flatMap(({ resourceSpans }) => resourceSpans[0]!.scopeSpans[0]!.spans)
  assert.ok(spans.length >= 6, `${spans.length} spans`)
  const length = (bytes: unknown) => (bytes as Uint8Array).length
  for (const span of spans) {
    assert.deepEqual([length(span.traceId), length(span.spanId)], [16, 8])
    assert.ok([0, 8].includes(length(span.parentSpanId)))
    const [startedAt, endedAt] = [span.startTimeUnixNano, span.endTimeUnixNano] as [bigint, bigint]
    assert.ok(startedAt > 1_700_000_000_000_000_000n && endedAt >= startedAt)
  }
})

test('texts of every length come as they were, but for what is beyond 1,024 characters', async t => {
  const node = await startNode(t, socket => socket.write(answer()))
  const { port, spansOf } = await startTracedGateway(t, { nodes: { 'user/a': node.port } })
  const asked = [1, 90, 110, 126, 127, 128, 200, 1_024, 1_025, 3_000].flatMap(length =>
    ['x', '\u00e9'].map(character => ({ path: 'y'.repeat(length), userAgent: character.repeat(length) })),
  )
  const answers = await Promise.all(
    asked.map(({ path, userAgent }) =>
      send(port, { path: `/user/${path}`, headers: { 'user-agent': userAgent } }),
    ),
  )
  for (const [index, { path, userAgent }] of asked.entries()) {
    const [request, attempt] = await spansOf(answers[index]!.headers['x-request-id'], 2)
    assert.equal(request!.attributes['user_agent.original'], userAgent.slice(0, 1_024))
    assert.equal(request!.attributes['url.path'], `/user/${path}`.slice(0, 1_024))
    assert.equal(attempt!.attributes['url.full'], `http://127.0.0.1:${node.port}/${path}`.slice(0, 1_024))
  }
})

test('the port of a Host that is refused is not told, whatever stands in its place', async t => {
  const { port, spansOf } = await startTracedGateway(t, {})
  const behind = ['70000', '1e99', '-5', '1.5', '0x50', 'x', '9'.repeat(400), 'Infinity']
  const answers = await Promise.all(
    behind.map(text => sendRaw(port, `GET / HTTP/1.1\r\nHost: a.test:${text}\r\nConnection: close\r\n\r\n`)),
  )
  for (const [index, answered] of answers.entries()) {
    assert.match(answered, /^HTTP\/1\.1 400 /)
    const [, id] = /^x-request-id: (.*)\r$/im.exec(answered) ?? []
    const [span] = await spansOf(id!, 1)
    const { 'server.address': name, 'server.port': told } = span!.attributes
    assert.deepEqual([name, told], ['a.test', undefined], `Host: a.test:${behind[index]}`)
  }
})

test('a time is written with microseconds', () => {
  const bytes = Buffer.alloc(8)
  for (const ms of [
    0,
    0.001,
    4_294_967.295,
    4_294_967.296,
    1_796_003_495_684.612,
    1_900_000_000_000.001,
    2 ** 41,
  ]) {
    assert.equal(writeNanos(bytes, ms, 0), 8)
    assert.equal(bytes.readBigUInt64LE(), BigInt(Math.round(ms * 1_000)) * 1_000n, `${ms}`)
  }
})
