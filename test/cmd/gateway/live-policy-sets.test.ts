import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { LivePolicySets } from '../../../cmd/gateway/live-policy-sets.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { routeContext } from '../../../config/load/route-context.ts'
import { parseRouteDocument } from '../../../config/route/route-document.ts'

/** Loads what a gateway judges documents by. */
function contextOf(env: NodeJS.ProcessEnv = {}) {
  const { config, keys } = loadConfig({ env, cwd: tmpdir() })
  return { ...routeContext(config, keys), identities: new Set(['mine']) }
}

const OPEN = contextOf()
const WITH_KEY = contextOf({ WAYGATE_JWT_SECRET: 'a secret of tests that is long enough' })

test('the last version of a route that does not fit its sets follows a reload, and is closed by one that it does not fit', () => {
  const sets = new LivePolicySets({}, OPEN)
  sets.set(undefined, { kind: 'policy-set', key: '/p/s', name: 's', document: { timeoutMs: 1_111 } })
  let context = OPEN
  const merge = (policies: readonly string[], more: object = {}) => {
    const document = { path: '/r', service: 'user', policies, ...more }
    const parsed = parseRouteDocument('r', document, { ...context, origin: 'etcd' })
    assert.ok('route' in parsed, 'reason' in parsed ? parsed.reason : '')
    const [route] = sets.merge([parsed.route])
    return [route!.auth.type, route!.timeoutMs, route!.isBroken === true]
  }
  const reload = (next: typeof context) => {
    context = next
    sets.configure({}, next)
  }
  assert.deepEqual(merge(['s'], { upstreamTls: { identity: 'mine' } }), ['none', 1_111, false])
  assert.deepEqual(merge(['s', 'gone']), ['none', 1_111, false])
  reload(WITH_KEY)
  assert.deepEqual(merge(['s', 'gone']), [WITH_KEY.defaultAuth.type, 1_111, false])
  reload({ ...WITH_KEY, identities: new Set() })
  assert.equal(merge(['s', 'gone'])[2], true)
  reload(OPEN)
  assert.deepEqual(merge(['s', 'gone']), ['none', 1_111, false])
})
