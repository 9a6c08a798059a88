import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MatchedRequest } from '../../../internal/conditions.ts'
import { isAmbiguousPath } from '../../../internal/routing/ambiguous-path.ts'
import { RouteTable } from '../../../internal/routing/route-table.ts'
import { testRoute } from '../../support/route.ts'

test('each of thousands of documents with one path is judged once, however many readings the path has', () => {
  let reads = 0
  const documents = Array.from({ length: 1_000 }, (_, i) => {
    const route = testRoute({ id: `r${i}`, path: '/a/*', match: [{ headers: { 'x-tenant': `t${i}` } }] })
    const get = () => {
      reads++
      return undefined
    }
    return Object.defineProperty({ ...route }, 'policies', { enumerable: true, get })
  })
  const guarded = testRoute({ id: 'guarded', path: '/b', auth: { type: 'jwt', scopes: [], roles: [] } })
  const table = new RouteTable([...documents, guarded])
  assert.ok(table.demandsDiffer)
  const isAmbiguous = (path: string) => {
    const facts = new MatchedRequest(['x-tenant', 't1'], path, undefined)
    const request = {
      method: 'GET',
      host: undefined,
      path,
      unmergedPath: undefined,
      facts,
      isHandshake: true,
    }
    return isAmbiguousPath(table, table.match('GET', undefined, path, facts)!, request)
  }
  reads = 0
  assert.equal(isAmbiguous('/a/X%20/x;y/z.%3fc'), false)
  assert.ok(reads < 10 * documents.length, `${reads} reads`)
})
