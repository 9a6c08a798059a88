import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { readRouteDocument } from '../../config/route/route-document.ts'
import { readExampleRoutes } from '../../examples/shared/routes.ts'
import { etcdctl, requireEtcd, startEtcd } from '../support/etcd.ts'

const run = promisify(execFile)

test('registration and login are open, and everything else of the user service needs a token', async () => {
  const routes = (await readExampleRoutes()).map(({ id, document }) => ({ id, ...JSON.parse(document) }))
  for (const { id, ...document } of routes) assert.deepEqual(readRouteDocument(document).problems, [], id)
  assert.deepEqual(
    routes.map(({ id, path, methods, auth }) => [id, path, methods, auth]),
    [
      ['user-login', '/user/login', ['POST'], 'none'],
      ['user-register', '/user/register', ['POST'], 'none'],
      ['user', '/user/*', undefined, 'jwt'],
    ],
  )
})

test('put-routes puts every document into etcd, under the configured prefix', async t => {
  if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
  await using etcd = await startEtcd()
  const program = join(import.meta.dirname, '../../examples/put-routes.ts')
  await run(process.execPath, [program], {
    env: { WAYGATE_ETCD: `http://127.0.0.1:1,${etcd.url}`, WAYGATE_ROUTES_PREFIX: '/a/b/' },
  })
  for (const { id, document } of await readExampleRoutes()) {
    assert.equal((await etcdctl(etcd.url, 'get', '--print-value-only', `/a/b/${id}`)).trimEnd(), document)
  }
})

test('put-routes fails when etcd is unreachable', async () => {
  const program = join(import.meta.dirname, '../../examples/put-routes.ts')
  const attempt = run(process.execPath, [program], { env: { WAYGATE_ETCD: 'http://127.0.0.1:1' } })
  await assert.rejects(attempt, { code: 1 })
})
