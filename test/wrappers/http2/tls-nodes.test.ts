import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { LOOPBACK, makeAuthority, pemOf } from '../../support/certificates.ts'
import { respondWith, startHttp2Node } from '../../support/http2-node.ts'
import { testTls } from '../../support/node-tls.ts'
import { startSessionScene } from './session-scene.ts'

const authority = makeAuthority({ after })
const server = pemOf(authority.issue('server', { names: LOOPBACK }))

test('calls to an h2 node share a TLS connection, and their scheme is https', async t => {
  const { cert, key } = server
  const node = await startHttp2Node(t, respondWith('hello'), { cert, key })
  const settings = testTls({ ca: authority.pem })
  const { send } = startSessionScene(t, node.port, { protocol: 'h2', tlsOf: () => settings })
  const calls = Array.from({ length: 20 }, () => send())
  for (const call of calls) assert.equal(await call.text, 'hello')
  assert.equal(node.sessions.length, 1)
  assert.equal(node.requests[0]!.headers[':scheme'], 'https')
  assert.equal((node.sessions[0]!.socket as TLSSocket).alpnProtocol, 'h2')
})

test('a body of many windows passes an h2 node both ways', async t => {
  const { cert, key } = server
  const body = Buffer.alloc(1_000_000, 'many frames ')
  const node = await startHttp2Node(
    t,
    ({ stream }) => {
      stream.respond({ ':status': 200 })
      stream.end(body)
    },
    { cert, key },
  )
  const settings = testTls({ ca: authority.pem })
  const { send } = startSessionScene(t, node.port, { protocol: 'h2', tlsOf: () => settings })
  assert.equal((await send().text).length, body.length)
})

test('an h2 node whose certificate is refused fails as connect, for each call that waits', async t => {
  const { cert, key } = server
  const node = await startHttp2Node(t, respondWith('never'), { cert, key })
  const settings = testTls({})
  const { send, peer } = startSessionScene(t, node.port, { protocol: 'h2', tlsOf: () => settings })
  const calls = [send(), send(), send()]
  for (const call of calls) assert.equal(await call.result, 'connect')
  assert.match(peer.problem!.reason, /not from a trusted authority/)
  assert.equal(node.requests.length, 0)
})

test('an h2 node that asks for a certificate and gets none refuses its calls, with the cure', async t => {
  const { cert, key } = server
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const asks = { cert, key, maxVersion, requestCert: true, rejectUnauthorized: true, ca: authority.pem }
    const node = await startHttp2Node(t, respondWith('never'), asks)
    const settings = testTls({ ca: authority.pem })
    const { send, peer } = startSessionScene(t, node.port, { protocol: 'h2', tlsOf: () => settings })
    assert.equal(await send().result, 'connect')
    assert.match(peer.problem!.reason, /requires a client certificate/)
    assert.equal(node.requests.length, 0)
  }
})
