import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, type TestContext, test } from 'node:test'
import type { ConnectionOptions } from 'node:tls'
import { type CertificateFiles, makeAuthority } from '../../../support/certificates.ts'
import { startTestGateway, token } from '../../../support/gateway.ts'
import { send } from '../../../support/http.ts'
import { askHttp2 } from '../../../support/http2-client.ts'
import { answer, startNode } from '../../../support/node-server.ts'
import { openHttp2Tls, statusOver } from '../../../support/tls-connections.ts'
import { until } from '../../../support/until.ts'

const authority = makeAuthority({ after })
const clients = makeAuthority({ after }, 'Clients')
const others = makeAuthority({ after }, 'Others')
const server = authority.issue('api.shop.example', { names: 'DNS:api.shop.example,DNS:*.shop.example' })
const good = clients.issue('good', {
  names: 'URI:spiffe://example/billing,DNS:billing.example',
  subject: '/O=Example, Inc./CN=billing',
})
const plain = clients.issue('plain', { names: '', subject: '/CN=plain' })
const expired = clients.issue('expired', { days: -1 })
const revoked = clients.issue('revoked')
const foreign = others.issue('foreign')
const crl = clients.revoke(revoked)

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

/** What a client connects with. */
function as(files: CertificateFiles | undefined, more: ConnectionOptions = {}): ConnectionOptions {
  return {
    ...{ ca: authority.pem, servername: 'api.shop.example' },
    ...(files && { cert: readFileSync(files.cert), key: readFileSync(files.key) }),
    ...more,
  }
}

async function start(t: TestContext, clientAuth: object, more: Parameters<typeof startTestGateway>[1] = {}) {
  const node = await startNode(t, socket => socket.write(answer('ok')))
  const gateway = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    ...more,
    document: {
      tls: { port: 0, ...server, clientAuth: { ca: clients.ca, ...clientAuth } },
      ...more.document,
    },
  })
  return { ...gateway, node }
}

async function failures(adminPort: number): Promise<number> {
  const { text } = await send(adminPort, { path: '/metrics' })
  return Number(
    /^waygate_tls_handshake_failures_total{.*reason="client-certificate".*} (\d+)$/m.exec(text)?.[1],
  )
}

for (const version of VERSIONS) {
  const only = { minVersion: version, maxVersion: version }

  test(`a required certificate: only clients whose certificate verifies get a connection (${version})`, async t => {
    const { tlsPort, adminPort, node } = await start(t, { crl })
    const bad = { none: undefined, expired, revoked, foreign }
    for (const [what, files] of Object.entries(bad)) {
      assert.equal(await statusOver(tlsPort, as(files, only)), 'none', what)
    }
    assert.equal(node.requests.length, 0)
    await until('all are counted', async () => (await failures(adminPort)) === 4)
    assert.equal(await statusOver(tlsPort, as(good, only)), 200)
  })

  test(`a required certificate of a host with a rule is required there alone (${version})`, async t => {
    const { tlsPort, adminPort } = await start(t, { hosts: ['api.shop.example'] })
    for (const files of [undefined, expired, foreign]) {
      assert.equal(await statusOver(tlsPort, as(files, only)), 'none')
      assert.equal(await statusOver(tlsPort, as(files, { ...only, servername: 'www.shop.example' })), 200)
    }
    await until('all are counted', async () => (await failures(adminPort)) === 3)
    assert.equal(await statusOver(tlsPort, as(good, only)), 200)
  })

  test(`an optional certificate that does not verify counts as none (${version})`, async t => {
    const { tlsPort, node } = await start(t, { mode: 'optional', crl })
    for (const files of [undefined, expired, revoked, foreign]) {
      assert.equal(await statusOver(tlsPort, as(files, only)), 200)
      assert.deepEqual(certificateLines(node.requests.at(-1)!.lines), {})
    }
    assert.equal(await statusOver(tlsPort, as(good, only)), 200)
    assert.notDeepEqual(certificateLines(node.requests.at(-1)!.lines), {})
  })
}

/** Returns the fields about the client's certificate, by their names in lower case. */
function certificateLines(lines: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {}
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!.toLowerCase()
    if (!/client[-_]cert/.test(name)) continue
    assert.ok(!(name in found), `${name} comes twice`)
    found[name] = lines[i + 1]!
  }
  return found
}

test('a client without a server name is asked for its certificate where all hosts ask', async t => {
  const { tlsPort } = await start(t, {})
  const unnamed = { servername: '', checkServerIdentity: () => undefined }
  assert.equal(await statusOver(tlsPort, as(undefined, unnamed), 'api.shop.example'), 'none')
  assert.equal(await statusOver(tlsPort, as(good, unnamed), 'api.shop.example'), 200)
})

test('a host with a rule is not reached by a connection that named another host or none', async t => {
  const { tlsPort } = await start(t, { hosts: ['api.shop.example'] })
  const unnamed = { servername: '', checkServerIdentity: () => undefined }
  for (const files of [undefined, good]) {
    assert.equal(await statusOver(tlsPort, as(files, unnamed), 'api.shop.example'), 421)
    assert.equal(
      await statusOver(tlsPort, as(files, { servername: 'www.shop.example' }), 'api.shop.example'),
      421,
    )
    assert.equal(
      await statusOver(tlsPort, as(files, { servername: 'www.shop.example' }), 'API.shop.example.:443'),
      421,
    )
  }
})

test('a host with a rule that a trusted proxy reports is not reached without a certificate, with TLS or without', async t => {
  const { port, tlsPort, node } = await start(
    t,
    { hosts: ['api.shop.example'] },
    { document: { trustedProxies: ['127.0.0.1'] } },
  )
  const ask = async (files: CertificateFiles | undefined, host: string, reported: string) => {
    const tls = as(files, { servername: host })
    const headers = { host, 'x-forwarded-host': reported, 'x-forwarded-proto': 'https' }
    return (await send(tlsPort, { path: '/user', headers, tls })).status
  }
  for (const reported of ['api.shop.example', 'API.shop.example.:443']) {
    const headers = { host: 'www.shop.example', 'x-forwarded-host': reported, 'x-forwarded-proto': 'https' }
    assert.equal((await send(port, { path: '/user', headers })).status, 421)
    assert.equal(await ask(undefined, 'www.shop.example', reported), 421)
    assert.equal(await ask(good, 'www.shop.example', reported), 421, 'this host has asked for none')
  }
  assert.equal(node.requests.length, 0)
  assert.equal(await ask(good, 'api.shop.example', 'api.shop.example'), 200)
  assert.equal(await ask(undefined, 'www.shop.example', 'other.shop.example'), 200)
})

test('a rule with a wildcard, in capitals, is for every host below it', async t => {
  const { tlsPort } = await start(t, { hosts: ['*.SHOP.EXAMPLE'] })
  assert.equal(await statusOver(tlsPort, as(undefined)), 'none')
  assert.equal(await statusOver(tlsPort, as(undefined, { servername: 'WWW.shop.example' })), 'none')
  assert.equal(await statusOver(tlsPort, as(good)), 200)
})

const FINGERPRINT = new X509Certificate(readFileSync(good.cert)).fingerprint256
  .replaceAll(':', '')
  .toLowerCase()
const DER = new X509Certificate(readFileSync(good.cert)).raw.toString('base64')

test('nodes are told of the certificate', async t => {
  const { tlsPort, node } = await start(t, {})
  assert.equal(await statusOver(tlsPort, as(good)), 200)
  assert.deepEqual(certificateLines(node.requests[0]!.lines), {
    'x-client-cert-subject': 'CN=billing,O=Example\\, Inc.',
    'x-client-cert-san': 'URI:spiffe://example/billing,DNS:billing.example',
    'x-client-cert-fingerprint': FINGERPRINT,
    'client-cert': `:${DER}:`,
  })
  assert.equal(node.requests[0]!.header('x-forwarded-proto'), 'https')
  const session = openHttp2Tls(t, tlsPort, as(good))
  const answered = await askHttp2(session, { ':path': '/user', ':authority': 'api.shop.example' })
  assert.equal(answered.status, 200)
  assert.equal(certificateLines(node.requests[1]!.lines)['x-client-cert-fingerprint'], FINGERPRINT)
  assert.equal(await statusOver(tlsPort, as(plain)), 200)
  assert.deepEqual(Object.keys(certificateLines(node.requests[2]!.lines)).sort(), [
    ...['client-cert', 'x-client-cert-fingerprint', 'x-client-cert-subject'],
  ])
})

test('a subject that a header cannot hold is told escaped', async t => {
  const { tlsPort, node } = await start(t, {})
  const odd = clients.issue('odd', { names: '', subject: '/CN=Zoë\u{1F600} "q" a\\+b' })
  assert.equal(await statusOver(tlsPort, as(odd)), 200)
  assert.equal(
    node.requests[0]!.header('x-client-cert-subject'),
    'CN=Zo\\C3\\AB\\F0\\9F\\98\\80 \\"q\\" a\\+b',
  )
})

test('a certificate without a subject is told by its names, or by nothing', async t => {
  const { tlsPort, node } = await start(t, {})
  const named = clients.issue('named', { names: 'URI:spiffe://example/named', subject: '/' })
  const nameless = clients.issue('nameless', { names: '', subject: '/' })
  assert.equal(await statusOver(tlsPort, as(named)), 200)
  assert.equal(await statusOver(tlsPort, as(nameless)), 200)
  const told = ['x-client-cert-subject', 'x-client-cert-san']
  assert.deepEqual(
    node.requests.map(request => told.map(name => request.header(name))),
    [
      ['', 'URI:spiffe://example/named'],
      ['', undefined],
    ],
  )
})

const CLAIMS = ['Subject', 'San', 'Fingerprint'].flatMap(part => [
  `X-Client-Cert-${part}`,
  `x_client_cert_${part.toLowerCase()}`,
  `X-CLIENT_CERT-${part}`,
])
const FORGED = Object.fromEntries(
  [...CLAIMS, 'Client-Cert', 'client_cert', 'Client-Cert-Chain', 'CLIENT_CERT_CHAIN'].map(name => [
    name,
    'forged',
  ]),
)

test('what clients say of a certificate themselves reaches no node, on any port', async t => {
  const { tlsPort, port, node } = await start(t, { mode: 'optional' })
  const headers = { host: 'api.shop.example', ...FORGED }
  await send(port, { path: '/user', headers })
  await send(tlsPort, { path: '/user', headers, tls: as(undefined) })
  await send(tlsPort, { path: '/user', headers, tls: as(good) })
  const http2 = Object.fromEntries(Object.entries(FORGED).map(([name, value]) => [name.toLowerCase(), value]))
  for (const files of [undefined, good]) {
    const session = openHttp2Tls(t, tlsPort, as(files))
    await askHttp2(session, { ':path': '/user', ':authority': 'api.shop.example', ...http2 })
  }
  assert.equal(node.requests.length, 5)
  for (const { lines } of node.requests) assert.ok(!lines.includes('forged'), lines.join())
})

test('what a trusted proxy says of a certificate ends where a client has its own', async t => {
  const { tlsPort, node } = await start(t, {}, { document: { trustedProxies: ['127.0.0.1'] } })
  const answered = await send(tlsPort, {
    path: '/user',
    headers: { host: 'api.shop.example', ...FORGED },
    tls: as(good),
  })
  assert.equal(answered.status, 200)
  assert.ok(!node.requests[0]!.lines.includes('forged'), node.requests[0]!.lines.join())
})

const MTLS_ROUTES = {
  any: { path: '/any', service: 'user', auth: 'mtls' },
  subject: {
    path: '/subject',
    service: 'user',
    auth: { mtls: { subjects: ['CN=other', 'CN=billing,O=Example\\, Inc.'] } },
  },
  san: { path: '/san', service: 'user', auth: { mtls: { sans: ['spiffe://example/billing'] } } },
  stranger: { path: '/stranger', service: 'user', auth: { mtls: { sans: ['spiffe://example/other'] } } },
  both: {
    path: '/both',
    service: 'user',
    auth: { mtls: { subjects: ['CN=billing,O=Example\\, Inc.'], sans: ['spiffe://example/other'] } },
  },
  either: { path: '/either', service: 'user', auth: ['jwt', { mtls: { sans: ['billing.example'] } }] },
}

async function startMtls(t: TestContext) {
  const gateway = await start(t, { mode: 'optional' }, { routes: MTLS_ROUTES, withKey: true })
  const ask = (path: string, files: CertificateFiles | undefined, headers = {}) =>
    send(gateway.tlsPort, { path, headers: { host: 'api.shop.example', ...headers }, tls: as(files) })
  return { ...gateway, ask }
}

test('a route with `mtls` is for clients with a certificate that meets its rules', async t => {
  const { ask, node } = await startMtls(t)
  for (const path of ['/any', '/subject', '/san', '/either'])
    assert.equal((await ask(path, good)).status, 200, path)
  for (const { header } of node.requests) assert.equal(header('x-user-id'), 'spiffe://example/billing')
  for (const path of ['/stranger', '/both']) {
    const refused = await ask(path, good)
    assert.deepEqual([refused.status, refused.json().code], [403, 'WG_FORBIDDEN'], path)
  }
  assert.equal((await ask('/any', plain)).status, 200)
  assert.equal(node.requests.at(-1)!.header('x-user-id'), 'plain')
  assert.equal((await ask('/subject', plain)).status, 403)
})

test('a route with `mtls` says that a certificate is missing, over TLS and without it', async t => {
  const { ask, port, node } = await startMtls(t)
  for (const refused of [
    await ask('/any', undefined),
    await ask('/any', expired),
    await ask('/any', foreign),
    await send(port, { path: '/any', headers: FORGED }),
  ]) {
    assert.deepEqual([refused.status, refused.json().code], [401, 'WG_CERTIFICATE_REQUIRED'])
    assert.equal(refused.headers['www-authenticate'], 'Certificate realm="waygate"')
  }
  assert.equal(node.requests.length, 0)
})

test('a route with `mtls` or a token takes either, and says so', async t => {
  const { ask, node } = await startMtls(t)
  assert.equal((await ask('/either', undefined, { authorization: `Bearer ${token()}` })).status, 200)
  assert.equal(node.requests[0]!.header('x-user-id'), 'u1')
  const refused = await ask('/either', undefined)
  assert.deepEqual([refused.status, refused.json().code], [401, 'WG_TOKEN_MISSING'])
  assert.match(String(refused.headers['www-authenticate']), /Bearer.*Certificate/)
})

test('the access log has the version of TLS and the subject of the certificate', async t => {
  const { tlsPort, port, logged } = await start(t, { mode: 'optional' })
  const headers = (id: string) => ({ host: 'api.shop.example', 'x-request-id': id })
  await send(tlsPort, { path: '/user', headers: headers('with'), tls: as(good) })
  const line = await logged('with')
  assert.deepEqual([line.tls, line.clientCert], ['TLSv1.3', 'CN=billing,O=Example\\, Inc.'])
  await send(tlsPort, {
    path: '/user',
    headers: headers('old'),
    tls: as(undefined, { maxVersion: 'TLSv1.2' }),
  })
  const old = await logged('old')
  assert.deepEqual([old.tls, 'clientCert' in old], ['TLSv1.2', false])
  await send(port, { path: '/user', headers: headers('plain') })
  assert.equal('tls' in (await logged('plain')), false)
})

test('a route with `mtls` needs `tls.clientAuth`', async t => {
  const node = await startNode(t, socket => socket.write(answer('ok')))
  const { adminPort } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    routes: { r: { path: '/user', service: 'user', auth: 'mtls' } },
    document: { tls: { port: 0, ...server } },
  })
  const { problems } = (await send(adminPort, { path: '/routes' })).json() as {
    problems: { reason: string }[]
  }
  assert.match(problems[0]!.reason, /requires "mtls", which is not configured: set tls\.clientAuth/)
})

test('a revocation list that has expired is told of, since no certificate is accepted then', async t => {
  const authority = makeAuthority(t, 'Late')
  const crl = authority.listRevoked('20250101000000Z', '20250102000000Z')
  const { adminPort, startLog } = await start(t, { ca: authority.ca, crl, mode: 'optional' })
  assert.deepEqual(
    startLog.filter(({ msg }) => String(msg).startsWith('revocation list')).map(each => each.validUntil),
    ['2025-01-02T00:00:00.000Z'],
  )
  const { problems } = (await send(adminPort, { path: '/routes' })).json() as { problems: { key: string }[] }
  assert.deepEqual(
    problems.filter(({ key }) => key === crl),
    [{ key: crl, reason: 'the revocation list expired at 2025-01-02T00:00:00.000Z' }],
  )
})
