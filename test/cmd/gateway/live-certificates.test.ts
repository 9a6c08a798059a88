import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, mock, type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { LiveCertificates } from '../../../cmd/gateway/live-certificates.ts'
import type { CertificatePair } from '../../../config/keys/certificate-pair.ts'
import { readCertificateFiles } from '../../../config/keys/certificate-pair.ts'
import { makeAuthority } from '../../support/certificates.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const NOW = Date.parse('2030-01-01T00:00:00Z')
let serial = 0

/** A pair that is valid from now on, which is not a real one. */
function pair(origin: string, more: Partial<CertificatePair> = {}): CertificatePair {
  const id = String(++serial)
  return {
    ...{
      origin,
      names: ['a.example'],
      isElliptic: true,
      validFrom: NOW - 300 * DAY_MS,
      validUntil: NOW + 90 * DAY_MS,
    },
    ...{ fingerprint: id, cert: id, key: id },
    ...more,
  }
}

function live(t: TestContext, pairs: readonly CertificatePair[], defaultName?: string) {
  const lines: Record<string, unknown>[] = []
  let changes = 0
  let now = NOW
  const certificates = new LiveCertificates({
    files: pairs.map(({ origin }) => ({ cert: origin, key: `${origin}.key` })),
    pairs,
    default: defaultName === undefined ? { origin: undefined } : { name: defaultName },
    logger: pino({ level: 'debug' }, { write: line => void lines.push(JSON.parse(line)) }),
    onChange: () => void changes++,
    now: () => now,
  })
  t.after(() => certificates.close())
  return {
    certificates,
    lines,
    changes: () => changes,
    setNow: (time: number) => {
      now = time
    },
  }
}

test('a certificate is found by its name in any case, and the default by its own', t => {
  const [a, b] = [pair('a.crt'), pair('b.crt', { names: ['*.b.example'] })]
  const { certificates } = live(t, [a, b], 'X.b.example')
  assert.equal(certificates.find('A.EXAMPLE'), a)
  assert.equal(certificates.find('c.example'), undefined)
  assert.equal(certificates.default, b)
  assert.equal(live(t, [a]).certificates.default, undefined)
})

test('a replaced certificate is served, and who serves it is told', t => {
  const { certificates, changes, lines } = live(t, [pair('a.crt')])
  const next = pair('a.crt')
  certificates.replace('a.crt', next)
  assert.equal(certificates.find('a.example'), next)
  assert.equal(changes(), 1)
  assert.equal(lines.at(-1)!.msg, 'certificate changed; new connections get it')
  certificates.replace('a.crt', { ...next })
  assert.equal(changes(), 1)
})

test('a replaced certificate of other names takes its old names with it', t => {
  const { certificates } = live(t, [pair('a.crt')])
  certificates.replace('a.crt', pair('a.crt', { names: ['b.example'] }))
  assert.equal(certificates.find('a.example'), undefined)
  assert.ok(certificates.find('b.example'))
})

test('one that has expired does not replace a valid one, but another one that has expired', t => {
  const first = pair('a.crt', { validUntil: NOW + DAY_MS })
  const { certificates, setNow } = live(t, [first])
  assert.throws(
    () => certificates.replace('a.crt', pair('a.crt', { validUntil: NOW - 1 })),
    /the certificate expired at 2029-12-31T23:59:59.999Z/,
  )
  assert.equal(certificates.find('a.example'), first)
  setNow(NOW + 2 * DAY_MS)
  const second = pair('a.crt', { validUntil: NOW + DAY_MS + 1 })
  certificates.replace('a.crt', second)
  assert.equal(certificates.find('a.example'), second)
})

test('a certificate that cannot be used leaves the last good one, and is a problem until it can be', t => {
  const first = pair('a.crt')
  const { certificates, lines } = live(t, [first])
  certificates.noteProblem('a.crt', 'it is not PEM')
  assert.equal(certificates.find('a.example'), first)
  assert.deepEqual(certificates.problems(), [{ key: 'a.crt', reason: 'it is not PEM' }])
  assert.equal(lines.at(-1)!.msg, 'certificate cannot be used; keeping the last good one')
  certificates.noteProblem('a.crt', undefined)
  assert.deepEqual(certificates.problems(), [])
})

test('a certificate that is removed is served no longer', t => {
  const { certificates, changes } = live(t, [pair('a.crt')])
  certificates.noteProblem('a.crt', 'it is not PEM')
  certificates.remove('a.crt')
  assert.equal(certificates.find('a.example'), undefined)
  assert.deepEqual(certificates.problems(), [])
  certificates.remove('a.crt')
  assert.equal(changes(), 1)
})

test('a certificate is warned of 21 and 7 days before its end and at it, once each', t => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.after(() => mock.timers.reset())
  const { lines, setNow, certificates } = live(t, [pair('a.crt', { validUntil: NOW + 30 * DAY_MS })])
  const warned: [day: number, msg: unknown][] = []
  for (let hours = 0; hours <= 32 * 24; hours++) {
    setNow(NOW + hours * HOUR_MS)
    mock.timers.tick(HOUR_MS)
    for (const { msg } of lines.splice(0)) warned.push([hours / 24, msg])
  }
  assert.deepEqual(warned, [
    [9, 'certificate expires soon'],
    [23, 'certificate expires soon'],
    [30, 'certificate has expired'],
  ])
  const renewed = pair('a.crt', { validUntil: NOW + 40 * DAY_MS })
  certificates.replace('a.crt', renewed)
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ['certificate changed; new connections get it', 'certificate expires soon'],
  )
})

test('a certificate that lives a few days is warned of when a third and a ninth of its life are left', t => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.after(() => mock.timers.reset())
  const shortLived = { validFrom: NOW, validUntil: NOW + 9 * DAY_MS }
  const { lines, setNow, certificates } = live(t, [pair('a.crt', shortLived)])
  const warned: number[] = []
  for (let hours = 0; hours < 9 * 24; hours++) {
    setNow(NOW + hours * HOUR_MS)
    mock.timers.tick(60_000)
    for (const _ of lines.splice(0)) warned.push(hours / 24)
    assert.equal(certificates.problems().length, hours < 6 * 24 ? 0 : 1)
  }
  assert.deepEqual(warned, [6, 8])
})

test('one that is not valid yet waits while the present one is, and then takes its place', t => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.after(() => mock.timers.reset())
  const first = pair('a.crt')
  const { certificates, setNow } = live(t, [first])
  const next = pair('a.crt', { validFrom: NOW + HOUR_MS })
  certificates.replace('a.crt', next)
  assert.equal(certificates.find('a.example'), first)
  assert.deepEqual(certificates.problems(), [
    { key: 'a.crt', reason: 'the new certificate is not valid before 2030-01-01T01:00:00.000Z' },
  ])
  setNow(NOW + HOUR_MS)
  mock.timers.tick(60_000)
  assert.equal(certificates.find('a.example'), next)
  assert.deepEqual(certificates.problems(), [])
})

test('one that was waited for is not, once its origin has the present one again', t => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.after(() => mock.timers.reset())
  const first = pair('a.crt')
  const { certificates, setNow } = live(t, [first])
  certificates.replace('a.crt', pair('a.crt', { validFrom: NOW + HOUR_MS }))
  certificates.replace('a.crt', { ...first })
  assert.deepEqual(certificates.problems(), [])
  setNow(NOW + HOUR_MS)
  mock.timers.tick(60_000)
  assert.equal(certificates.find('a.example'), first)
})

test('one that was waited for and has expired meanwhile leaves the present one in its place', t => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.after(() => mock.timers.reset())
  const first = pair('a.crt')
  const { certificates, setNow } = live(t, [first])
  certificates.replace('a.crt', pair('a.crt', { validFrom: NOW + HOUR_MS, validUntil: NOW + 2 * HOUR_MS }))
  setNow(NOW + 3 * HOUR_MS)
  mock.timers.tick(60_000)
  assert.equal(certificates.find('a.example'), first)
  assert.deepEqual(certificates.problems(), [
    { key: 'a.crt', reason: 'the certificate expired at 2030-01-01T02:00:00.000Z' },
  ])
  certificates.replace('a.crt', { ...first })
  assert.deepEqual(certificates.problems(), [])
})

test('a change of another certificate does not go through all names to find the default', t => {
  let reads = 0
  const other = pair('other.crt')
  Object.defineProperty(other, 'names', {
    get() {
      reads++
      return ['other.example']
    },
  })
  const old = pair('b.crt', { names: ['*.b.example'] })
  const { certificates } = live(t, [other, old], 'x.b.example')
  assert.equal(certificates.default, old)
  reads = 0
  for (let i = 0; i < 100; i++) {
    certificates.replace(`${i}.crt`, pair(`${i}.crt`, { names: [`${i}.example`] }))
    assert.equal(certificates.default, old)
  }
  assert.equal(reads, 0)
  const exact = pair('c.crt', { names: ['x.b.example'] })
  certificates.replace('c.crt', exact)
  assert.equal(certificates.default, exact)
  certificates.remove('c.crt')
  assert.equal(certificates.default, old)
  const next = pair('b.crt', { names: ['b.example'] })
  certificates.replace('b.crt', next)
  assert.equal(certificates.default, undefined)
})

test('a default by its origin stays whatever its names become', t => {
  const first = pair('a.crt')
  const certificates = new LiveCertificates({
    ...{ files: [], pairs: [first, pair('b.crt')], default: { origin: 'a.crt' } },
    ...{ logger: pino({ level: 'silent' }), onChange: () => {} },
  })
  t.after(() => certificates.close())
  const next = pair('a.crt', { names: ['other.example'] })
  certificates.replace('a.crt', next)
  assert.equal(certificates.default, next)
  assert.deepEqual(live(t, [first], 'none.example').certificates.problems().at(-1), {
    ...{ key: 'tls.default', reason: 'no certificate has the name none.example' },
  })
})

test('a certificate that is near its end at the start is warned of once', t => {
  const { lines } = live(t, [pair('a.crt', { validUntil: NOW + DAY_MS })])
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ['certificate expires soon'],
  )
})

test('dates that are wrong, and names that another certificate has, are problems', t => {
  const ec = pair('ec.crt')
  const rsa = pair('rsa.crt', { isElliptic: false })
  const { certificates } = live(t, [
    ...[ec, rsa],
    pair('soon.crt', { names: ['b.example'], validUntil: NOW + 20 * DAY_MS }),
    pair('over.crt', { names: ['c.example'], validUntil: NOW }),
    pair('early.crt', { names: ['d.example'], validFrom: NOW + DAY_MS }),
  ])
  assert.deepEqual(certificates.problems(), [
    { key: 'soon.crt', reason: 'the certificate expires at 2030-01-21T00:00:00.000Z' },
    { key: 'over.crt', reason: 'the certificate expired at 2030-01-01T00:00:00.000Z' },
    { key: 'early.crt', reason: 'the certificate is not valid before 2030-01-02T00:00:00.000Z' },
    { key: 'rsa.crt', reason: 'not used for a.example: ec.crt is' },
  ])
})

test('one that expires makes room for another of the same name within a minute', t => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.after(() => mock.timers.reset())
  const ec = pair('ec.crt', { validUntil: NOW + HOUR_MS })
  const rsa = pair('rsa.crt', { isElliptic: false })
  const { certificates, setNow, changes } = live(t, [ec, rsa])
  assert.equal(certificates.find('a.example'), ec)
  setNow(NOW + HOUR_MS)
  mock.timers.tick(60_000)
  assert.equal(certificates.find('a.example'), rsa)
  assert.equal(changes(), 1)
  mock.timers.tick(600_000)
  assert.equal(changes(), 1)
})

test('the certificates are shown by their first name', t => {
  const { certificates } = live(t, [pair('a.crt', { names: ['a.example', 'b.example'] })])
  assert.deepEqual(certificates.views(), [
    { name: 'a.example', origin: 'a.crt', validUntil: NOW + 90 * DAY_MS },
  ])
})

test('real files are followed as the sets that belong together', t => {
  const authority = makeAuthority({ after })
  const files = authority.issue('a.example')
  const certificates = new LiveCertificates({
    files: [{ ...files, keyPasswordFile: 'password' }],
    pairs: [readCertificateFiles(files)],
    ...{ default: { origin: undefined }, logger: pino({ level: 'silent' }), onChange: () => {} },
  })
  t.after(() => certificates.close())
  assert.deepEqual(certificates.followed[0]!.paths, [files.cert, files.key, 'password'])
  assert.throws(() => certificates.followed[0]!.readAgain(), /password cannot be read: no such file/)
  assert.ok(readFileSync(files.cert, 'utf8').includes('BEGIN'))
})
