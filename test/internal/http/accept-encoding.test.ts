import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseEncoding } from '../../../internal/http/accept-encoding.ts'

const OFFERED = ['zstd', 'br', 'gzip'] as const

const CASES: readonly (readonly [accept: string | undefined, chosen: string | undefined])[] = [
  // Saying nothing does not mean that anything is welcome.
  [undefined, undefined],
  ['', undefined],
  ['gzip', 'gzip'],
  ['gzip, deflate, br, zstd', 'zstd'],
  ['GZIP', 'gzip'],
  ['x-gzip', 'gzip'],
  ['deflate', undefined],
  ['br;q=0.5, gzip;q=0.9', 'gzip'],
  ['br;q=0.5,gzip;q=0.5', 'br'],
  ['gzip ; Q=0.2 , br;q=0', 'gzip'],
  ['zstd;q=0, *', 'br'],
  ['*', 'zstd'],
  ['*;q=0', undefined],
  ['gzip, *;q=0', 'gzip'],
  ['identity', undefined],
  ['identity;q=0', undefined],
  ['identity;q=0, compress', undefined],
  ['identity, gzip;q=0.5', undefined],
  ['identity;q=0.5, gzip', 'gzip'],
  ['identity;q=0.5, gzip;q=0.5', 'gzip'],
  ['gzip;q=0, gzip;q=1', 'gzip'],
  // A weight that cannot be read accepts nothing.
  ['gzip;q=2', undefined],
  ['gzip;q=0.1234', undefined],
  ['gzip;q=', undefined],
  ['gzip;level=9', undefined],
  ['gzip;q=1;x=1', undefined],
  ['br;q=nonsense, gzip;q=0.001', 'gzip'],
  [',, ;q=1, gzip', 'gzip'],
]

test('the coding that a client likes best is chosen, and the one that is offered first among equals', () => {
  for (const [accept, chosen] of CASES) assert.equal(chooseEncoding(accept, OFFERED), chosen, `${accept}`)
})

test('only what is offered is chosen', () => {
  assert.equal(chooseEncoding('br, gzip;q=0.1', ['gzip']), 'gzip')
  assert.equal(chooseEncoding('br', ['gzip']), undefined)
})
