import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { readRouteDocument } from '../../config/route/read-route-document.ts'
import { readExampleRoutes } from '../../examples/shared/routes.ts'
import { etcdctl, requireEtcd, startEtcd } from '../support/etcd.ts'

const examples = join(import.meta.dirname, '../../examples')

const run = promisify(execFile)

test('registration and login are open, and everything else of the user service needs a token', async () => {
  const routes = (await readExampleRoutes(examples)).map(({ id, document }) => ({
    id,
    ...JSON.parse(document),
  }))
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

test('of the gRPC services, registration and login alone are open, by gRPC and with JSON', async () => {
  const routes = (await readExampleRoutes(examples, 'grpc')).map(({ id, document }) => ({
    id,
    ...JSON.parse(document),
  }))
  for (const { id, ...document } of routes) assert.deepEqual(readRouteDocument(document).problems, [], id)
  assert.deepEqual(
    routes.filter(({ auth }) => auth !== 'jwt').map(({ path, auth }) => [path, auth]),
    [
      ['/user.v1.Users/Login', 'none'],
      ['/user.v1.Users/Register', 'none'],
      ['/user/v1/login', 'none'],
      ['/user/v1/register', 'none'],
    ],
  )
  assert.deepEqual(
    routes.filter(({ auth }) => auth === 'jwt').map(({ path }) => path),
    ['/task.v1.Tasks/*', '/task/*', '/user.v1.Users/*', '/user/*'],
  )
})

test('the rules of the gRPC services are the annotations of their protos', async () => {
  const routes = (await readExampleRoutes(examples, 'grpc')).map(({ document }) => JSON.parse(document))
  for (const [name, service] of [
    ['task', 'task.v1.Tasks'],
    ['user', 'user.v1.Users'],
  ] as const) {
    const proto = await readFile(
      join(import.meta.dirname, `../../examples/grpc/proto/${name}/v1/${name}.proto`),
      'utf8',
    )
    const annotated = [...proto.matchAll(/rpc (\w+)\([^}]*\(google\.api\.http\) = \{(.*)\};/g)].map(
      ([, method, rule = '']) => ({
        selector: `${service}.${method}`,
        ...Object.fromEntries([...rule.matchAll(/(\w+): "([^"]*)"/g)].map(([, key, value]) => [key, value])),
      }),
    )
    assert.ok(annotated.length >= 3)
    const { grpc } = routes.find(({ path }) => path === `/${name}/*`)
    assert.deepEqual(grpc.rules, annotated)
  }
})

test('put-routes puts every document into etcd, under the configured prefix', async t => {
  if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
  await using etcd = await startEtcd()
  const program = join(import.meta.dirname, '../../examples/put-routes.ts')
  await run(process.execPath, [program], {
    env: { WAYGATE_ETCD: `http://127.0.0.1:1,${etcd.url}`, WAYGATE_ROUTES_PREFIX: '/a/b/' },
  })
  for (const { id, document } of await readExampleRoutes(examples)) {
    assert.equal((await etcdctl(etcd.url, 'get', '--print-value-only', `/a/b/${id}`)).trimEnd(), document)
  }
})

test('put-routes fails when etcd is unreachable', async () => {
  const program = join(import.meta.dirname, '../../examples/put-routes.ts')
  const attempt = run(process.execPath, [program], { env: { WAYGATE_ETCD: 'http://127.0.0.1:1' } })
  await assert.rejects(attempt, { code: 1 })
})
