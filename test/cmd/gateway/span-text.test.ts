import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  createFileRegistry,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
} from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { send } from '../../support/http.ts'
import { answer, deadPort, startNode } from '../../support/node-server.ts'
import { startTracedGateway } from '../../support/traced-gateway.ts'

/**
 * The schema that collectors have: collector/trace/v1/trace_service.proto of opentelemetry-proto 1.11.0 (Apache-2.0), with what it
 * imports, as protoc wrote it.
 */
const SCHEMA = readFileSync(join(import.meta.dirname, '../../fixtures/otlp/trace.binpb'))
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, SCHEMA))
const REQUEST: DescMessage = registry.getMessage(
  'opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest',
)!

const IDS: ReadonlySet<string> = new Set(['traceId', 'spanId', 'parentSpanId'])

/** Writes ids as base64, as JSON of protobuf has them. OTLP has them as hexadecimal digits, and nothing else different. */
function withBase64(value: unknown): JsonValue {
  if (Array.isArray(value)) return value.map(withBase64)
  if (typeof value !== 'object' || value === null) return value as JsonValue
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      IDS.has(name) ? Buffer.from(inner, 'hex').toString('base64') : withBase64(inner),
    ]),
  )
}

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
  const messages = gateway.collector.batches.map(({ text }) => {
    const message = fromJson(REQUEST, withBase64(JSON.parse(text)), { registry })
    assert.ok(toBinary(REQUEST, message).length > 500)
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
