import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findUnknown } from './promql.ts'

const KNOWN = new Map([
  ['waygate_requests_total', ['route', 'service', 'status']],
  ['waygate_overhead_seconds', []],
])

for (const [query, ...problems] of [
  ['sum by (service) (rate(waygate_requests_total{status=~"5..", job="$job"}[5m]))'],
  ['sum by (class) (label_replace(rate(waygate_requests_total[5m]), "class", "$1", "status", "(.).*"))'],
  ['histogram_quantile(0.99, sum by (le) (rate(waygate_overhead_seconds_bucket[$__rate_interval])))'],
  ['sum by (job, service) (job_service:waygate_requests:rate5m) > 0'],
  ['up{job="waygate_other"} == 0'],
  ['waygate_request_total', 'there is no metric waygate_request_total'],
  ['process_cpu_seconds_total', 'there is no metric process_cpu_seconds_total'],
  ['waygate_requests_total{code="500"}', 'waygate_requests_total has no label code'],
  ['sum by (node) (waygate_requests_total)', 'none of its metrics has the label node'],
  ['max by (route) (job_service:waygate_requests:rate5m)', 'none of its metrics has the label route'],
] as const) {
  test(`what is unknown is found in ${query}`, () => assert.deepEqual(findUnknown(query, KNOWN), problems))
}
