import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { UpstreamTls } from '../../../cmd/gateway/upstream-tls.ts'
import { loadUpstreamTls } from '../../../config/keys/upstream-tls-keys.ts'
import { silentLogger } from '../../../discovery/logger.ts'
import { makeAuthority, replaceFiles } from '../../support/certificates.ts'

/** Settings with authorities, a certificate of the gateway, and one of the name `billing`. */
function setUp(t: TestContext) {
  const authority = makeAuthority(t)
  const [own, billing] = [authority.issue('own'), authority.issue('billing')]
  const config = {
    ca: authority.ca,
    ...own,
    identities: { billing },
    minVersion: 'TLSv1.2',
    verify: true,
  } as const
  const keys = loadUpstreamTls(config, { problems: [], warnings: [] })
  const rules = new Map([['b', { identity: 'billing' }]])
  const tls = new UpstreamTls({ config, keys, ruleOf: service => rules.get(service), logger: silentLogger })
  return { authority, own, billing, tls }
}

test('what files hold by now is for new connections, and settings stay the same while nothing has changed', t => {
  const { authority, own, tls } = setUp(t)
  const before = tls.settingsOf('a')
  for (const set of tls.followed) set.readAgain()
  assert.equal(tls.settingsOf('a'), before)
  replaceFiles(own, authority.issue('renewed'))
  for (const set of tls.followed) set.readAgain()
  assert.notEqual(tls.settingsOf('a').context, before.context)
})

test('services whose rules differ in a name alone share what is made of the files', t => {
  const authority = makeAuthority(t)
  const config = { ca: authority.ca, identities: {}, minVersion: 'TLSv1.2', verify: true } as const
  const tls = new UpstreamTls({
    ...{ config, keys: loadUpstreamTls(config, { problems: [], warnings: [] }), logger: silentLogger },
    ruleOf: service => ({ serverName: service }),
  })
  const [a, b] = [tls.settingsOf('a.example'), tls.settingsOf('b.example')]
  assert.equal(a.context, b.context)
  assert.deepEqual([a.serverName, b.serverName], ['a.example', 'b.example'])
})

test('files that cannot be used hold back no others, and are a problem until they can be', t => {
  const { authority, own, billing, tls } = setUp(t)
  const [, ofOwn, ofBilling] = tls.followed
  const before = { a: tls.settingsOf('a').context, b: tls.settingsOf('b').context }
  writeFileSync(billing.cert, 'half of a certificate')
  assert.throws(() => ofBilling!.readAgain(), /billing\.crt does not hold PEM/)
  ofBilling!.onProblem('it is broken')
  assert.deepEqual(tls.problems(), [{ key: billing.cert, reason: 'it is broken' }])
  replaceFiles(own, authority.issue('renewed'))
  ofOwn!.readAgain()
  assert.notEqual(tls.settingsOf('a').context, before.a)
  assert.equal(tls.settingsOf('b').hasCertificate, true)
  ofBilling!.onProblem(undefined)
  assert.deepEqual(tls.problems(), [])
})

test('a certificate that has expired takes the place of no other', t => {
  const { authority, own, tls } = setUp(t)
  const before = tls.settingsOf('a')
  replaceFiles(own, authority.issue('late', { days: -1 }))
  assert.throws(() => tls.followed[1]!.readAgain(), /expired on/)
  assert.equal(tls.settingsOf('a'), before)
})
