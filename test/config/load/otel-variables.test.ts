import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../../../config/load/load.ts'
import { tempFolder } from '../temp-folder.ts'

function load(t: Parameters<typeof tempFolder>[0], env: Record<string, string>, tracing?: object) {
  const files = tracing === undefined ? {} : { 'waygate.yaml': JSON.stringify({ tracing }) }
  return loadConfig({ env, cwd: tempFolder(t, files) })
}

const COLLECTOR = 'http://collector:4318'

test('the standard variables turn tracing on, and say all that they can say', t => {
  const { config, warnings, sourceOf } = load(t, {
    OTEL_EXPORTER_OTLP_ENDPOINT: COLLECTOR,
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20abc, x-team = blue',
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x-team=red',
    OTEL_SERVICE_NAME: 'edge',
    OTEL_RESOURCE_ATTRIBUTES: 'service.name=other,deployment.environment.name=test%2C1',
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.25',
  })
  assert.deepEqual(config.tracing, {
    endpoint: COLLECTOR,
    sampleRatio: 0.25,
    trust: 'trusted-proxies',
    alwaysErrors: true,
    headers: { authorization: 'Basic abc', 'x-team': 'red' },
    serviceName: 'edge',
    resource: { 'deployment.environment.name': 'test,1' },
  })
  assert.deepEqual(warnings, [])
  assert.equal(sourceOf('tracing.endpoint'), 'environment OTEL_EXPORTER_OTLP_ENDPOINT')
})

test('whatever Waygate is told itself counts more', t => {
  const env = {
    WAYGATE_TRACING_ENDPOINT: 'http://own:4318',
    OTEL_EXPORTER_OTLP_ENDPOINT: COLLECTOR,
    OTEL_SERVICE_NAME: 'edge',
    OTEL_TRACES_SAMPLER: 'always_on',
    OTEL_RESOURCE_ATTRIBUTES: 'a=1',
  }
  const { tracing } = load(t, env, { sampleRatio: 0.5, resource: { b: '2' } }).config
  assert.deepEqual(
    [tracing.endpoint, tracing.serviceName, tracing.sampleRatio, tracing.resource],
    ['http://own:4318', 'edge', 0.5, { b: '2' }],
  )
})

test('the address for traces counts before that for all signals, and the name before that of the resource', t => {
  const { tracing } = load(t, {
    OTEL_EXPORTER_OTLP_ENDPOINT: COLLECTOR,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://traces:4318/v1/traces',
    OTEL_RESOURCE_ATTRIBUTES: 'service.name=named',
  }).config
  assert.deepEqual([tracing.endpoint, tracing.serviceName], ['http://traces:4318/v1/traces', 'named'])
})

test('samplers become a ratio', t => {
  for (const [sampler, argument, ratio] of [
    ['always_on', '', 1],
    ['always_off', '', 0],
    ['traceidratio', '0.1', 0.1],
    ['traceidratio', '', 1],
    ['parentbased_always_on', '', 1],
    ['parentbased_always_off', '0.3', 0],
  ] as const) {
    const { config, warnings } = load(t, {
      OTEL_EXPORTER_OTLP_ENDPOINT: COLLECTOR,
      OTEL_TRACES_SAMPLER: sampler,
      OTEL_TRACES_SAMPLER_ARG: argument,
    })
    assert.deepEqual([config.tracing.sampleRatio, warnings], [ratio, []], sampler)
  }
})

test('without an endpoint, or with OTEL_SDK_DISABLED, nothing is traced', t => {
  for (const env of [
    { OTEL_SERVICE_NAME: 'edge', OTEL_TRACES_SAMPLER: 'wrong' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: COLLECTOR, OTEL_SDK_DISABLED: 'TRUE' },
  ]) {
    const { config, warnings } = load(t, env as Record<string, string>)
    assert.deepEqual(
      [config.tracing.endpoint, config.tracing.serviceName, warnings],
      [undefined, 'waygate', []],
    )
  }
})

test('a mistake in one of them is a warning', t => {
  const cases: readonly (readonly [Record<string, string>, RegExp])[] = [
    [
      { OTEL_TRACES_SAMPLER: 'jaeger_remote' },
      /^environment OTEL_TRACES_SAMPLER is ignored: it must be one of/,
    ],
    [
      { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' },
      /OTEL_TRACES_SAMPLER_ARG is ignored/,
    ],
    [
      { OTEL_EXPORTER_OTLP_HEADERS: 'authorization' },
      /OTEL_EXPORTER_OTLP_HEADERS has a part that is not KEY=VALUE/,
    ],
    [{ OTEL_RESOURCE_ATTRIBUTES: 'a=%zz' }, /OTEL_RESOURCE_ATTRIBUTES has a part/],
    [
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      /OTEL_EXPORTER_OTLP_PROTOCOL is ignored: traces are sent as http\/protobuf/,
    ],
    [
      { OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' },
      /OTEL_EXPORTER_OTLP_TRACES_PROTOCOL is ignored: traces are sent as http\/protobuf/,
    ],
    [
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://a/otlp' },
      /does not end with \/v1\/traces, which is appended/,
    ],
  ]
  for (const [env, expected] of cases) {
    const { config, warnings } = load(t, { OTEL_EXPORTER_OTLP_ENDPOINT: COLLECTOR, ...env })
    assert.equal(warnings.length, 1, JSON.stringify(warnings))
    assert.match(warnings[0]!, expected)
    assert.equal(config.tracing.sampleRatio, 0.01)
  }
  const own = load(t, { OTEL_SDK_DISABLED: 'true' }, { endpoint: COLLECTOR })
  assert.match(own.warnings[0]!, /OTEL_SDK_DISABLED is ignored, because tracing\.endpoint is set/)
})

test('an address that is none is refused, wherever it was set', t => {
  for (const endpoint of ['collector:4318', 'ftp://a', 'http://', 'http://u:p@a', 'http://a#b']) {
    assert.throws(() => load(t, {}, { endpoint }), /\$\.tracing\.endpoint/, endpoint)
  }
  assert.throws(
    () => load(t, { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' }),
    /environment OTEL_EXPORTER_OTLP_ENDPOINT/,
  )
  for (const tracing of [
    { headers: { 'a b': 'x' } },
    { headers: { a: 'x\n' } },
    { url: 'https://a/b' },
    { sampleRatio: 2 },
  ]) {
    assert.throws(() => load(t, {}, tracing), /\$\.tracing/, JSON.stringify(tracing))
  }
})
