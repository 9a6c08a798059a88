import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ERRORS } from '../internal/http/errors.ts'

test('docs/errors.md lists every error code with its status, and no other', () => {
  const page = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8')
  const documented = [...page.matchAll(/^\| `(WG_\w+)` \| (\d{3}) \|/gm)].map(([, code, status]) => [
    code,
    Number(status),
  ])
  const known = Object.entries(ERRORS).map(([code, { status }]) => [code, status])
  assert.deepEqual(documented.sort(), known.sort())
})
