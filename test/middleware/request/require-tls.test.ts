import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import { GatewayError } from '../../../internal/http/errors.ts'
import type { Exchange } from '../../../internal/policy.ts'
import { createRequireTls } from '../../../middleware/request/require-tls.ts'

/** Returns where a request for a host is sent. */
async function placeOf(port: number, host: string | undefined): Promise<string | undefined> {
  const requireTls = createRequireTls({
    ...{ redirects: true, requiresCertificate: () => true },
    ...{ hasCertificate: name => name === 'a.example' || name === '[::1]', port: () => port },
  })
  const [call, request] = [new Call('r1', 'GET', '/x?y', 0), { url: '/x?y' }]
  const exchange = { call, request, head: { host }, proxied: undefined }
  const answer = await requireTls(exchange as unknown as Exchange)
  assert.equal(answer!.status, 308)
  return answer!.headers[1]
}

test('the port is left out when it is that of https', async () => {
  assert.equal(await placeOf(443, 'a.example'), 'https://a.example/x?y')
  assert.equal(await placeOf(8_443, 'a.example'), 'https://a.example:8443/x?y')
  assert.equal(await placeOf(443, 'A.example.:80'), 'https://a.example/x?y')
  assert.equal(await placeOf(443, '[0:0:0:0:0:0:0:1]:80'), 'https://[::1]/x?y')
})

test('a host without a certificate is refused', async () => {
  for (const host of ['b.example', undefined]) {
    await assert.rejects(placeOf(443, host), (error: unknown) => {
      assert.ok(error instanceof GatewayError)
      return error.code === 'WG_MISDIRECTED'
    })
  }
})

test('a host that requires client certificates is refused without one, whether the client or a trusted proxy names it', () => {
  for (const [redirects, proto, tls] of [
    [false, 'http', undefined],
    [false, 'https', undefined],
    [true, 'https', undefined],
    [true, 'https', { certificate: undefined }],
  ] as const) {
    const requireTls = createRequireTls({
      ...{ redirects, requiresCertificate: host => host === 'a.example' },
      ...{ hasCertificate: () => true, port: () => 443 },
    })
    const ask = (host: string, reported?: string) => {
      const call = Object.assign(new Call('r1', 'GET', '/', 0), tls && { tls })
      return requireTls({ call, head: { host }, proxied: { proto, host: reported } } as unknown as Exchange)
    }
    assert.throws(() => ask('A.example:80'), { code: 'WG_MISDIRECTED' })
    assert.throws(() => ask('b.example', 'A.example.'), { code: 'WG_MISDIRECTED' })
    assert.throws(() => ask('a.example', 'b.example'), { code: 'WG_MISDIRECTED' })
    assert.equal(ask('b.example'), undefined)
    assert.equal(ask('b.example', 'c.example'), undefined)
  }
})

test('a connection with a client certificate may carry requests for hosts that require one', () => {
  const requireTls = createRequireTls({
    ...{ redirects: true, requiresCertificate: () => true },
    ...{ hasCertificate: () => true, port: () => 443 },
  })
  const call = Object.assign(new Call('r1', 'GET', '/', 0), { tls: { certificate: {} } })
  const proxied = { proto: 'http', host: 'a.example' }
  assert.equal(requireTls({ call, head: { host: 'inside' }, proxied } as unknown as Exchange), undefined)
})
