import { Type } from '../kit/type.ts'
import { section, TOKEN_PATTERN, text } from '../kit/values.ts'

const HEADER_VALUE = Type.String({
  pattern: '^[\\x21-\\x7e](?:[\\x20-\\x7e]*[\\x21-\\x7e])?$',
  title: 'printable ASCII without spaces at its ends',
  writeOnly: true,
})

export const TracingSection = section(
  {
    endpoint: Type.Optional(
      text(
        'Collector that gets the traces, as OTLP over HTTP: `http://localhost:4318`. `/v1/traces` is appended unless it ends so. Absent: nothing is traced.',
        { env: 'WAYGATE_TRACING_ENDPOINT' },
      ),
    ),
    sampleRatio: Type.Number({
      default: 0.01,
      minimum: 0,
      maximum: 1,
      description:
        'Share of the traces that begin here and are kept, 0 to 1. A caller that is trusted decides itself.',
    }),
    trust: Type.Enum(['trusted-proxies', 'all', 'none'], {
      default: 'trusted-proxies',
      description:
        'Whose `traceparent`, `tracestate` and `baggage` are believed: those of `trustedProxies`, those of everybody, or of nobody. From all others the three end here, and a new trace begins.',
    }),
    alwaysErrors: Type.Boolean({
      default: true,
      description:
        'Whether requests that are not sampled are sent all the same when they end with a status from 500 on or an error of the gateway, or needed more than one try.',
    }),
    headers: Type.Record(Type.String(), HEADER_VALUE, {
      propertyNames: { pattern: TOKEN_PATTERN, title: 'a header name' },
      default: {},
      description: 'Headers of the requests to the collector, such as a token.',
    }),
    serviceName: text('Name of this gateway in traces, `service.name`.', { default: 'waygate' }),
    resource: Type.Record(Type.String(), Type.String(), {
      default: {},
      description: 'Further attributes of the resource, such as `deployment.environment.name`.',
    }),
    url: Type.Optional(
      Type.String({
        pattern: '^https?://.*\\{traceId\\}',
        title: 'an address with {traceId} in it',
        description:
          'Where people look at a trace: an address with `{traceId}` in it, to which the dashboard links.',
      }),
    ),
  },
  'Traces of requests, in OpenTelemetry’s format ([tracing](tracing.md)).',
  { reload: 'live' },
)
