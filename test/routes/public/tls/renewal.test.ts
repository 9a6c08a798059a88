import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { tempFolder } from '../../../config/temp-folder.ts'
import { type CertificateFiles, makeAuthority, replaceFiles } from '../../../support/certificates.ts'
import { startTestGateway } from '../../../support/gateway.ts'
import { send } from '../../../support/http.ts'
import { answer, startNode } from '../../../support/node-server.ts'
import { openRawTls, openTls, statusOver } from '../../../support/tls-connections.ts'
import { until } from '../../../support/until.ts'

const authority = makeAuthority({ after })
const NAMES = 'DNS:api.shop.example'
const issued = Array.from({ length: 4 }, (_, i) => authority.issue(`v${i}`, { names: NAMES }))
const expired = authority.issue('expired', { names: NAMES, days: -1 })
const CLIENT = { ca: authority.pem, servername: 'api.shop.example' }

/** Starts a gateway whose certificate can be replaced, which is the first of `issued`. */
async function start(t: TestContext) {
  const folder = tempFolder(t)
  const place: CertificateFiles = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') }
  for (const file of ['cert', 'key'] as const) copyFileSync(issued[0]![file], place[file])
  const node = await startNode(t, socket => socket.write(answer('ok')))
  const gateway = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    document: { tls: { port: 0, ...place }, clientLimits: { headersTimeoutMs: 60_000 } },
  })
  const served = async () => {
    const socket = await openTls(t, gateway.tlsPort, CLIENT)
    const { fingerprint256 } = socket.getPeerX509Certificate()!
    socket.destroy()
    return fingerprint256
  }
  const problems = async () =>
    (
      (await send(gateway.adminPort, { path: '/routes' })).json() as {
        problems: { key: string; reason: string }[]
      }
    ).problems
  return { ...gateway, place, served, problems }
}

function fingerprintOf({ cert }: CertificateFiles): string {
  return new X509Certificate(readFileSync(cert)).fingerprint256
}

test('twenty replacements under steady handshakes fail none of them, and each is served', async t => {
  const { tlsPort, place, served } = await start(t)
  const open = await openRawTls(t, tlsPort, CLIENT)
  let handshakes = 0
  let isOver = false
  const steady = Array.from({ length: 3 }, async () => {
    while (!isOver) {
      assert.equal(await statusOver(tlsPort, CLIENT), 200)
      handshakes++
    }
  })
  const all = Promise.all(steady)
  try {
    for (let i = 1; i <= 20; i++) {
      const next = issued[i % issued.length]!
      replaceFiles(place, next)
      await Promise.race([
        until(`replacement ${i} is served`, async () => (await served()) === fingerprintOf(next)),
        all.then(() => assert.fail('handshakes have stopped')),
      ])
    }
  } finally {
    isOver = true
  }
  await all
  t.diagnostic(`${handshakes} handshakes`)
  // The connection of before all of that is as it was.
  open.socket.write('GET /user HTTP/1.1\r\nHost: api.shop.example\r\n\r\n')
  await open.until('ok')
  assert.equal(open.socket.getPeerX509Certificate()!.fingerprint256, fingerprintOf(issued[0]!))
})

test('a new certificate is served within a few looks, and sessions of the old one are still resumed', async t => {
  const { tlsPort, place, served } = await start(t)
  const before = await openTls(t, tlsPort, { ...CLIENT, maxVersion: 'TLSv1.2' })
  const session = before.getSession()!
  replaceFiles(place, issued[1]!)
  await until('it is served', async () => (await served()) === fingerprintOf(issued[1]!))
  const again = await openTls(t, tlsPort, { ...CLIENT, maxVersion: 'TLSv1.2', session })
  assert.equal(again.isSessionReused(), true)
})

const BROKEN: Readonly<Record<string, readonly [(place: CertificateFiles) => void, RegExp]>> = {
  'files that are no PEM': [place => writeFileSync(place.cert, 'garbage'), /tls\.crt does not hold PEM/],
  'a file that is cut off': [
    place => writeFileSync(place.cert, readFileSync(place.cert).subarray(0, 200)),
    /the certificate cannot be used/,
  ],
  'an empty file': [place => writeFileSync(place.key, ''), /tls\.key does not hold PEM/],
  'a key of another certificate': [
    place => copyFileSync(issued[1]!.key, place.key),
    /the private key is not that of the certificate/,
  ],
  'a certificate that has expired': [place => replaceFiles(place, expired), /the certificate expired at/],
}

for (const [what, [spoil, reason]] of Object.entries(BROKEN)) {
  test(`${what}: the last good certificate stays, and a problem is listed until it is mended`, async t => {
    const { place, served, problems, log } = await start(t)
    assert.deepEqual(await problems(), [])
    spoil(place)
    const [problem] = await until('a problem is listed', async () => {
      const found = await problems()
      return found.length > 0 && found
    })
    assert.equal(problem!.key, place.cert)
    assert.match(problem!.reason, reason)
    assert.equal(await served(), fingerprintOf(issued[0]!))
    const told = () =>
      log.filter(({ msg }) => msg === 'certificate cannot be used; keeping the last good one')
    assert.equal(told().length, 1)
    replaceFiles(place, issued[2]!)
    await until('no problem is listed', async () => (await problems()).length === 0)
    assert.equal(await served(), fingerprintOf(issued[2]!))
    assert.equal(told().length, 1)
  })
}

test('authorities of clients that are broken leave the last good ones, and are a problem until they are mended', async t => {
  const clients = makeAuthority(t, 'Clients')
  const client = clients.issue('client')
  const ca = join(tempFolder(t), 'ca.pem')
  copyFileSync(clients.ca, ca)
  const node = await startNode(t, socket => socket.write(answer('ok')))
  const { tlsPort, adminPort } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    document: { tls: { port: 0, ...issued[0]!, clientAuth: { ca } } },
  })
  const problems = async () =>
    ((await send(adminPort, { path: '/routes' })).json() as { problems: { key: string }[] }).problems
  const as = { ...CLIENT, cert: readFileSync(client.cert), key: readFileSync(client.key) }
  writeFileSync(ca, 'garbage')
  await until('a problem is listed', async () => (await problems())[0]?.key === ca)
  assert.equal(await statusOver(tlsPort, as), 200)
  assert.equal(await statusOver(tlsPort, CLIENT), 'none')
  copyFileSync(makeAuthority(t, 'Others').ca, ca)
  await until('no problem is listed', async () => (await problems()).length === 0)
  assert.equal(await statusOver(tlsPort, as), 'none')
})
