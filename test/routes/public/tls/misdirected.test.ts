import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { makeAuthority } from '../../../support/certificates.ts'
import { startTestGateway } from '../../../support/gateway.ts'
import { askHttp2 } from '../../../support/http2-client.ts'
import { answer, startNode } from '../../../support/node-server.ts'
import { openHttp2Tls, openRawTls, sendRawTls } from '../../../support/tls-connections.ts'

const authority = makeAuthority({ after })
const shop = authority.issue('shop', { names: 'DNS:shop.example,DNS:*.shop.example' })
const other = authority.issue('other', { names: 'DNS:other.example' })
const API = 'api.shop.example'

async function start(t: TestContext, tls: object = {}) {
  const node = await startNode(t, socket => socket.write(answer('ok')))
  const gateway = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    document: { tls: { port: 0, ...shop, certificates: [other], ...tls } },
  })
  /** Returns the statuses of requests for hosts on connections for the server name. Each 421 closes one. */
  const http1 = async (servername: string, ...hosts: readonly string[]) => {
    const options = { ca: authority.pem, servername, checkServerIdentity: () => undefined }
    const statuses: number[] = []
    let client = await openRawTls(t, gateway.tlsPort, options)
    let read = 0
    for (const host of hosts) {
      client.socket.write(`GET /user HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
      const text = await client.until(new RegExp(`^.{${read}}HTTP/1\\.1 \\d+.*(?:\\r\\n\\r\\nok|})$`, 's'))
      const status = Number(text.slice(read + 'HTTP/1.1 '.length).slice(0, 3))
      statuses.push(status)
      read = text.length
      if (status !== 421) continue
      await client.closed
      client = await openRawTls(t, gateway.tlsPort, options)
      read = 0
    }
    return statuses
  }
  const http2 = async (servername: string, ...hosts: readonly string[]) => {
    const session = openHttp2Tls(t, gateway.tlsPort, { ca: authority.pem, servername })
    const answers = []
    for (const host of hosts) answers.push(await askHttp2(session, { ':path': '/user', ':authority': host }))
    session.close()
    return answers.map(({ status }) => status)
  }
  return { ...gateway, node, http1, http2 }
}

for (const protocol of ['http1', 'http2'] as const) {
  test(`hosts that the certificate covers may share a connection, others are 421 (${protocol})`, async t => {
    const { node, [protocol]: ask } = await start(t)
    const hosts = [API, 'shop.example', 'WWW.shop.example:8443', 'other.example', 'a.b.shop.example', API]
    assert.deepEqual(await ask(API, ...hosts), [200, 200, 200, 421, 421, 200])
    assert.deepEqual(await ask('other.example', 'other.example', API), [200, 421])
    assert.equal(node.requests.length, 5)
  })

  test(`a host of another rule for client certificates is 421, and goes on being it (${protocol})`, async t => {
    const { [protocol]: ask } = await start(t, {
      clientAuth: { ca: authority.ca, hosts: ['admin.shop.example'] },
    })
    const admin = 'admin.shop.example'
    assert.deepEqual(await ask(API, API, admin, API, admin), [200, 421, 200, 421])
    assert.deepEqual(await ask(API, 'ADMIN.shop.example'), [421])
  })
}

test('a misdirected request says what is to be done', async t => {
  const { tlsPort } = await start(t)
  const client = await openRawTls(t, tlsPort, { ca: authority.pem, servername: API })
  client.socket.write('GET /user HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n')
  assert.match(await client.closed, /421 .*"code":"WG_MISDIRECTED".*need another connection/s)
})

test('the host in the target of a request counts, if it has one', async t => {
  const { tlsPort } = await start(t)
  for (const [target, host, status] of [
    [API, API, 200],
    ['other.example', 'other.example', 421],
    // RFC 9112 section 3.2.2 lets the host of the target win, which is not done here.
    ['other.example', API, 400],
    [API, 'other.example', 400],
  ]) {
    const head = `GET https://${target}/user HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
    const text = await sendRawTls(t, tlsPort, head, { ca: authority.pem, servername: API })
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `), `${target} ${host}`)
  }
})

test('a client without a server name, or at an address, has taken whatever certificate there is', async t => {
  const { http1 } = await start(t)
  assert.deepEqual(await http1('', API, 'other.example', '127.0.0.1'), [200, 200, 200])
  assert.deepEqual(await http1(API, '127.0.0.1', '127.0.0.1:8443', '[::1]'), [200, 200, 200])
})
