import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Directory } from '../../discovery/directory.ts'
import { prefixSource } from '../../discovery/etcd/prefix-source.ts'
import type { CertificateEntry, TlsEntry } from '../../discovery/key-state.ts'
import type { LastGood, RegistryEntry, RegistryEvent } from '../../discovery/registry.ts'
import { applyTo, parseRoute } from './follow.ts'

const PREFIX = '/c/'

/** A certificate: one that ends with `!` cannot be used, one that ends with `~` has expired. */
const at = (name: string, cert: string): RegistryEntry => ({
  kind: 'certificate',
  key: PREFIX + name,
  name,
  document: { cert },
})

function parseCertificate({ document: { cert } }: CertificateEntry) {
  const text = String(cert)
  if (text.endsWith('!')) return { reason: 'broken' }
  return text.endsWith('~') ? { reason: 'expired', stopgap: text } : { pair: text }
}

function setUp() {
  const served = new Map<string, unknown>()
  let parsed = 0
  const directory = new Directory({
    parseRoute,
    parseCertificate(entry) {
      parsed++
      return parseCertificate(entry)
    },
    onTls(before: TlsEntry | undefined, after: TlsEntry | undefined) {
      if (before?.kind === 'certificate') served.delete(before.entry.name)
      if (after?.kind === 'certificate') served.set(after.entry.name, after.pair)
    },
  })
  const snapshot = (entries: readonly RegistryEntry[], more: object = {}) =>
    applyTo(directory, {
      ...{ type: 'snapshot', source: PREFIX, scope: 'certificates', revision: '1', entries },
      ...{ from: 'store', afterLoss: false, ...more },
    } as RegistryEvent)
  const change = (puts: readonly RegistryEntry[], deletes: readonly string[] = []) =>
    applyTo(directory, {
      ...{ type: 'change', source: PREFIX, scope: 'certificates', revision: '2', puts, deletes },
    } as RegistryEvent)
  return { directory, served, snapshot, change, parsed: () => parsed }
}

test('the last good certificate of a key stays while the key exists', () => {
  const { directory, served, snapshot, change, parsed } = setUp()
  snapshot([at('a', 'a1'), at('b', 'b1')])
  change([at('a', 'a2!')])
  change([at('b', 'b2~')])
  assert.deepEqual(Object.fromEntries(served), { a: 'a1', b: 'b1' })
  assert.deepEqual(
    directory.problems().map(({ key, reason }) => `${key} ${reason}`),
    ['/c/a broken', '/c/b expired'],
  )
  assert.deepEqual([...directory.lastGood().keys()], ['/c/a', '/c/b'])
  change([at('a', 'a3')], ['/c/b'])
  assert.deepEqual(Object.fromEntries(served), { a: 'a3' })
  const before = parsed()
  snapshot([at('a', 'a3')])
  assert.equal(parsed(), before, 'a listing that repeats a certificate does not read it again')
})

test('a certificate that has expired is used until its key has a better one, or an earlier process knew one', () => {
  const { served, snapshot, change } = setUp()
  const good: LastGood = { entry: at('b', 'b1'), revision: '1', since: 1 }
  const earlier = {
    remembered: { lastGood: [good], documented: [] },
    revision: '1',
    entryOf: () => undefined,
  }
  snapshot([at('a', 'a1~'), at('b', 'b2~')], { earlier })
  assert.deepEqual(Object.fromEntries(served), { a: 'a1~', b: 'b1' })
  change([at('a', 'a2~')])
  assert.deepEqual(served.get('a'), 'a1~')
  change([at('a', 'a3')])
  assert.deepEqual(served.get('a'), 'a3')
})

test('certificates that a wiped store has lost stay in use for the grace period', () => {
  const { directory, served, snapshot, change } = setUp()
  snapshot([at('a', 'a1'), at('b', 'b1')])
  snapshot([], { afterLoss: true })
  assert.deepEqual([...served.keys()], ['a', 'b'])
  assert.deepEqual(
    directory.suspects().map(({ key }) => key),
    ['/c/a', '/c/b'],
  )
  change([at('a', 'a2')])
  directory.dismiss('/c/b')
  assert.deepEqual(Object.fromEntries(served), { a: 'a2' })
})

test('a key of etcd is a certificate or a problem, and never more than a problem of its own', () => {
  const decode = (value: string, key = '/c/a') =>
    prefixSource('certificates', PREFIX).decode({ key, value, modRevision: 1n })
  assert.deepEqual(decode('{"cert":"x","key":"y"}'), {
    ...{ kind: 'certificate', key: '/c/a', name: 'a', document: { cert: 'x', key: 'y' } },
  })
  const cases: readonly (readonly [value: string, reason: string])[] = [
    ['-----BEGIN CERTIFICATE-----', 'value is not valid JSON'],
    ['[]', 'value must be a JSON object'],
    ['{"cert":"x","cert":"y"}', 'value has two members named "cert"'],
    [`{"cert":"${'x'.repeat(131_072)}"}`, 'value has more than 131072 characters'],
  ]
  for (const [value, reason] of cases)
    assert.deepEqual(decode(value), { kind: 'problem', key: '/c/a', reason })
  assert.deepEqual(decode('{}', PREFIX), {
    kind: 'problem',
    key: PREFIX,
    reason: 'key must be <prefix><name>',
  })
})

test('a key of etcd is the answer to a challenge only if it is named after a token', () => {
  const decode = (token: string, value = 'answer') =>
    prefixSource('acme-challenges', '/a/').decode({ key: `/a/${token}`, value, modRevision: 1n })
  assert.deepEqual(decode('t_-9'), {
    kind: 'acme-challenge',
    key: '/a/t_-9',
    token: 't_-9',
    answer: 'answer',
  })
  for (const token of ['', 'a/b', '..', 'a.b', 'ü', 'x'.repeat(257)]) {
    const entry = decode(token)
    assert.match(entry.kind === 'problem' ? entry.reason : '', /^key must be <prefix><token>/, token)
  }
  const long = decode('t', 'x'.repeat(4_097))
  assert.equal(long.kind === 'problem' && long.reason, 'value has more than 4096 bytes')
})
