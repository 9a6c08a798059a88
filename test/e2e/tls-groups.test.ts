import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { makeAuthority } from '../support/certificates.ts'
import { startGatewayHere } from '../support/gateway-here.ts'

test('keys are exchanged over elliptic curves alone, since those of finite fields cost a server much more', async t => {
  const authority = makeAuthority(t)
  await using gateway = await startGatewayHere({
    config: { tls: { ...authority.issue('localhost'), port: 0 } },
    ready: false,
  })
  const { tls } = await gateway.logged('waygate is listening')
  const port = Number(new URL(String(tls)).port)
  const exchange = async (group: string) => {
    const options = { port, host: '127.0.0.1', servername: 'localhost', ca: authority.pem, ecdhCurve: group }
    const socket = connect(options)
    try {
      await once(socket, 'secureConnect')
      return (socket.getEphemeralKeyInfo() as { readonly name?: string }).name
    } finally {
      socket.destroy()
    }
  }
  assert.equal(await exchange('X25519'), 'X25519')
  assert.equal(await exchange('P-384'), 'secp384r1')
  await assert.rejects(exchange('ffdhe3072'), /handshake failure/)
})
