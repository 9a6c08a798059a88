import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { mock, type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { LiveAuthorities } from '../../../cmd/gateway/live-authorities.ts'
import { readClientAuthorities } from '../../../config/keys/tls-keys.ts'
import { makeAuthority } from '../../support/certificates.ts'

const HOUR_MS = 3_600_000
const MADE = Date.parse('2030-01-01T00:00:00Z')
/** Of a list that lives 100 hours. */
const UNTIL = Date.parse('2030-01-05T04:00:00Z')

function setUp(t: TestContext, now: number, hasList = true) {
  const authority = makeAuthority(t)
  const crl = hasList ? authority.listRevoked('20300101000000Z', '20300105040000Z') : undefined
  const files = { ca: authority.ca, crl }
  const lines: Record<string, unknown>[] = []
  const state = { now, changes: 0 }
  mock.timers.enable({ apis: ['setInterval'] })
  t.after(() => mock.timers.reset())
  const authorities = new LiveAuthorities({
    files,
    authorities: readClientAuthorities(files),
    logger: pino({ level: 'debug' }, { write: line => void lines.push(JSON.parse(line)) }),
    onChange: () => void state.changes++,
    now: () => state.now,
  })
  t.after(() => authorities.close())
  return { authority, authorities, state, messages: () => lines.map(({ msg }) => msg), crl }
}

test('a revocation list is warned of once before it expires, and once when it has', t => {
  const { authorities, state, messages, crl } = setUp(t, MADE)
  const at = (time: number) => {
    state.now = time
    mock.timers.tick(60_000)
    mock.timers.tick(60_000)
    return messages()
  }
  assert.deepEqual(at(UNTIL - 6 * HOUR_MS), [])
  assert.deepEqual(authorities.problems(), [])
  assert.deepEqual(at(UNTIL - 5 * HOUR_MS), ['revocation list expires soon'])
  assert.deepEqual(authorities.problems(), [
    { key: crl, reason: 'the revocation list expires at 2030-01-05T04:00:00.000Z' },
  ])
  assert.deepEqual(at(UNTIL), [
    'revocation list expires soon',
    'revocation list has expired; client certificates of its authority are not accepted',
  ])
  assert.equal(authorities.problems()[0]?.reason, 'the revocation list expired at 2030-01-05T04:00:00.000Z')
})

test('a new list is used and warned of anew, unless it has expired and the present one has not', t => {
  const { authority, authorities, state, messages } = setUp(t, UNTIL - HOUR_MS)
  const { present, followed } = authorities
  authority.listRevoked('20300101000000Z', '20300102000000Z')
  assert.throws(() => followed.readAgain(), /the revocation list expired at 2030-01-02T00:00:00\.000Z$/)
  assert.equal(authorities.present, present)
  authority.listRevoked('20300105000000Z', '20300109000000Z')
  followed.readAgain()
  assert.notEqual(authorities.present, present)
  assert.equal(state.changes, 1)
  assert.deepEqual(authorities.problems(), [])
  authority.listRevoked('20300101000000Z', '20300105030001Z')
  followed.readAgain()
  assert.deepEqual(messages(), [
    'revocation list expires soon',
    'authorities of client certificates changed; sessions are no longer resumed',
    'authorities of client certificates changed; sessions are no longer resumed',
    'revocation list expires soon',
  ])
})

test('an authority is warned of 21 days before it expires, and once it has, unless it has a later certificate', t => {
  const now = Date.now()
  const { authority, authorities, state, messages } = setUp(t, now, false)
  const until = new X509Certificate(authority.pem).validToDate.getTime()
  const at = (time: number) => {
    state.now = time
    mock.timers.tick(60_000)
    mock.timers.tick(60_000)
    return messages()
  }
  assert.deepEqual(at(until - 22 * 24 * HOUR_MS), [])
  assert.deepEqual(authorities.problems(), [])
  const soon = 'authority of client certificates expires soon'
  assert.deepEqual(at(until - 21 * 24 * HOUR_MS), [soon])
  const key = authority.ca
  const end = new Date(until).toISOString()
  assert.deepEqual(authorities.problems(), [
    { key, reason: `the authority CN=Test Authority expires at ${end}` },
  ])
  const over = 'authority of client certificates has expired; its certificates are not accepted'
  assert.deepEqual(at(until), [soon, over])
  assert.deepEqual(authorities.problems(), [
    { key, reason: `the authority CN=Test Authority expired at ${end}` },
  ])
  writeFileSync(authority.ca, authority.reissued(7_300) + authority.pem)
  authorities.followed.readAgain()
  assert.deepEqual(authorities.problems(), [])
  assert.equal(at(until + HOUR_MS).filter(each => each === over).length, 1)
})

test('an authority that has expired and is still in the file does not hide the end of another one', t => {
  const { authority, authorities, state, messages } = setUp(t, Date.now(), false)
  writeFileSync(authority.ca, authority.pem + makeAuthority(t, 'Next').reissued(7_300))
  authorities.followed.readAgain()
  state.now += 4_000 * 24 * HOUR_MS
  mock.timers.tick(60_000)
  assert.equal(authorities.problems().length, 1)
  state.now += 3_290 * 24 * HOUR_MS
  mock.timers.tick(60_000)
  assert.deepEqual(messages().slice(1), [
    'authority of client certificates has expired; its certificates are not accepted',
    'authority of client certificates expires soon',
  ])
  assert.match(authorities.problems()[1]!.reason, /^the authority CN=Next expires at /)
})
