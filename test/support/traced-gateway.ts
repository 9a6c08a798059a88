import type { TestContext } from 'node:test'
import { type Collector, type ReceivedSpan, startCollector } from './collector.ts'
import { type GatewaySetUp, startTestGateway, type TestGateway } from './gateway.ts'

export interface TracedGateway extends TestGateway {
  readonly collector: Collector
  /** Resolves with the spans of the trace of a request, by its id: that of the request first. */
  spansOf(requestId: unknown, count: number): Promise<readonly ReceivedSpan[]>
}

/** Starts a gateway that keeps all traces, and a collector. @param tracing further fields of `tracing` */
export async function startTracedGateway(
  t: TestContext,
  { document, ...setUp }: GatewaySetUp,
  tracing: object = {},
): Promise<TracedGateway> {
  const collector = await startCollector(t)
  const gateway = await startTestGateway(t, {
    spanTimes: { batchMs: 20 },
    ...setUp,
    document: { tracing: { endpoint: collector.endpoint, sampleRatio: 1, ...tracing }, ...document },
  })
  return Object.assign(gateway, {
    collector,
    async spansOf(requestId: unknown, count: number) {
      const { trace_id } = await gateway.logged(String(requestId))
      const spans = await collector.traceOf(String(trace_id), count)
      return spans.toSorted(
        (a, b) => a.kind - b.kind || Number(a.startTimeUnixNano) - Number(b.startTimeUnixNano),
      )
    },
  })
}
