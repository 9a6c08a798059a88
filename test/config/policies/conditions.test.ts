import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toReason } from '../../../config/kit/problem.ts'
import { Type } from '../../../config/kit/type.ts'
import { findProblems } from '../../../config/kit/validate.ts'
import { findMatchProblems, MATCH_FIELDS } from '../../../config/policies/conditions.ts'

const SCHEMA = Type.Object(MATCH_FIELDS, { additionalProperties: false })

function reasonOf(rule: unknown): string {
  return toReason([
    ...findProblems(SCHEMA, rule),
    ...findMatchProblems(rule, { identityHeaders: ['x-user-id', 'x-roles'] }),
  ])
}

test('condition: what is well written has no problem', () => {
  for (const rule of [
    { headers: { 'X-Api-Version': '2', authorization: { prefix: 'Bearer ' }, x_a: { present: false } } },
    {
      query: { 'a b': { in: ['1', '2'], not: true } },
      cookies: { beta: { regex: '[01]', ignoreCase: true } },
    },
    { clients: ['10.0.0.0/8', '::1'] },
    { headers: { a: { exact: '' } } },
  ])
    assert.equal(reasonOf(rule), '', JSON.stringify(rule))
})

test('condition: a mistake is refused with its place and its cure', () => {
  const many = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`n${i}`, '1']))
  const cases: readonly [rule: unknown, reason: RegExp][] = [
    [{ headers: { a: {} } }, /\$\.headers\.a: must/],
    [{ headers: { a: { not: true } } }, /\$\.headers\.a: must have one of exact, prefix/],
    [{ headers: { a: { exact: '1', prefix: '2' } } }, /\$\.headers\.a: must have only one of exact, prefix/],
    [{ headers: { a: { exat: '1' } } }, /\$\.headers\.a\.exat: is not a known field.*exact/],
    [{ headers: { a: { present: true, ignoreCase: true } } }, /\$\.headers\.a\.ignoreCase: means nothing/],
    [{ headers: { a: 1 } }, /\$\.headers\.a: must be/],
    [{ headers: { a: { prefix: '' } } }, /\$\.headers\.a\.prefix: must not be empty/],
    [{ headers: { a: { in: [] } } }, /\$\.headers\.a\.in: must not be empty/],
    [{ headers: {} }, /\$\.headers: must/],
    [{ headers: { 'a b': '1' } }, /\$\.headers\["a b"\]: is not a valid header name/],
    [{ headers: { 'X-A': '1', 'x-a': '2' } }, /\$\.headers\["x-a"\]: is there twice, in another case/],
    [{ cookies: { 'a=b': '1' } }, /\$\.cookies\["a=b"\]: is not a valid cookie name/],
    [
      { query: { q: { regex: '(a' } } },
      /\$\.query\.q\.regex: is not a regular expression of RE2 syntax: .*\(a/,
    ],
    [{ query: { q: { regex: '(?=a)' } } }, /\$\.query\.q\.regex: .*\(\?=/],
    [{ query: { q: { regex: '(((a{100}){100}){100})' } } }, /\$\.query\.q\.regex: is too complex/],
    [{ query: { q: { regex: 'a'.repeat(257) } } }, /\$\.query\.q\.regex: must not have more than 256/],
    [{ clients: ['10.0.0.1/8'] }, /\$\.clients\[0\]: has bits set beyond \/8/],
    [{ clients: ['example.org'] }, /\$\.clients\[0\]: must be an IP address or a CIDR range/],
    [{ clients: [] }, /\$\.clients: must not be empty/],
    [{ query: many, cookies: many }, /\$: must have at most 16 conditions/],
  ]
  for (const [rule, reason] of cases) assert.match(reasonOf(rule), reason, JSON.stringify(rule))
})

test('condition: no header may be asked for that clients have no say in', () => {
  const names = [
    ...['host', 'connection', 'keep-alive', 'te', 'upgrade', 'transfer-encoding', 'content-length', 'expect'],
    ...[
      'forwarded',
      'x-forwarded-for',
      'X-Forwarded-Anything',
      'x_forwarded_for',
      'x-real-ip',
      'x-request-id',
    ],
    ...['x-user-id', 'X-Roles', 'x-waygate-route', 'x-client-cert-subject', 'client-cert', 'cookie'],
    ...['proxy-authorization', 'sec-websocket-key', 'http2-settings'],
  ]
  for (const name of names)
    assert.match(reasonOf({ headers: { [name]: '1' } }), /must not be asked for/, name)
  assert.match(reasonOf({ headers: { host: 'a' } }), /use hosts/)
  assert.match(reasonOf({ headers: { 'x-forwarded-for': '1.1.1.1' } }), /use clients/)
})
