import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { GRPC_STATUS_NAMES, grpcStatusOfError } from '../internal/grpc/status.ts'
import { ERRORS, type ErrorCode } from '../internal/http/errors.ts'

test('docs/errors.md lists every error code with its status of HTTP and of gRPC, and no other', () => {
  const page = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8')
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
