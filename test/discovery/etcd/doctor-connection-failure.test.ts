import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explainConnection } from '../../../discovery/etcd/doctor/connection-failure.ts'
import { NotInTimeError } from '../../../discovery/etcd/doctor/within.ts'
import { parseEndpoint } from '../../../discovery/etcd/endpoint-url.ts'

const failed = (code: string) => Object.assign(new Error('words of the system'), { code })
const cases = [
  ['tcp', failed('EAI_AGAIN'), false, /there is no host etcd$/, /DNS settings/],
  ['tcp', failed('EHOSTUNREACH'), false, /words of the system$/, /network/],
  ['tcp', new NotInTimeError(2_000), false, /^cannot connect to .*: no answer within 2 s/, /firewall/],
  ['tls', new NotInTimeError(2_000), false, /does not answer: .* \(TLS handshake\)/, /hangs/],
  // The ways in which etcd 3.4 and later reject a certificate, as OpenSSL and Go spell them.
  ['http2', failed('ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE'), false, /requires a client cert/, /ETCD_CERT/],
  [
    'http2',
    failed('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'),
    false,
    /requires a client cert/,
    /ETCD_CERT/,
  ],
  ['http2', failed('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'), true, /rejects our client/, /trusted-ca-file/],
  ['tls', failed('ERR_SSL_WRONG_VERSION_NUMBER'), false, /does not speak TLS/, /use http:/],
  ['http2', failed('ERR_HTTP2_ERROR'), false, /does not speak gRPC/, /usually 2379/],
] as const

for (const [step, error, hasCertificate, message, hint] of cases) {
  test(`${step}: ${'code' in error ? error.code : error.message} is reported as ${message.source}`, () => {
    const failure = explainConnection(parseEndpoint('https://etcd:2379'), step, error, hasCertificate)
    assert.match(failure.message, message)
    assert.match(failure.hint, hint)
  })
}
