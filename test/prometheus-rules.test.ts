import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { tempFolder } from './config/temp-folder.ts'
import { requireEtcd } from './support/etcd.ts'
import { readDashboard, readRules } from './support/monitoring.ts'

const RULES = fileURLToPath(new URL('../docs/prometheus/rules.yml', import.meta.url))
const OPERATIONS = readFileSync(new URL('../docs/operations.md', import.meta.url), 'utf8')

/** Values of series, a sample a minute, in the notation of promtool. */
type Series = Readonly<Record<string, string>>

/** What must be so for an alert to fire, and the same scene in which it must not. */
const ALERTS: Readonly<
  Record<string, { readonly at: string; readonly fires: Series; readonly silent: Series }>
> = {
  // 2% of a constant load fail: 20 times what the objective allows.
  WaygateErrorsBurnFast: { at: '70m', fires: failing(0.02, 80), silent: failing(0.01, 80) },
  WaygateErrorsBurnSlow: { at: '400m', fires: failing(0.007, 420), silent: failing(0.005, 420) },
  WaygateErrors: { at: '20m', fires: failing(0.02, 30), silent: failing(0.009, 30) },
  WaygateNoNodeUp: {
    at: '5m',
    fires: { ...ofService('waygate_breaker_state', 2, 2), waygate_metrics_overflow: '0x10' },
    silent: { ...ofService('waygate_breaker_state', 2, 0), waygate_metrics_overflow: '0x10' },
  },
  WaygateBreakerOpen: {
    at: '5m',
    fires: ofService('waygate_breaker_state', 0, 2),
    silent: ofService('waygate_breaker_state', 0, 1),
  },
  WaygateRetryBudgetExhausted: {
    at: '5m',
    fires: { 'waygate_retry_budget_exhausted{service="user"}': '1x10' },
    silent: { 'waygate_retry_budget_exhausted{service="user"}': '1 1 0 1 1 0' },
  },
  WaygateTableStale: {
    at: '5m',
    fires: { waygate_table_stale: '0 1x10' },
    silent: { waygate_table_stale: '1 1 0x10' },
  },
  WaygateDrift: {
    at: '30m',
    fires: { 'waygate_registry_drift_total{source="/services/"}': '0x10 3x20' },
    silent: { 'waygate_registry_drift_total{source="/services/"}': '3x30' },
  },
  WaygateValueNotUsed: {
    at: '10m',
    fires: { waygate_table_problems: '2x20' },
    silent: { waygate_table_problems: '2x3 0x20' },
  },
  WaygateReloadFailed: {
    at: '15m',
    fires: { 'waygate_config_reloads_total{result="failed"}': '0x9 1x10' },
    silent: { 'waygate_config_reloads_total{result="succeeded"}': '0x9 1x10' },
  },
  WaygateCertificateExpires: {
    at: '90m',
    fires: { 'waygate_certificate_expiry_seconds{name="a.example"}': '600000x100' },
    silent: { 'waygate_certificate_expiry_seconds{name="a.example"}': '700000x100' },
  },
  WaygateConnectionsRefused: {
    at: '5m',
    fires: { 'waygate_client_connections_refused_total{limit="total"}': '0 0 7x10' },
    silent: { 'waygate_client_connections_refused_total{limit="total"}': '7x10' },
  },
  WaygateMetricsOverflow: {
    at: '20m',
    fires: { waygate_metrics_overflow: '1x30' },
    silent: { waygate_metrics_overflow: '1x10 0 1x20' },
  },
  WaygateLogLost: {
    at: '5m',
    fires: { 'waygate_log_lines_lost_total{reason="slow-reader"}': '0 0 7x10' },
    silent: { 'waygate_log_lines_lost_total{reason="slow-reader"}': '7x10' },
  },
  WaygateSpansDropped: {
    at: '15m',
    fires: { 'waygate_spans_dropped_total{reason="queue_full"}': '0x9 7x10' },
    silent: { 'waygate_spans_dropped_total{reason="queue_full"}': '7x20' },
  },
}

/** A load of 1,000 requests a minute, of which this share is answered 503. */
function failing(share: number, minutes: number): Series {
  return {
    'waygate_requests_total{service="user",status="200"}': `0+${1_000 * (1 - share)}x${minutes}`,
    'waygate_requests_total{service="user",status="503"}': `0+${1_000 * share}x${minutes}`,
  }
}

/** A metric of two nodes of a service. */
function ofService(metric: string, one: number, two: number): Series {
  return {
    [`${metric}{service="user",node="u1"}`]: `${one}x10`,
    [`${metric}{service="user",node="u2"}`]: `${two}x10`,
  }
}

/** Runs promtool, and returns all that it has written. @throws Error with that when it has found something wrong */
function promtool(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`promtool ${args.join(' ')}: ${stdout}${stderr}`)
  return stdout + stderr
}

interface Scene {
  readonly series: Series
  readonly query: string
  readonly at: string
  readonly samples: readonly { readonly labels: string; readonly value: number }[]
}

/** Lets Prometheus evaluate the rules on scenes, and compares what it then knows. @throws Error when it is something else */
function evaluate(t: TestContext, scenes: readonly Scene[]): void {
  const document = {
    rule_files: [RULES],
    evaluation_interval: '1m',
    tests: scenes.map(({ series, query, at, samples }) => ({
      interval: '1m',
      input_series: Object.entries(series).map(([name, values]) => ({ series: withTarget(name), values })),
      promql_expr_test: [{ expr: query, eval_time: at, exp_samples: samples }],
    })),
  }
  // JSON is YAML, too.
  promtool(['test', 'rules', join(tempFolder(t, { 'scenes.yml': JSON.stringify(document) }), 'scenes.yml')])
}

/** Adds the labels that Prometheus adds. */
function withTarget(series: string): string {
  const [, name = '', labels = ''] = /^(\w+)(?:\{(.*)\})?$/.exec(series) ?? []
  return `${name}{job="waygate",instance="a:9180"${labels === '' ? '' : `,${labels}`}}`
}

test('the rules are valid, and every alert has a severity, a summary and a section of docs/operations.md', t => {
  const alerts = readRules().filter(({ alert }) => alert !== undefined)
  const anchors = new Set(
    Array.from(OPERATIONS.matchAll(/^#+ (.*)$/gm), ([, title = '']) =>
      title
        .toLowerCase()
        .replaceAll(/[^a-z0-9 -]/g, '')
        .replaceAll(' ', '-'),
    ),
  )
  for (const { alert, labels, annotations } of alerts) {
    assert.match(labels?.severity ?? '', /^(critical|warning)$/, alert!)
    assert.ok(annotations?.summary && annotations.description, alert!)
    const [, anchor = ''] = /^docs\/operations\.md#(.*)$/.exec(annotations.runbook_url ?? '') ?? []
    assert.ok(anchors.has(anchor), `${alert}: there is no section ${anchor}`)
  }
  assert.deepEqual(alerts.map(({ alert }) => alert).sort(), Object.keys(ALERTS).sort())
  if (!requireEtcd(t, ['promtool'])) return
  assert.match(promtool(['check', 'rules', RULES]), /SUCCESS/)
})

test('every alert fires when it should, and not in the same scene without its reason', t => {
  if (!requireEtcd(t, ['promtool'])) return
  const scenes = Object.entries(ALERTS).flatMap(([alert, { at, fires, silent }]) => {
    const query = `count by (alertname) (ALERTS{alertname="${alert}",alertstate="firing"})`
    return [
      { series: fires, query, at, samples: [{ labels: `{alertname="${alert}"}`, value: 1 }] },
      { series: silent, query, at, samples: [] },
    ]
  })
  evaluate(t, scenes)
  // A rule that matches anything else would be noticed.
  assert.throws(() => evaluate(t, [{ ...scenes[0]!, samples: [] }]), /FAILED/)
})

test('no node is up: also when all fail their checks, and when a route has none; not where series are merged', t => {
  if (!requireEtcd(t, ['promtool'])) return
  const query = 'count by (service) (ALERTS{alertname="WaygateNoNodeUp",alertstate="firing"})'
  const fires = [{ labels: '{service="user"}', value: 1 }]
  const route = { 'waygate_route_info{route="r",service="user",auth="none"}': '1x10' }
  const overflow = (value: number) => ({ waygate_metrics_overflow: `${value}x10` })
  const at = '5m'
  evaluate(t, [
    {
      series: { 'waygate_service_panicking{service="user"}': '1x10', ...overflow(0) },
      query,
      at,
      samples: fires,
    },
    { series: { ...route, ...overflow(0) }, query, at, samples: fires },
    { series: { ...route, ...overflow(1) }, query, at, samples: [] },
    {
      series: { ...route, ...ofService('waygate_node_in_flight', 0, 0), ...overflow(0) },
      query,
      at,
      samples: [],
    },
    {
      series: { 'waygate_route_info{route="r",service="",auth="none"}': '1x10', ...overflow(0) },
      ...{ query, at, samples: [] },
    },
  ])
})

test('the recorded rules are rates, ratios and quantiles by service', t => {
  if (!requireEtcd(t, ['promtool'])) return
  const labels = '{job="waygate",service="user"}'
  const series = {
    ...failing(0.25, 30),
    'waygate_request_duration_seconds_bucket{route="r",service="user",le="0.1"}': '0+500x30',
    'waygate_request_duration_seconds_bucket{route="r",service="user",le="0.5"}': '0+900x30',
    'waygate_request_duration_seconds_bucket{route="r",service="user",le="+Inf"}': '0+1000x30',
    'waygate_overhead_seconds_bucket{le="0.001"}': '0+1000x30',
    'waygate_overhead_seconds_bucket{le="+Inf"}': '0+1000x30',
  }
  const recorded = (name: string, value: number, of = labels) => ({
    ...{ series, query: name, at: '20m' },
    samples: [{ labels: name + of, value }],
  })
  evaluate(t, [
    recorded('job_service:waygate_requests:rate5m', 1_000 / 60),
    recorded('job_service:waygate_errors:ratio_rate5m', 0.25),
    recorded('job_service:waygate_request_duration_seconds:p50_5m', 0.1),
    recorded('job_service:waygate_request_duration_seconds:p90_5m', 0.5),
    recorded('job:waygate_overhead_seconds:p99_5m', 0.00099, '{job="waygate"}'),
  ])
})

test('the dashboard asks for its data source, job, service and route, and each panel has a title and a place of its own', () => {
  const { panels, templating } = readDashboard()
  assert.deepEqual(
    templating.list.map(({ name }) => name),
    ['datasource', 'job', 'service', 'route'],
  )
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  assert.equal(new Set(panels.map(({ title }) => title)).size, panels.length)
  const taken = new Set<string>()
  for (const {
    title,
    gridPos: { x, y, w, h },
  } of panels) {
    for (let column = x; column < x + w; column++) {
      for (let row = y; row < y + h; row++) {
        assert.ok(column < 24 && !taken.has(`${column} ${row}`), title)
        taken.add(`${column} ${row}`)
      }
    }
  }
})
