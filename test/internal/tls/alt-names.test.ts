import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { coversHost, readAltNames, wildcardOf } from '../../../internal/tls/alt-names.ts'
import { makeAuthority } from '../../support/certificates.ts'

test('names are told by their kind, hosts and addresses in lower case', () => {
  const names = readAltNames(
    'DNS:A.Example, DNS:*.b.example, IP Address:10.0.0.1, IP Address:FE80:0:0:0:0:0:0:1, URI:spiffe://x/Billing, email:me@b.example',
  )
  assert.deepEqual(names.hosts, ['a.example', '*.b.example'])
  assert.deepEqual(names.addresses, ['10.0.0.1', '[fe80::1]'])
  assert.deepEqual(names.uris, ['spiffe://x/Billing'])
  assert.equal(
    names.text,
    'DNS:A.Example,DNS:*.b.example,IP:10.0.0.1,IP:FE80:0:0:0:0:0:0:1,URI:spiffe://x/Billing,EMAIL:me@b.example',
  )
})

test('a certificate without names has none', () => {
  assert.deepEqual(readAltNames(undefined), { hosts: [], addresses: [], uris: [], text: '' })
  assert.deepEqual(readAltNames(''), { hosts: [], addresses: [], uris: [], text: '' })
})

test('a comma or a quote within a name makes no second name of it', () => {
  const names = readAltNames('URI:"http://a.example/, DNS:admin.example", DNS:b.example, DNS:"c\\"d.example"')
  assert.deepEqual(names, { hosts: ['b.example'], addresses: [], uris: [], text: 'DNS:b.example' })
})

test('a comma that is injected into a real certificate makes no second name of it', t => {
  const authority = makeAuthority(t)
  const config = 'subjectAltName=@names\n[names]\nDNS.1=good.example\nURI.1=http://a/\\,DNS:evil.example'
  const { cert } = authority.issue('injected', { names: '', config })
  const { subjectAltName } = new X509Certificate(readFileSync(cert))
  assert.match(subjectAltName!, /evil/)
  assert.deepEqual(readAltNames(subjectAltName), {
    ...{ hosts: ['good.example'], addresses: [], uris: [], text: 'DNS:good.example' },
  })
})

test('what is no host name is no host, whatever is told of it', () => {
  const names = readAltNames(
    'DNS:a..example, DNS:-a.example, DNS:*, DNS:a.*.example, DNS:*a.example, DNS:a_b.c',
  )
  assert.deepEqual(names.hosts, ['a_b.c'])
})

test('kinds of names that nobody asks for are left out', () => {
  const names = readAltNames(
    'othername:<unsupported>, DirName:"/CN = a, DNS:b.example", Registered ID:1.2.3, DNS:a.example',
  )
  assert.deepEqual([names.hosts, names.text], [['a.example'], 'DNS:a.example'])
})

test('a wildcard stands for exactly one label', () => {
  const names = ['a.example', '*.b.example']
  for (const host of ['a.example', 'x.b.example']) assert.equal(coversHost(names, host), true, host)
  for (const host of ['b.example', 'x.y.b.example', 'x.a.example', '', 'example'])
    assert.equal(coversHost(names, host), false, host)
  assert.equal(wildcardOf('a.b.c'), '*.b.c')
  assert.equal(coversHost(['*.example'], '.example'), false)
})
