import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import {
  create,
  createFileRegistry,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  toBinary,
  toJson,
} from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { until } from './until.ts'

/** A span as it was received, its attributes by name. */
export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly traceState?: string
  readonly flags: number
  readonly name: string
  /** 2 = server, 3 = client. */
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: Readonly<Record<string, unknown>>
  readonly events?: readonly { readonly name: string; readonly timeUnixNano: string }[]
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[]
  readonly status?: { readonly code: number }
}

export interface ReceivedBatch {
  readonly path: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly resource: Readonly<Record<string, unknown>>
  readonly spans: readonly ReceivedSpan[]
}

export interface Collector {
  /** What `tracing.endpoint` is set to. */
  readonly endpoint: string
  readonly batches: readonly ReceivedBatch[]
  /** All spans of all batches. */
  readonly spans: readonly ReceivedSpan[]
  /** Resolves with the spans of a trace once it has so many. */
  traceOf(traceId: string, count: number): Promise<readonly ReceivedSpan[]>
  close(): Promise<void>
}

/**
 * The schema that collectors have: collector/trace/v1/trace_service.proto of opentelemetry-proto 1.11.0 (Apache-2.0), with what it
 * imports, as protoc wrote it.
 */
const SCHEMA = readFileSync(join(import.meta.dirname, '../fixtures/otlp/trace.binpb'))
const PACKAGE = 'opentelemetry.proto.collector.trace.v1'
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, SCHEMA))
export const EXPORT_REQUEST: DescMessage = registry.getMessage(`${PACKAGE}.ExportTraceServiceRequest`)!
const EXPORT_RESPONSE = registry.getMessage(`${PACKAGE}.ExportTraceServiceResponse`)!

/** Returns the answer of a collector that did not take everything. */
export function partialSuccess(rejectedSpans: bigint, errorMessage: string): Uint8Array {
  const init = { partialSuccess: { rejectedSpans, errorMessage } } as MessageInitShape<typeof EXPORT_RESPONSE>
  return toBinary(EXPORT_RESPONSE, create(EXPORT_RESPONSE, init))
}

const IDS: ReadonlySet<string> = new Set(['traceId', 'spanId', 'parentSpanId'])

function withHexadecimalIds(name: string, value: unknown): unknown {
  return IDS.has(name) ? Buffer.from(String(value), 'base64').toString('hex') : value
}

type Attributes = readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[]

/** Starts what stands for a collector of traces. Closed after the test. @param answer ends the response; default: takes all */
export async function startCollector(
  t: Pick<TestContext, 'after'>,
  answer: (response: ServerResponse, batch: number) => void = response => response.end(),
): Promise<Collector> {
  const batches: ReceivedBatch[] = []
  const server = createServer(async (request, response) => {
    const body = await buffer(request)
    const message = toJson(EXPORT_REQUEST, fromBinary(EXPORT_REQUEST, body), { enumAsInteger: true })
    const [{ resource, scopeSpans }] = JSON.parse(JSON.stringify(message), withHexadecimalIds).resourceSpans
    const spans: ReceivedSpan[] = scopeSpans[0].spans.map((span: { attributes?: Attributes }) => ({
      ...span,
      attributes: valuesOf(span.attributes),
    }))
    batches.push({
      ...{ path: request.url, headers: request.headers, body, spans },
      resource: valuesOf(resource.attributes),
    })
    answer(response, batches.length)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async () => {
    if (!server.listening) return
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  t.after(close)
  const all = () => batches.flatMap(({ spans }) => spans)
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    batches,
    get spans() {
      return all()
    },
    traceOf: (traceId, count) =>
      until(`${count} spans of trace ${traceId}`, () => {
        const found = all().filter(span => span.traceId === traceId)
        return found.length >= count && found
      }),
    close,
  }
}

/** Integers, which come as text, become numbers. */
function valuesOf(attributes: Attributes = []): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.intValue === undefined ? Object.values(value)[0] : Number(value.intValue),
    ]),
  )
}
