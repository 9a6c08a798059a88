import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { EtcdRegistry } from '../../../discovery/etcd/etcd-registry.ts'
import { register } from '../../../discovery/register.ts'
import { onPath, requireEtcd } from '../../support/etcd.ts'
import {
  type Certificates,
  makeCertificates,
  OPENSSL,
  startTlsEtcd,
  type TlsEtcd,
} from '../../support/etcd-tls.ts'
import { Follower } from '../follow.ts'

const PROGRAMS = ['etcd', OPENSSL]
let certificates: Certificates
let etcd: TlsEtcd

before(async () => {
  if (!PROGRAMS.every(onPath)) return
  certificates = await makeCertificates()
  etcd = await startTlsEtcd(certificates)
})

after(async () => {
  await etcd?.[Symbol.asyncDispose]()
  await certificates?.[Symbol.asyncDispose]()
})

const client = (name: string) => ({ cert: certificates.pem(name), key: certificates.pem(`${name}.key`) })

test('an etcd that asks for client certificates is followed and registered with', async t => {
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
  ['http', undefined, /No connection established/],
] as const) {
  test(`an etcd with TLS reached with ${what} is not followed, and the reason says so`, async t => {
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
