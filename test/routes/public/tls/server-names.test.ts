import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { makeAuthority } from '../../../support/certificates.ts'
import { startTestGateway } from '../../../support/gateway.ts'
import { send } from '../../../support/http.ts'
import { answer, startNode } from '../../../support/node-server.ts'
import { openTls, statusOver } from '../../../support/tls-connections.ts'
import { until } from '../../../support/until.ts'

const authority = makeAuthority({ after })
const ca = authority.pem
const exact = authority.issue('exact', { names: 'DNS:api.example,IP:127.0.0.1' })
const wild = authority.issue('wild', { names: 'DNS:*.example' })
const other = authority.issue('other', { names: 'DNS:other.test' })
const rsa = authority.issue('rsa', { names: 'DNS:api.example', kind: 'rsa' })

async function start(t: TestContext, tls: object) {
  const node = await startNode(t, socket => socket.write(answer('ok')))
  return await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    document: { tls: { port: 0, ...tls } },
  })
}

/** Returns the common name of the certificate that a client gets; names are not checked. */
async function servedTo(t: TestContext, port: number, servername?: string): Promise<string> {
  const socket = await openTls(t, port, {
    ca,
    ...(servername === undefined ? {} : { servername }),
    checkServerIdentity: () => undefined,
  })
  const { CN } = socket.getPeerCertificate().subject
  socket.destroy()
  return String(CN)
}

const ALL = { certificates: [wild, exact, other] }

test('a request over TLS is answered like any other', async t => {
  const { tlsPort, port } = await start(t, exact)
  const answered = await send(tlsPort, { path: '/user', tls: { ca, servername: 'api.example' } })
  assert.deepEqual([answered.status, answered.text], [200, 'ok'])
  assert.equal((await send(port, { path: '/user' })).status, 200)
})

test('clients get the certificate that has the name they ask for, exactly or by its wildcard', async t => {
  const { tlsPort } = await start(t, ALL)
  assert.equal(await servedTo(t, tlsPort, 'api.example'), 'exact')
  assert.equal(await servedTo(t, tlsPort, 'www.example'), 'wild')
  assert.equal(await servedTo(t, tlsPort, 'other.test'), 'other')
})

test('a name in capitals is the same name', async t => {
  const { tlsPort } = await start(t, ALL)
  assert.equal(await servedTo(t, tlsPort, 'API.Example'), 'exact')
  assert.equal(await servedTo(t, tlsPort, 'WWW.EXAMPLE'), 'wild')
  assert.equal(await statusOver(tlsPort, { ca, servername: 'API.EXAMPLE' }, 'api.example'), 200)
})

test('of two certificates for one name, the one of elliptic curves is served, and the other is listed', async t => {
  const { tlsPort, adminPort } = await start(t, { certificates: [rsa, exact] })
  assert.equal(await servedTo(t, tlsPort, 'api.example'), 'exact')
  const { problems } = (await send(adminPort, { path: '/routes' })).json() as { problems: { key: string }[] }
  assert.deepEqual(
    problems.map(({ key }) => key),
    [rsa.cert],
  )
  const metrics = (await send(adminPort, { path: '/metrics' })).text
  assert.equal(
    metrics.match(/^waygate_certificate_expiry_seconds{.*name="api\.example".*} \d+$/gm)?.length,
    1,
  )
})

test('clients without a name, or with one that no certificate has, get the default certificate', async t => {
  const { tlsPort } = await start(t, { ...ALL, default: 'other.test' })
  assert.equal(await servedTo(t, tlsPort), 'other')
  assert.equal(await servedTo(t, tlsPort, 'nowhere.test'), 'other')
  assert.equal(await servedTo(t, tlsPort, 'a.b.example'), 'other')
})

test('the one certificate of `cert` is the default, so that clients which connect to an address get it', async t => {
  const { tlsPort } = await start(t, { ...exact, certificates: [wild] })
  assert.equal(await servedTo(t, tlsPort), 'exact')
  assert.equal((await send(tlsPort, { path: '/user', tls: { ca } })).status, 200)
})

test('a default by a wildcard is found', async t => {
  const { tlsPort } = await start(t, { ...ALL, default: 'any.example' })
  assert.equal(await servedTo(t, tlsPort), 'wild')
})

test('without a default, an unknown name and no name end the handshake, and are counted', async t => {
  const { tlsPort, adminPort, log } = await start(t, ALL)
  await assert.rejects(servedTo(t, tlsPort, 'nowhere.test'))
  await assert.rejects(servedTo(t, tlsPort))
  assert.equal(await servedTo(t, tlsPort, 'api.example'), 'exact')
  await until('both are counted', async () => {
    const metrics = (await send(adminPort, { path: '/metrics' })).text
    return /^waygate_tls_handshake_failures_total{.*reason="unknown-name".*} 2$/m.test(metrics)
  })
  const lines = log.filter(({ msg }) => String(msg).startsWith('TLS handshake failed'))
  assert.deepEqual(
    lines.map(({ failure, client }) => [failure, client]),
    [['unknown-name', '127.0.0.1']],
  )
})

test('a name of 300 bytes, and names that are none, harm nobody', async t => {
  const { tlsPort } = await start(t, ALL)
  const names = ['x'.repeat(300), `${'x.'.repeat(149)}xx`, '.example', 'a\u0000.example', '__proto__', '-']
  for (const name of names) await assert.rejects(servedTo(t, tlsPort, name), Error, name)
  const withDefault = await start(t, exact)
  assert.equal(await servedTo(t, withDefault.tlsPort, `${'x.'.repeat(120)}xx`), 'exact')
  assert.equal(await servedTo(t, tlsPort, 'api.example'), 'exact')
})
