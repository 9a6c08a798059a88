import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CertificateTable } from '../../../internal/tls/certificate-table.ts'

const NOW = 1_000
const made = (id: string, names: readonly string[], more: Partial<ReturnType<typeof certificate>> = {}) => ({
  ...certificate(id, names),
  ...more,
})
function certificate(id: string, names: readonly string[]) {
  return { id, names, isElliptic: true, validFrom: 0, validUntil: 2_000 }
}

test('a certificate with the very name is used before one with a wildcard', () => {
  const wild = made('wild', ['*.example'])
  const exact = made('exact', ['a.example'])
  for (const order of [
    [wild, exact],
    [exact, wild],
  ]) {
    const table = new CertificateTable(order, NOW)
    assert.equal(table.find('a.example')?.id, 'exact')
    assert.equal(table.find('b.example')?.id, 'wild')
    assert.deepEqual(table.superseded, [])
  }
})

test('a wildcard is used for one label alone', () => {
  const table = new CertificateTable([made('wild', ['*.example'])], NOW)
  assert.equal(table.find('a.example')?.id, 'wild')
  for (const name of ['a.b.example', 'example', '*', '']) assert.equal(table.find(name), undefined, name)
})

test('of two for one name, the one of elliptic curves is used, however old it is', () => {
  const rsa = made('rsa', ['a.example'], { isElliptic: false, validFrom: 900 })
  const ec = made('ec', ['a.example'], { validFrom: 100 })
  const table = new CertificateTable([rsa, ec], NOW)
  assert.equal(table.find('a.example'), ec)
  assert.deepEqual(table.superseded, [{ certificate: rsa, name: 'a.example', by: ec }])
})

test('of two of one kind, the one that began to be valid later is used', () => {
  const old = made('old', ['a.example', 'b.example'], { validFrom: 100 })
  const young = made('young', ['a.example'], { validFrom: 900 })
  const table = new CertificateTable([old, young], NOW)
  assert.equal(table.find('a.example'), young)
  assert.equal(table.find('b.example'), old)
  assert.deepEqual(table.superseded, [{ certificate: old, name: 'a.example', by: young }])
})

test('one that has expired is used only while there is no other', () => {
  const expired = made('expired', ['a.example', 'b.example'], { validFrom: 900, validUntil: NOW })
  const rsa = made('rsa', ['a.example'], { isElliptic: false })
  const table = new CertificateTable([expired, rsa], NOW)
  assert.equal(table.find('a.example'), rsa)
  assert.equal(table.find('b.example'), expired)
})

test('one that is not valid yet is used only while there is no other', () => {
  const future = made('future', ['a.example', 'b.example'], { validFrom: NOW + 1 })
  const present = made('present', ['a.example'], { isElliptic: false })
  const table = new CertificateTable([future, present], NOW)
  assert.equal(table.find('a.example'), present)
  assert.equal(table.find('b.example'), future)
})

test('a certificate that has a name twice does not supersede itself', () => {
  const table = new CertificateTable([made('a', ['a.example', 'a.example'])], NOW)
  assert.deepEqual(table.superseded, [])
})
