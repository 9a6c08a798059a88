import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkFile } from '../../../cmd/commands/check.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { routeContext } from '../../../config/load/route-context.ts'
import { parseRouteDocument } from '../../../config/route/route-document.ts'
import { SECRET, startTestGateway } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { tempFolder } from '../temp-folder.ts'

/** Returns the warnings of a document, as the loader of a gateway has them. */
function warningsOf(fields: object, env: Record<string, string> = {}): readonly string[] {
  const { config, keys } = loadConfig({ env, cwd: import.meta.dirname })
  const document = { path: '/a', ...('redirect' in fields ? {} : { service: 's' }), ...fields }
  const parsed = parseRouteDocument('r', document, { ...routeContext(config, keys), origin: 'etcd' })
  if ('reason' in parsed) assert.fail(parsed.reason)
  return parsed.route.warnings ?? []
}

const OPEN = 'the route asks for no credentials'

test('settings that need an identity are warned of in a route that asks for no credentials', () => {
  const fields = {
    rateLimit: [{ limit: 1, key: ['address', 'subject'] }],
    concurrency: { limit: 1, key: { claim: 'tenant' } },
    requestHeaders: { set: { 'x-tenant': '{claim.tenant|none}', 'x-path': '{request.path}' } },
    split: {
      sticky: 'subject',
      variants: [{ name: 'beta', service: 'b', match: { claims: { group: 'testers' } } }],
    },
  }
  assert.deepEqual(warningsOf(fields), [
    `$.rateLimit[0].key needs an identity: ${OPEN}`,
    `$.concurrency.key needs an identity: ${OPEN}`,
    `$.requestHeaders.set["x-tenant"] has {claim.tenant}, which is always absent: ${OPEN}`,
    `$.split.sticky needs an identity: ${OPEN}`,
    `$.split.variants[0].match.claims never hold: ${OPEN}`,
  ])
  assert.deepEqual(
    warningsOf(fields, { WAYGATE_JWT_SECRET: SECRET }),
    [],
    'with a key, the route asks for a token',
  )
  assert.deepEqual(warningsOf({ ...fields, auth: 'jwt' }), [])
  assert.deepEqual(warningsOf({ ...fields, policies: ['may-ask'] }), [], 'a set may ask for credentials')
  const set = { requestHeaders: { set: { 'x-user': '{identity.subject}' } }, auth: 'none' }
  assert.deepEqual(warningsOf(set, { WAYGATE_JWT_SECRET: SECRET }), [
    '$.requestHeaders.set["x-user"] has {identity.subject}, which is always absent: the route has auth: none',
  ])
  const redirect = { redirect: { to: '/b/{claim.tenant|none}' } }
  assert.deepEqual(warningsOf(redirect, { WAYGATE_JWT_SECRET: SECRET }), [
    `$.redirect.to has {claim.tenant}, which is always absent: ${OPEN}`,
  ])
})

test('onStoreDown is warned of where no store is asked', () => {
  const message = 'never acts, because the rule counts without a store: add "store": "shared"'
  assert.deepEqual(warningsOf({ rateLimit: { limit: 1, onStoreDown: 'refuse' } }), [
    `$.rateLimit.onStoreDown ${message}`,
  ])
  assert.deepEqual(
    warningsOf({ quota: { limit: 1, per: 'day', key: 'address', store: 'local', onStoreDown: 'refuse' } }),
    [`$.quota.onStoreDown ${message}`],
  )
})

test('a variant that goes where stable goes is warned of, unless something tells them apart', () => {
  const split = (...variants: object[]) => ({ split: { variants } })
  const plain = { name: 'b', percent: 5 }
  const warning = '$.split.variants[0] goes where `stable` goes: say its `nodes` or its `service`'
  assert.deepEqual(warningsOf(split(plain)), [warning])
  assert.deepEqual(warningsOf(split({ ...plain, service: 's' })), [warning])
  assert.deepEqual(warningsOf(split({ ...plain, service: 'other' })), [])
  assert.deepEqual(warningsOf(split({ ...plain, nodes: { version: '2' } })), [])
  assert.deepEqual(warningsOf({ split: { variants: [plain], header: true } }), [])
  const requestHeaders = { set: { 'x-variant': '{variant|none}' } }
  assert.deepEqual(warningsOf({ ...split(plain), requestHeaders }), [])
})

test('waygate check and the gateway tell them', async t => {
  const route = { path: '/a', service: 's', rateLimit: { limit: 1, key: 'subject' } }
  const lines: string[] = []
  const cwd = tempFolder(t, { 'a.json': JSON.stringify({ routes: { documents: { r: route } } }) })
  const code = await checkFile(
    { file: 'a.json', kind: undefined },
    { env: {}, cwd, print: line => lines.push(line) },
  )
  assert.deepEqual([code, lines.length], [0, 2])
  assert.match(
    lines[0]!,
    /^a\.json: warning: \$\.routes\.documents\.r\.rateLimit\.key \(a\.json:1\) needs an identity/,
  )
  const { adminPort } = await startTestGateway(t, { routes: { r: route } })
  const { problems } = (await send(adminPort, { path: '/routes' })).json() as {
    problems: { reason: string }[]
  }
  assert.ok(problems.some(({ reason }) => reason.startsWith('$.rateLimit.key needs an identity')))
})

test('waygate check warns of policy sets, too', async t => {
  const lines: string[] = []
  const cwd = tempFolder(t, { 'a.json': '{"rateLimit": {"limit": 1, "onStoreDown": "allow"}}' })
  await checkFile({ file: 'a.json', kind: 'policies' }, { env: {}, cwd, print: line => lines.push(line) })
  assert.match(lines[0]!, /^a\.json: warning: \$\.rateLimit\.onStoreDown \(a\.json:1\) never acts/)
})
