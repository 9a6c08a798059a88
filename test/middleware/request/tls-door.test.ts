import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import { GatewayError } from '../../../internal/http/errors.ts'
import type { Exchange } from '../../../internal/policy.ts'
import { createTlsDoor } from '../../../middleware/request/tls-door.ts'

/** Returns where a request for a host is sent. */
async function placeOf(port: number, host: string | undefined): Promise<string | undefined> {
  const door = createTlsDoor({
    ...{ redirects: true, requiresCertificate: () => true },
    ...{ hasCertificate: name => name === 'a.example', port: () => port },
  })
  const exchange = { call: new Call('r1', 'GET', '/x?y', 0), head: { host }, proxied: undefined }
  const answer = await door(exchange as unknown as Exchange)
  assert.equal(answer!.status, 308)
  return answer!.headers[1]
}

test('the port is left out when it is that of https', async () => {
  assert.equal(await placeOf(443, 'a.example'), 'https://a.example/x?y')
  assert.equal(await placeOf(8_443, 'a.example'), 'https://a.example:8443/x?y')
  assert.equal(await placeOf(443, 'A.example.:80'), 'https://a.example/x?y')
})

test('a host without a certificate is refused', async () => {
  for (const host of ['b.example', undefined]) {
    await assert.rejects(placeOf(443, host), (error: unknown) => {
      assert.ok(error instanceof GatewayError)
      return error.code === 'WG_MISDIRECTED'
    })
  }
})

test('a host that requires client certificates is not served without TLS, whatever a proxy says of the client', async () => {
  for (const [redirects, proto] of [
    [false, 'http'],
    [false, 'https'],
    [true, 'https'],
  ] as const) {
    const door = createTlsDoor({
      ...{ redirects, requiresCertificate: host => host === 'a.example' },
      ...{ hasCertificate: () => true, port: () => 443 },
    })
    const ask = (host: string) => {
      const call = new Call('r1', 'GET', '/', 0)
      return door({ call, head: { host }, proxied: { proto } } as unknown as Exchange)
    }
    assert.throws(() => ask('A.example:80'), { code: 'WG_MISDIRECTED' })
    assert.equal(ask('b.example'), undefined)
  }
})
