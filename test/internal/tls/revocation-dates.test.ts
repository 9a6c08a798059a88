import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { readRevocationDates } from '../../../internal/tls/revocation-dates.ts'
import { makeAuthority } from '../../support/certificates.ts'

test('the dates of a revocation list are read, in both forms of times and both versions of lists', t => {
  const authority = makeAuthority(t)
  const dates = (madeAt: string, validUntil: string, more?: readonly string[]) =>
    readRevocationDates(readFileSync(authority.listRevoked(madeAt, validUntil, more), 'utf8'))
  const [made, until] = ['2030-01-02T03:04:05Z', '2030-02-01T00:00:00Z'].map(Date.parse)
  assert.deepEqual(dates('20300102030405Z', '20300201000000Z'), { madeAt: made, validUntil: until })
  const late = dates('19990102030405Z', '20510102030405Z', ['-crlexts', 'crl'])
  assert.equal(late?.madeAt, Date.parse('1999-01-02T03:04:05Z'))
  assert.equal(late?.validUntil, Date.parse('2051-01-02T03:04:05Z'))
})

test('of several lists, the one that ends first counts', t => {
  const [soon, late] = ['20300101000000Z', '20400101000000Z'].map(until =>
    readFileSync(makeAuthority(t).listRevoked('20250101000000Z', until), 'utf8'),
  )
  for (const pem of [soon! + late!, late! + soon!]) {
    assert.equal(readRevocationDates(pem)?.validUntil, Date.parse('2030-01-01T00:00:00Z'))
  }
  assert.equal(readRevocationDates(''), undefined)
})

test('what is no revocation list is an error', () => {
  for (const bytes of ['', '00', '3003020101', '30820101']) {
    const base64 = Buffer.from(bytes, 'hex').toString('base64')
    assert.throws(
      () => readRevocationDates(`-----BEGIN X509 CRL-----\n${base64}\n-----END X509 CRL-----`),
      Error,
      bytes,
    )
  }
})
