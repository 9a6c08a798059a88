import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { GRPC_STATUS_NAMES, grpcStatusOfError } from '../internal/grpc/status.ts'
import { ERRORS, type ErrorCode } from '../internal/http/errors.ts'

const page = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8')

test('docs/errors.md says of every error code where it is seen, by lines of the log and metrics that are documented', () => {
  const observability = readFileSync(new URL('../docs/observability.md', import.meta.url), 'utf8')
  const [, table = ''] = page.split('## Where each is seen')
  const rows = [...table.matchAll(/^\| `(WG_\w+)` \| (?:`([^`]+)`)? ?\| (?:`(\w+)`)? ?\|$/gm)]
  assert.deepEqual(rows.map(([, code]) => code).sort(), Object.keys(ERRORS).sort())
  for (const [, code, message, metric] of rows) {
    if (message) assert.ok(observability.includes(`\`${message}\``), `${code}: ${message}`)
    if (metric) assert.ok(observability.includes(`| \`${metric}\` |`), `${code}: ${metric}`)
  }
})

test('docs/errors.md lists every error code with its status of HTTP and of gRPC, and no other', () => {
  const documented = [...page.matchAll(/^\| `(WG_\w+)` \| (\d{3}) \| (\w+) \|/gm)].map(
    ([, code, status, grpc]) => [code, Number(status), grpc],
  )
  const known = Object.entries(ERRORS).map(([code, { status }]) => [
    code,
    status,
    GRPC_STATUS_NAMES[grpcStatusOfError(code as ErrorCode)],
  ])
  assert.deepEqual(documented.sort(), known.sort())
})
