import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { type PairTexts, readCertificatePair } from '../../../config/keys/certificate-pair.ts'
import { makeAuthority } from '../../support/certificates.ts'

const authority = makeAuthority({ after })
const textsOf = ({ cert, key }: { cert: string; key: string }) => ({
  cert: readFileSync(cert, 'utf8'),
  key: readFileSync(key, 'utf8'),
})
const api = textsOf(
  authority.issue('api.example', { names: 'DNS:API.example,DNS:*.api.example,IP:10.0.0.1' }),
)
const other = textsOf(authority.issue('other.example'))
const PASSPHRASE = 'a password with spaces'
const encrypted = createPrivateKey(api.key)
  .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: PASSPHRASE })
  .toString()

const read = (texts: Partial<PairTexts>) => readCertificatePair({ ...api, ...texts }, 'api.crt')
const failure = (texts: Partial<PairTexts>) => {
  let message = ''
  assert.throws(
    () => read(texts),
    (error: Error) => {
      message = error.message
      return true
    },
  )
  return message
}

test('a certificate and its key tell their names, dates, kind and fingerprint', () => {
  const pair = read({})
  assert.equal(pair.origin, 'api.crt')
  assert.deepEqual(pair.names, ['api.example', '*.api.example', '10.0.0.1'])
  assert.equal(pair.isElliptic, true)
  assert.match(pair.fingerprint, /^[0-9a-f]{64}$/)
  assert.ok(pair.validFrom <= Date.now() && pair.validUntil > Date.now() + 86_400_000)
  const rsa = readCertificatePair(textsOf(authority.issue('rsa.example', { kind: 'rsa' })), 'rsa.crt')
  assert.equal(rsa.isElliptic, false)
})

test('a key that belongs to another certificate is refused', () => {
  assert.equal(failure({ key: other.key }), 'the private key is not that of the certificate')
})

test('what is no certificate or no key is refused in plain words', () => {
  const pem = (what: string, content: string) =>
    `-----BEGIN ${what}-----\n${content}\n-----END ${what}-----\n`
  assert.equal(failure({ cert: 'garbage' }), 'the certificate cannot be used: it is not PEM')
  assert.equal(failure({ cert: '' }), 'the certificate cannot be used: it is not PEM')
  assert.equal(failure({ key: 'garbage' }), 'the private key cannot be used: it is not PEM')
  assert.match(failure({ cert: pem('CERTIFICATE', 'AAAA') }), /^the certificate cannot be used: /)
  assert.match(failure({ key: pem('PRIVATE KEY', 'AAAA') }), /^the private key cannot be used: /)
  assert.match(failure({ cert: api.key }), /^the certificate cannot be used: /)
  assert.match(failure({ key: api.cert }), /^the private key cannot be used: /)
  assert.match(failure({ cert: api.cert.slice(0, 300) }), /^the certificate cannot be used: /)
})

test('an encrypted key is decrypted with its password, and is kept without one', () => {
  const pair = read({ key: encrypted, passphrase: PASSPHRASE })
  assert.deepEqual(
    createPrivateKey(pair.key).export({ format: 'jwk' }),
    createPrivateKey(api.key).export({ format: 'jwk' }),
  )
})

test('an encrypted key without a password, or with another one, is refused and says which', () => {
  assert.equal(
    failure({ key: encrypted }),
    'the private key cannot be used: it is encrypted, and there is no password for it',
  )
  assert.equal(
    failure({ key: encrypted, passphrase: 'another' }),
    'the private key cannot be used: the password does not decrypt it',
  )
})

test('a password for a key that is not encrypted does no harm', () => {
  assert.deepEqual(read({ passphrase: 'unused' }).names, read({}).names)
})

test('an RSA key of 1,024 bits is refused', () => {
  const weak = textsOf(authority.issue('weak.example', { kind: 'rsa-1024' }))
  assert.match(failure(weak), /^the certificate cannot be used: .*key too small/)
})

test('a certificate without a subject alternative name is refused, whatever its common name is', () => {
  const nameless = textsOf(authority.issue('nameless.example', { names: '' }))
  assert.match(failure(nameless), /^the certificate has no name: .*subject alternative names/)
})

test('a certificate whose only name is that of a person is refused', () => {
  const person = textsOf(authority.issue('person', { names: 'email:me@a.example,URI:spiffe://a/b' }))
  assert.match(failure(person), /^the certificate has no name/)
})

test('text around the blocks of PEM is ignored, 16 KiB of it too', () => {
  const noise = `${'# a comment of sixty-four characters that says nothing at all...\n'.repeat(256)}`
  assert.ok(noise.length >= 16_384)
  const pair = read({ cert: `${noise}${api.cert}${noise}`, key: `${noise}${api.key}${noise}` })
  assert.deepEqual(pair.names, read({}).names)
})

test('the certificates of authorities behind the first one are kept', () => {
  assert.ok(read({ cert: `${api.cert}${authority.pem}` }).cert.includes(String(authority.pem).trim()))
})

test('a key of 16 KiB that is none is refused', () => {
  const content = Buffer.alloc(12_288, 1).toString('base64').replace(/.{64}/g, '$&\n')
  assert.match(
    failure({ key: `-----BEGIN PRIVATE KEY-----\n${content}-----END PRIVATE KEY-----\n` }),
    /^the private key cannot be used: /,
  )
})

test('keys that TLS cannot sign with are refused', () => {
  const { privateKey } = generateKeyPairSync('x25519', {
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  assert.equal(failure({ key: privateKey }), 'the private key is not that of the certificate')
})
