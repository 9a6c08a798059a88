import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPublicKey, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  type KeySealing,
  readCertificateDocument,
  writeCertificateDocument,
} from '../../../config/keys/certificate-document.ts'
import { type Authority, makeAuthority } from '../../support/certificates.ts'

const SEALING: KeySealing = { sealKey: randomBytes(32), plainKeys: false }
const PLAIN: KeySealing = { sealKey: undefined, plainKeys: true }

function read(document: Readonly<Record<string, unknown>>, sealing = SEALING, name = 'shop') {
  return readCertificateDocument(document, name, `/waygate/certificates/${name}`, sealing)
}

/** Makes the certificate and the key of a host, as texts. */
function issue(authority: Authority, name = 'shop.example', days = 2) {
  const { cert, key } = authority.issue(name, { days })
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
}

function sealed(pair: { readonly cert: string; readonly key: string }, sealing = SEALING, name = 'shop') {
  const document = writeCertificateDocument(pair, name, sealing)
  assert.ok('sealedKey' in document)
  return document
}

test('a certificate with a sealed key is read with the seal key, under its name', t => {
  const pair = issue(makeAuthority(t))
  const document = sealed(pair)
  assert.deepEqual(Object.keys(document), ['cert', 'sealedKey'])
  assert.ok(!JSON.stringify(document).includes('PRIVATE KEY'))
  // 12 bytes of nonce, the key, and 16 bytes of tag.
  assert.equal(Buffer.from(document.sealedKey, 'base64').length, 12 + Buffer.byteLength(pair.key) + 16)
  assert.notEqual(sealed(pair).sealedKey, document.sealedKey, 'each sealing has a nonce of its own')
  const known = read(document)
  assert.deepEqual(known.names, ['shop.example'])
  assert.equal(known.origin, '/waygate/certificates/shop')
  assert.equal(known.cert, pair.cert)
})

test('a key that was sealed with another key, under another name, or was changed, is refused', t => {
  const document = sealed(issue(makeAuthority(t)))
  const other = { sealKey: randomBytes(32), plainKeys: true }
  assert.throws(
    () => read(document, other),
    /^Error: sealedKey was sealed with another key than tls.sealKeyFile, or under/,
  )
  assert.throws(() => read(document, SEALING, 'bank'), /or under another name than "bank"/)
  const bytes = Buffer.from(document.sealedKey, 'base64')
  for (const at of [0, 12, bytes.length - 1]) {
    const changed = Buffer.from(bytes)
    changed[at]! ^= 1
    assert.throws(
      () => read({ ...document, sealedKey: changed.toString('base64') }),
      /was sealed with another key/,
    )
  }
  const short = bytes.subarray(0, -4).toString('base64')
  assert.throws(() => read({ ...document, sealedKey: short }), /was sealed with another key/)
  for (const sealedKey of ['', 'AAAA', 'no base64!', Buffer.alloc(28).toString('base64')]) {
    assert.throws(() => read({ ...document, sealedKey }), /^Error: sealedKey must be base64 of a nonce/)
  }
  assert.throws(
    () => read(document, { sealKey: undefined, plainKeys: true }),
    /sealedKey cannot be read: tls.sealKeyFile is not set/,
  )
})

test('a key that is not sealed is used only where that is allowed', t => {
  const pair = issue(makeAuthority(t))
  assert.throws(() => read(pair), /^Error: key is not sealed, and tls.plainKeys is false/)
  assert.deepEqual(read(pair, PLAIN).names, ['shop.example'])
  assert.deepEqual(read(pair, { ...SEALING, plainKeys: true }).names, ['shop.example'])
  assert.deepEqual(writeCertificateDocument(pair, 'shop', PLAIN), pair)
  assert.throws(
    () => writeCertificateDocument(pair, 'shop', { sealKey: undefined, plainKeys: false }),
    /set tls.sealKeyFile, whose file openssl rand -base64 32 writes/,
  )
})

test('a value that is broken is refused with what is wrong, and without what is in it', t => {
  const authority = makeAuthority(t)
  const [pair, other] = [issue(authority), issue(authority, 'other.example')]
  const body = pair.key.split('\n')[1]!
  const cases: readonly (readonly [Readonly<Record<string, unknown>>, RegExp])[] = [
    [{}, /^Error: cert is missing/],
    [{ cert: pair.cert }, /^Error: needs one of sealedKey and key/],
    [{ ...pair, sealedKey: 'AAAA' }, /^Error: needs one of sealedKey and key, not both/],
    [{ ...pair, [body]: 1 }, /^Error: must have no field but cert, key, sealedKey/],
    [{ ...pair, cert: 5 }, /^Error: cert must be a string/],
    [{ ...pair, key: { d: body } }, /^Error: key must be a string/],
    [{ ...pair, key: other.key }, /the private key is not that of the certificate/],
    [{ ...pair, cert: 'garbage' }, /^Error: the certificate cannot be used: it is not PEM/],
    [{ ...pair, key: `x${body}` }, /^Error: the private key cannot be used: it is not PEM/],
    [{ ...pair, cert: pair.key }, /^Error: the certificate cannot be used/],
    [{ ...pair, key: pair.cert }, /^Error: the private key cannot be used/],
    [{ ...pair, cert: pair.cert.replace(/\n./, '\n!') }, /^Error: the certificate cannot be used/],
    [{ ...pair, key: pair.key.replace(/\n./, '\n!') }, /^Error: the private key cannot be used/],
    [{ ...pair, cert: pair.cert.slice(0, 300) }, /^Error: the certificate cannot be used/],
    [
      { ...pair, cert: `${pair.cert}${pair.cert.replace(/\n..../, '\n!!!!')}` },
      /^Error: the certificate cannot be used/,
    ],
    [
      { ...pair, key: pair.key.padEnd(16_385, '\n') },
      /^Error: key has 16385 characters, and more than 16384 are/,
    ],
    [{ cert: pair.cert, sealedKey: 'A'.repeat(16_388) }, /^Error: sealedKey has 16388 characters/],
    [
      { ...pair, cert: pair.cert.repeat(200) },
      /^Error: cert has \d+ characters, and more than 65536 are not read/,
    ],
  ]
  for (const [document, message] of cases) {
    assert.throws(
      () => read(document, { ...SEALING, plainKeys: true }),
      error => {
        assert.match(String(error), message)
        assert.ok(!String(error).includes(body), 'the message has nothing of the key')
        return true
      },
    )
  }
})

test('text around the blocks of PEM does no harm', t => {
  const { cert, key } = issue(makeAuthority(t))
  const document = { cert: `Subject: shop\n${cert}the end\n`, key: `Bag Attributes\n${key}` }
  assert.deepEqual(read(document, PLAIN).names, ['shop.example'])
})

test('a certificate with a key of RSA that is too long to be used for handshakes is refused', t => {
  const authority = makeAuthority(t)
  assert.throws(
    () => read({ cert: certificateOf(authority, 16_384), key: 'any' }, PLAIN),
    /the key has 16384 bits: with more than 8192, each handshake would hold up all requests/,
  )
  assert.throws(
    () => read({ cert: certificateOf(authority, 8_192), key: 'any' }, PLAIN),
    /key cannot be used/,
  )
})

/** Makes a certificate with a public key of so many bits, of which nobody knows the private one. */
function certificateOf(authority: Authority, bits: number): string {
  const { folder } = authority
  const { cert, key } = authority.issue('long.example')
  const modulus = randomBytes(bits / 8)
  modulus[0]! |= 0x80
  modulus[modulus.length - 1]! |= 1
  const jwk = { kty: 'RSA', n: modulus.toString('base64url'), e: 'AQAB' }
  const pem = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  writeFileSync(join(folder, 'long.pub'), pem)
  execFileSync(
    'openssl',
    ['x509', '-in', cert, '-signkey', key, '-force_pubkey', 'long.pub', '-out', 'long.crt'],
    { cwd: folder, stdio: 'ignore' },
  )
  return readFileSync(join(folder, 'long.crt'), 'utf8')
}
