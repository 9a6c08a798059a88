import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { type ConnectionOptions, connect } from 'node:tls'
import { tempFolder } from '../../../config/temp-folder.ts'
import { type CertificateFiles, makeAuthority } from '../../../support/certificates.ts'
import { startTestGateway } from '../../../support/gateway.ts'
import { readRaw, send } from '../../../support/http.ts'
import { answer, startNode } from '../../../support/node-server.ts'
import { until } from '../../../support/until.ts'

const authority = makeAuthority({ after })
const clients = makeAuthority({ after }, 'Clients')
const server = authority.issue('api', { names: 'DNS:api.shop.example,DNS:www.shop.example' })
const client = clients.issue('client')
const revoked = clients.issue('revoked')
const nothingRevoked = readFileSync(clients.revoke())
const oneRevoked = readFileSync(clients.revoke(revoked))
const API = 'api.shop.example'
const WWW = 'www.shop.example'

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const
type Version = (typeof VERSIONS)[number]

async function start(t: TestContext, tls: object = {}) {
  const node = await startNode(t, socket => socket.write(answer('ok')))
  const gateway = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    document: { tls: { port: 0, ...server, ...tls } },
  })
  return { ...gateway, node }
}

interface Outcome {
  readonly status: number | 'none'
  readonly isReused: boolean
  /** The last session that the server gave. */
  readonly session: Buffer | undefined
}

/** Sends one request over a connection of its own. */
async function ask(
  port: number,
  version: Version,
  {
    files,
    host = API,
    session,
  }: { files?: CertificateFiles; host?: string; session?: Buffer | undefined } = {},
): Promise<Outcome> {
  const options: ConnectionOptions = {
    ...{ host: '127.0.0.1', port, ca: authority.pem, servername: host },
    ...{ minVersion: version, maxVersion: version },
    ...(files && { cert: readFileSync(files.cert), key: readFileSync(files.key) }),
    ...(session && { session }),
  }
  const socket = connect(options)
  let given: Buffer | undefined
  let isReused = false
  socket.on('session', (each: Buffer) => {
    given = each
  })
  const raw = readRaw(socket)
  socket.on('secureConnect', () => {
    isReused = socket.isSessionReused()
    given ??= socket.getSession()
  })
  socket.write(`GET /user HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
  const status = /^HTTP\/1\.1 (\d+)/.exec(await raw.closed)?.[1]
  return { status: status === undefined ? 'none' : Number(status), isReused, session: given }
}

/** Puts another file in the place of one. */
function replace(place: string, by: string): void {
  copyFileSync(by, `${place}.new`)
  renameSync(`${place}.new`, place)
}

for (const version of VERSIONS) {
  test(`sessions are resumed, and counted (${version})`, async t => {
    const { tlsPort, adminPort } = await start(t)
    const first = await ask(tlsPort, version)
    assert.deepEqual([first.status, first.isReused], [200, false])
    const second = await ask(tlsPort, version, { session: first.session })
    assert.deepEqual([second.status, second.isReused], [200, true])
    await until('both are counted', async () => {
      const { text } = await send(adminPort, { path: '/metrics' })
      const count = (reused: boolean) =>
        new RegExp(`^waygate_tls_handshakes_total{.*resumed="${reused}".*} 1$`, 'm').test(text)
      return count(true) && count(false)
    })
  })

  test(`sessions are not resumed when tickets have no lifetime (${version})`, async t => {
    const { tlsPort } = await start(t, { ticketLifetimeSeconds: 0 })
    const first = await ask(tlsPort, version)
    assert.equal(first.status, 200)
    const second = await ask(tlsPort, version, { session: first.session })
    assert.deepEqual([second.status, second.isReused], [200, false])
  })

  test(`a session is resumed no longer once its lifetime is over (${version})`, async t => {
    const { tlsPort } = await start(t, { ticketLifetimeSeconds: 2 })
    const { session } = await ask(tlsPort, version)
    await until('it is resumed no longer', async () => {
      const { status, isReused } = await ask(tlsPort, version, { session })
      assert.equal(status, 200)
      return !isReused
    })
  })

  test(`a session that is resumed keeps its certificate (${version})`, async t => {
    const { tlsPort, node } = await start(t, { clientAuth: { ca: clients.ca } })
    const { session } = await ask(tlsPort, version, { files: client })
    const second = await ask(tlsPort, version, { files: client, session })
    assert.deepEqual([second.status, second.isReused], [200, true])
    const [a, b] = node.requests.map(({ header }) => header('x-client-cert-fingerprint'))
    assert.ok(a)
    assert.equal(a, b)
  })

  test(`a certificate that did not verify does not when its session is resumed (${version})`, async t => {
    const others = makeAuthority(t, 'Others')
    const { tlsPort, node } = await start(t, { clientAuth: { ca: clients.ca, mode: 'optional' } })
    for (const files of [undefined, others.issue('foreign')]) {
      let session: Buffer | undefined
      for (let i = 0; i < 3; i++) {
        const asked = await ask(tlsPort, version, { ...(files && { files }), session })
        assert.equal(asked.status, 200)
        session = asked.session
      }
    }
    for (const { header } of node.requests) assert.equal(header('x-client-cert-fingerprint'), undefined)
  })

  test(`a session of a certificate that was revoked since is not trusted (${version})`, async t => {
    const crl = join(tempFolder(t), 'crl.pem')
    writeFileSync(crl, nothingRevoked)
    const { tlsPort, log } = await start(t, { clientAuth: { ca: clients.ca, crl } })
    const [bad, fine] = [
      await ask(tlsPort, version, { files: revoked }),
      await ask(tlsPort, version, { files: client }),
    ]
    assert.deepEqual([bad.status, fine.status], [200, 200])
    writeFileSync(crl, oneRevoked)
    await until('the list is read', () =>
      log.some(({ msg }) => String(msg).startsWith('authorities of client certificates changed')),
    )
    const again = await ask(tlsPort, version, { files: revoked, session: bad.session })
    assert.deepEqual([again.status, again.isReused], ['none', false])
    const other = await ask(tlsPort, version, { files: client, session: fine.session })
    assert.deepEqual([other.status, other.isReused], [200, false])
  })

  test(`a session of a certificate whose authority was taken away is not trusted (${version})`, async t => {
    const ca = join(tempFolder(t), 'ca.pem')
    replace(ca, clients.ca)
    const { tlsPort, log, node } = await start(t, { clientAuth: { ca, mode: 'optional' } })
    const first = await ask(tlsPort, version, { files: client })
    assert.ok(node.requests[0]!.header('x-client-cert-fingerprint'))
    replace(ca, makeAuthority(t, 'Successor').ca)
    await until('it is read', () =>
      log.some(({ msg }) => String(msg).startsWith('authorities of client certificates changed')),
    )
    const second = await ask(tlsPort, version, { files: client, session: first.session })
    assert.deepEqual([second.status, second.isReused], [200, false])
    assert.equal(node.requests[1]!.header('x-client-cert-fingerprint'), undefined)
  })

  for (const mode of ['required', 'optional'] as const) {
    test(`a session of a host without client certificates is verified on none that asks for them (${mode}, ${version})`, async t => {
      const { tlsPort, node } = await start(t, { clientAuth: { ca: clients.ca, mode, hosts: [API] } })
      const { status, session } = await ask(tlsPort, version, { host: WWW })
      assert.equal(status, 200)
      const taken = await ask(tlsPort, version, { host: API, session })
      assert.equal(taken.status, mode === 'required' ? 'none' : 200)
      if (mode === 'optional')
        assert.equal(node.requests.at(-1)!.header('x-client-cert-fingerprint'), undefined)
      const showing = await ask(tlsPort, version, { host: API, session, files: client })
      assert.equal(showing.status, 200)
      assert.ok(node.requests.at(-1)!.header('x-client-cert-fingerprint'))
    })
  }

  test(`a session of a host with client certificates tells other hosts of none (${version})`, async t => {
    const { tlsPort, node } = await start(t, { clientAuth: { ca: clients.ca, hosts: [API] } })
    const { session } = await ask(tlsPort, version, { files: client })
    const other = await ask(tlsPort, version, { host: WWW, session })
    assert.equal(other.status, 200)
    assert.equal(node.requests.at(-1)!.header('x-client-cert-fingerprint'), undefined)
  })
}
