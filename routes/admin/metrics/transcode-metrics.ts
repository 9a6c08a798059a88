import type { LabelledValue, LiveMetrics } from './live-metric.ts'

/** What is known of the gRPC services of nodes, as metrics show it. */
export interface DescriptorsView {
  /** Yields the services whose descriptors are known, with where these come from. */
  known(): Iterable<{ readonly service: string; readonly source: string }>
  /** Descriptors that could not be used, and nodes that could not be asked. */
  readonly failed: number
}

/** Counts the messages that JSON became and that became JSON, and what could not be converted. */
export class TranscodeCounts {
  readonly #messages = new Map<string, Map<string, number>>()
  readonly #errors = new Map<string, Map<string, number>>()

  message(service: string, direction: 'request' | 'answer'): void {
    add(this.#messages, service, direction)
  }

  error(service: string, reason: string): void {
    add(this.#errors, service, reason)
  }

  messages(): Iterable<LabelledValue> {
    return samplesOf(this.#messages, 'direction')
  }

  errors(): Iterable<LabelledValue> {
    return samplesOf(this.#errors, 'reason')
  }
}

function add(counts: Map<string, Map<string, number>>, service: string, kind: string): void {
  let ofService = counts.get(service)
  if (!ofService) {
    ofService = new Map()
    counts.set(service, ofService)
  }
  ofService.set(kind, (ofService.get(kind) ?? 0) + 1)
}

function* samplesOf(counts: Map<string, Map<string, number>>, label: string): Generator<LabelledValue> {
  for (const [service, ofService] of counts) {
    for (const [kind, value] of ofService) yield { labels: { service, [label]: kind }, value }
  }
}

export function addTranscodeMetrics(
  live: LiveMetrics,
  counts: TranscodeCounts,
  descriptors: DescriptorsView,
): void {
  live.counter(
    'waygate_grpc_messages_total',
    'gRPC messages made of JSON (request) or turned into JSON (answer), by service.',
    () => counts.messages(),
  )
  live.counter(
    'waygate_transcode_errors_total',
    'Requests with JSON that became no gRPC call, and answers that became no JSON, by service and reason.',
    () => counts.errors(),
  )
  live.gauge(
    'waygate_descriptors',
    'Services whose gRPC descriptors are known, by service and source: 1.',
    'max',
    () => samplesOfSources(descriptors),
  )
  live.counter(
    'waygate_descriptors_failed_total',
    'Descriptors that could not be used, and nodes that could not be asked for them.',
    () => descriptors.failed,
  )
}

function* samplesOfSources(descriptors: DescriptorsView): Generator<LabelledValue> {
  for (const { service, source } of descriptors.known()) yield { labels: { service, source }, value: 1 }
}
