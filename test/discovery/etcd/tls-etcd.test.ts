import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { EtcdRegistry } from '../../../discovery/etcd/etcd-registry.ts'
import { lock } from '../../../discovery/lock.ts'
import { register } from '../../../discovery/register.ts'
import { OPENSSL } from '../../support/certificates.ts'
import { onPath, requireEtcd } from '../../support/etcd.ts'
import {
  type Certificates,
  makeCertificates,
  makeClientFiles,
  startTlsEtcd,
  type TlsEtcd,
} from '../../support/etcd-tls.ts'
import { Follower } from '../follow.ts'

const PROGRAMS = ['etcd', OPENSSL]
let certificates: Certificates
let etcd: TlsEtcd

before(async () => {
  if (!PROGRAMS.every(onPath)) return
  certificates = makeCertificates()
  etcd = await startTlsEtcd(certificates)
})

after(async () => {
  await etcd?.[Symbol.asyncDispose]()
  certificates?.[Symbol.dispose]()
})

const client = (name: string) => ({ cert: certificates.pem(name), key: certificates.pem(`${name}.key`) })

test('following and registering work with an etcd that requires client certificates', async t => {
  if (!requireEtcd(t, PROGRAMS)) return
  const tls = { ca: certificates.pem('ca'), ...client('client') }
  const registry = new EtcdRegistry({ endpoints: [etcd.url], tls })
  t.after(() => registry.close())
  const follower = new Follower(registry)
  const signal = AbortSignal.timeout(20_000)
  const registration = await register({ name: 'user', address: '10.0.0.7:1', etcd: etcd.url, tls, signal })
  await follower.until('the node', () => follower.connected() && follower.nodes().length === 1)
  await registration.unregister()
  await follower.until('its end', () => follower.nodes().length === 0)
  await follower.stop()
})

for (const [what, tls, reason] of [
  [
    'another authority than its own',
    () => ({ ca: certificates.pem('other-ca'), ...client('client') }),
    /unable to verify the first certificate/,
  ],
  ['the authorities of the system', () => client('client'), /unable to verify the first certificate/],
  ['no client certificate', () => ({ ca: certificates.pem('ca') }), /requires a client certificate/],
  [
    'a client certificate of a stranger',
    () => ({ ca: certificates.pem('ca'), ...client('other-client') }),
    /requires a client certificate/,
  ],
  [
    'a client certificate that has expired',
    () => ({ ca: certificates.pem('ca'), ...client('expired-client') }),
    /the client certificate expired on \d{4}-.*requires a client certificate/,
  ],
  ['http', undefined, /No connection established/],
] as const) {
  test(`an etcd with TLS reached with ${what} is not followed, and the reason is reported`, async t => {
    if (!requireEtcd(t, PROGRAMS)) return
    const endpoint = tls ? etcd.url : etcd.url.replace('https:', 'http:')
    const registry = new EtcdRegistry({ endpoints: [endpoint], tls: tls?.() })
    t.after(() => registry.close())
    const follower = new Follower(registry)
    await follower.until('told', () => follower.events.length > 0)
    const [event] = follower.events
    const said = event?.type === 'status' ? String(event.reason) : ''
    assert.match(said, reason)
    assert.ok(!/openssl|Resolution note|\n/.test(said), said)
    assert.equal(follower.loaded(), false)
    await follower.stop()
  })
}

test('certificates that are replaced on disk are used for the next connection, once they are whole', async t => {
  if (!requireEtcd(t, PROGRAMS)) return
  await using own = await startTlsEtcd(certificates)
  await using files = await makeClientFiles(certificates)
  const { ca, cert, key } = files
  const lines: { reason?: string; message: string }[] = []
  const note = (details: object, message: string) => void lines.push({ ...details, message })
  const logger = { debug: note, info: note, warn: note, error: note }
  const tls = { files: { ca, cert, key } }
  const registry = new EtcdRegistry({ endpoints: [own.url], tls, logger })
  t.after(() => registry.close())
  const follower = new Follower(registry)
  const access = { etcd: own.url, tls, signal: AbortSignal.timeout(60_000) }
  const registration = await register({ ...access, name: 'user', address: '10.0.0.7:1', ttlSeconds: 60 })
  await follower.until('the node', () => follower.connected() && follower.nodes().length === 1)

  const lost = () =>
    follower.events.filter(each => each.type === 'status' && each.scope === 'nodes' && !each.connected).length

  await files.breakKey('other-')
  await own.restart('')
  await follower.until('following with the old ones', () => lost() === 1 && follower.connected())
  const kept = lines.filter(({ message }) => message.endsWith('keeping the last good ones'))
  assert.equal(kept.length, 1)
  assert.equal(kept[0]?.reason, `${key} is incomplete`)

  await files.use('other-')
  await own.restart('other-')
  await follower.until('following with the new ones', () => lost() === 2 && follower.connected())
  assert.ok(lines.some(({ message }) => message.startsWith('etcd certificates changed')))
  await using held = await lock('after', access)
  assert.ok(!held.lost.aborted)
  await registration.update({ weight: 3 })
  await follower.until('the update', () => follower.nodes()[0]?.endsWith(':3') === true)
  await registration.unregister()
  await follower.stop()
})
