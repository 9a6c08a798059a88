import assert from 'node:assert/strict'
import { type AddressInfo, connect } from 'node:net'
import { after, before, test } from 'node:test'
import { createServer, type Server } from 'node:tls'
import { EtcdRegistry } from '../../../discovery/etcd/etcd-registry.ts'
import { register } from '../../../discovery/register.ts'
import { LOOPBACK, makeAuthority, OPENSSL, pemOf } from '../../support/certificates.ts'
import { etcdAvailable, onPath, requireEtcd, startEtcd, type TestEtcd } from '../../support/etcd.ts'
import { Follower } from '../follow.ts'

const PROGRAMS = ['etcd', OPENSSL]
let etcd: TestEtcd
const fronts: Server[] = []
let url: string
/** PEM texts: `NAME.pem` and `NAME.key`. */
const texts = new Map<string, string>()
const pem = (name: string) => texts.get(name)!

/** A TLS proxy for etcd that requires a client certificate, like a cluster with TLS. */
before(async () => {
  if (!etcdAvailable || !onPath(OPENSSL)) return
  const authority = makeAuthority({ after })
  texts.set('ca.pem', authority.pem)
  for (const [name, names] of [
    ['server', LOOPBACK],
    ['other', 'IP:127.0.0.2,DNS:localhost'],
    ['client', ''],
  ] as const) {
    const { cert, key } = pemOf(authority.issue(name, { names }))
    texts.set(`${name}.pem`, cert).set(`${name}.key`, key)
  }
  etcd = await startEtcd()
  url = await startFront('server')
})

async function startFront(certificate: string): Promise<string> {
  const options = { key: pem(`${certificate}.key`), cert: pem(`${certificate}.pem`), ca: pem('ca.pem') }
  const front = createServer(
    { ...options, requestCert: true, rejectUnauthorized: true, ALPNProtocols: ['h2'] },
    near => {
      const far = connect(etcd.port, '127.0.0.1')
      near.pipe(far).pipe(near)
      near.on('error', () => far.destroy()).on('close', () => far.destroy())
      far.on('error', () => near.destroy()).on('close', () => near.destroy())
    },
  )
  front.on('tlsClientError', () => {})
  fronts.push(front)
  await new Promise<void>(resolve => front.listen(0, '127.0.0.1', resolve))
  return `https://127.0.0.1:${(front.address() as AddressInfo).port}`
}

after(async () => {
  for (const front of fronts) front.close()
  await etcd?.stop()
})

for (const host of ['127.0.0.1', 'localhost']) {
  test(`with a CA and a client certificate it follows and registers over TLS at ${host}`, async t => {
    if (!requireEtcd(t, PROGRAMS)) return
    const tls = { ca: pem('ca.pem'), cert: pem('client.pem'), key: pem('client.key') }
    const at = url.replace('127.0.0.1', host)
    const registry = new EtcdRegistry({ endpoints: [at], tls })
    t.after(() => registry.close())
    const follower = new Follower(registry)
    const signal = AbortSignal.timeout(20_000)
    const registration = await register({ name: 'user', address: '10.0.0.7:1', etcd: at, tls, signal })
    await follower.until('the node', () => follower.connected() && follower.nodes().length === 1)
    await registration.unregister()
    await follower.until('its end', () => follower.nodes().length === 0)
    await follower.stop()
  })
}

test('a certificate for another address is refused', async t => {
  if (!requireEtcd(t, PROGRAMS)) return
  const tls = { ca: pem('ca.pem'), cert: pem('client.pem'), key: pem('client.key') }
  const registry = new EtcdRegistry({ endpoints: [await startFront('other')], tls })
  t.after(() => registry.close())
  const follower = new Follower(registry)
  await follower.until('told', () => follower.events.length > 0)
  const [event] = follower.events
  assert.match(event?.type === 'status' ? String(event.reason) : '', /127\.0\.0\.1 is not in the cert/)
  await follower.stop()
})

for (const [what, files] of [
  ['the authorities of the system only', () => ({ cert: pem('client.pem'), key: pem('client.key') })],
  ['no client certificate', () => ({ ca: pem('ca.pem') })],
] as const) {
  test(`with ${what} it does not connect, and reports why`, async t => {
    if (!requireEtcd(t, PROGRAMS)) return
    const registry = new EtcdRegistry({ endpoints: [url], tls: files() })
    t.after(() => registry.close())
    const follower = new Follower(registry)
    await follower.until('told', () => follower.events.length > 0)
    const [event] = follower.events
    assert.equal(event?.type === 'status' && event.connected, false)
    assert.equal(follower.loaded(), false)
    await follower.stop()
  })
}
