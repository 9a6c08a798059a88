import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import type { ClientCertificate, ClientTls } from '../../../internal/http/client-tls.ts'
import { GatewayError } from '../../../internal/http/errors.ts'
import { createRequestHeadReader } from '../../../internal/http/request-head.ts'
import { createGrantReader } from '../../../middleware/auth/claims.ts'
import { createMtlsAuthenticator } from '../../../middleware/auth/mtls-authenticator.ts'

const readGrants = createGrantReader({
  ...{ scopeClaim: 'scope', rolesClaim: 'roles', claimHeaders: { sub: 'x-user-id' } },
})
let made = 0
const authenticator = createMtlsAuthenticator({
  identityOf(subject, claims) {
    made++
    return readGrants(subject, { claims })
  },
})
const head = createRequestHeadReader([])(['Authorization', 'Bearer x', 'X-Client-Cert-Subject', 'CN=forged'])

const CERTIFICATE: ClientCertificate = {
  ...{ subject: 'CN=billing,O=Example', san: 'URI:spiffe://example/billing,DNS:billing.example' },
  ...{ names: ['spiffe://example/billing', 'billing.example'], id: 'spiffe://example/billing' },
  ...{ fingerprint: 'ab', der: 'AA==' },
}

function callWith(certificate: ClientCertificate | undefined): Call {
  const call = new Call('r1', 'GET', '/', 0)
  const tls: ClientTls = {
    ...{ version: 'TLSv1.3', isHttp2: false, certificate, hsts: undefined },
    refusalOf: () => undefined,
  }
  call.tls = tls
  return call
}

test('a certificate gives its name as the subject, and its subject and names as claims', async () => {
  const identity = await authenticator.authenticate(head, callWith(CERTIFICATE))
  assert.equal(identity.subject, 'spiffe://example/billing')
  assert.equal(identity.claims?.subject, 'CN=billing,O=Example')
  assert.deepEqual(identity.claims?.sans, ['spiffe://example/billing', 'billing.example'])
  assert.deepEqual(identity.headers, ['x-user-id', 'spiffe://example/billing'])
})

test('a connection has one identity for all of its requests', async () => {
  const certificate = { ...CERTIFICATE }
  const before = made
  const first = await authenticator.authenticate(head, callWith(certificate))
  assert.equal(await authenticator.authenticate(head, callWith(certificate)), first)
  assert.equal(made, before + 1)
  assert.notEqual(await authenticator.authenticate(head, callWith({ ...CERTIFICATE, id: 'other' })), first)
})

test('without TLS, and without a verified certificate, one is asked for, whatever the fields say', () => {
  for (const call of [new Call('r1', 'GET', '/', 0), callWith(undefined)]) {
    assert.throws(
      () => authenticator.authenticate(head, call),
      (error: unknown) => {
        assert.ok(error instanceof GatewayError)
        assert.deepEqual(
          [error.code, error.headers],
          ['WG_CERTIFICATE_REQUIRED', { 'www-authenticate': 'Certificate realm="waygate"' }],
        )
        return true
      },
    )
  }
})

test('nothing of the request is withheld from nodes, since the certificate is no part of it', () => {
  const lines = [...head.headers]
  authenticator.withhold(head, callWith(CERTIFICATE))
  assert.deepEqual(head.headers, lines)
})
