import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { loadConfig } from '../../../config/load/load.ts'
import { routeContext } from '../../../config/load/route-context.ts'
import { parseRouteDocument } from '../../../config/route/route-document.ts'
import { tempFolder } from '../temp-folder.ts'

const SECRET = 'a secret of tests that is long enough'

function parse(document: object, env: object = {}, cwd = tmpdir()) {
  const { config, keys } = loadConfig({ env: { ...env }, cwd })
  const route = { path: '/a', service: 's', ...document }
  return parseRouteDocument('r', route, { ...routeContext(config, keys), origin: 'etcd' })
}

const reasonOf = (parsed: ReturnType<typeof parse>) => ('reason' in parsed ? parsed.reason : undefined)

test('a document is judged by the authenticators, the cookie secret and the identity headers of the configuration', t => {
  const cwd = tempFolder(t, { 'waygate.yaml': '{ apiKeys: { enabled: true } }' })
  assert.match(reasonOf(parse({ auth: 'api-key' })) ?? '', /set apiKeys\.enabled$/)
  assert.equal(reasonOf(parse({ auth: 'api-key' }, {}, cwd)), undefined)
  assert.match(reasonOf(parse({ balancer: 'sticky-cookie' })) ?? '', /needs a secret to sign its cookie/)
  assert.equal(reasonOf(parse({ balancer: 'sticky-cookie' }, { WAYGATE_COOKIE_SECRET: SECRET })), undefined)
  const setting = tempFolder(t, { 'waygate.yaml': '{ jwt: { claimHeaders: { org: X-Org } } }' })
  const document = { requestHeaders: { set: { 'x-org': 'a' } } }
  assert.equal(reasonOf(parse(document)), undefined)
  assert.match(reasonOf(parse(document, {}, setting)) ?? '', /nodes trust it/)
  for (const name of ['x-user-id', 'X_User_Id']) {
    assert.match(reasonOf(parse({ requestHeaders: { set: { [name]: 'a' } } }, {}, setting)) ?? '', /trust it/)
  }
})

test('a route without auth asks for a token if there is any key for tokens', t => {
  const jwt = { issuers: [{ issuer: 'i', secret: SECRET }] }
  const cwd = tempFolder(t, { 'waygate.yaml': JSON.stringify({ jwt }) })
  const typeOf = (parsed: ReturnType<typeof parse>) => 'route' in parsed && parsed.route.auth.type
  assert.equal(typeOf(parse({})), 'none')
  assert.equal(typeOf(parse({}, { WAYGATE_JWT_SECRET: SECRET })), 'jwt')
  assert.equal(typeOf(parse({}, {}, cwd)), 'jwt')
})
