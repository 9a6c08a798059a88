import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readRouteDocument } from '../../../config/route/read-route-document.ts'
import type { Route } from '../../../internal/routing/route.ts'
import { parseRule } from '../policies/parse-rule.ts'

function reasonOf(match: unknown, more: object = {}): string {
  const { problems } = readRouteDocument({ path: '/a', service: 's', match, ...more })
  return problems.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
}

function closedBy(fields: object): Route | undefined {
  const parsed = parseRule('timeoutMs', 'soon', {}, fields)
  assert.ok('reason' in parsed)
  return parsed.closed
}

test('match: one object and a list of objects are read alike, and kept frozen', () => {
  for (const match of [{ headers: { a: '1' } }, [{ headers: { a: '1' } }]]) {
    const parsed = parseRule('match', match)
    assert.ok('route' in parsed)
    assert.deepEqual(parsed.route.match, [{ headers: { a: '1' } }])
    assert.ok(Object.isFrozen(parsed.route.match![0]!.headers))
  }
})

test('match: a mistake is refused with its place and its cure', () => {
  const rule = { headers: { a: '1' } }
  assert.equal(reasonOf(rule), '')
  assert.equal(reasonOf([rule, { clients: ['10.0.0.0/8'] }], { whenUnmatched: 'refuse' }), '')
  assert.match(reasonOf({}), /^match: must/)
  assert.match(reasonOf([]), /^match: must not be empty/)
  assert.match(reasonOf(Array(17).fill(rule)), /^match: must not have more than 16 items/)
  assert.match(reasonOf({ header: { a: '1' } }), /^match\.header: is not a known field.*headers/)
  assert.match(reasonOf({ claims: { a: '1' } }), /^match\.claims: is not a known field/)
  assert.match(reasonOf([rule, { clients: ['10.0.0.1/8'] }]), /^match\.1\.clients\.0: has bits set/)
  assert.match(reasonOf([rule, { headers: { A: '1', a: '1' } }]), /^match\.1\.headers\.a: is there twice/)
  assert.match(
    reasonOf(rule, { whenUnmatched: 'refsue' }),
    /^whenUnmatched: must be "next" or "refuse".*mean "refuse"/,
  )
  assert.equal(reasonOf(undefined, { whenUnmatched: 'refuse' }), 'whenUnmatched: means nothing without match')
})

test('match: a document with as many conditions as there may be is read in bounded time, and has at most 16 patterns', () => {
  const conditions = (make: (i: number, j: number) => unknown) =>
    Array.from({ length: 16 }, (_, i) => ({
      headers: Object.fromEntries(Array.from({ length: 16 }, (_, j) => [`h${j}`, make(i, j)])),
    }))
  const began = process.cpuUsage()
  assert.equal(reasonOf(conditions(() => ({ prefix: 'x'.repeat(960) }))), '')
  assert.match(
    reasonOf(conditions((i, j) => ({ regex: `a${i}.${j}` }))),
    /^match: must have at most 16 regular/,
  )
  const worst = (i: number) => ({ regex: `(\\pL?\\pN?\\PL?x){${60 + i}}` })
  assert.match(reasonOf(conditions((i, j) => (j === 0 ? worst(i) : 'x'))), /too complex/)
  const { user, system } = process.cpuUsage(began)
  assert.ok(user + system < 5_000_000, `${(user + system) / 1_000} ms`)
})

test('match: a document that is broken elsewhere is closed with its conditions', () => {
  const match = { headers: { v: '1' } }
  const closed = closedBy({ match, whenUnmatched: 'next', priority: 3 })
  assert.deepEqual([closed?.match, closed?.whenUnmatched, closed?.priority], [[match], 'next', 3])
})

test('match: a document whose conditions cannot be read is closed without, behind all others of its path', () => {
  for (const match of ['v=1', {}, { headers: { v: { regex: '(' } } }, { clients: ['10.0.0.1/8'] }]) {
    const closed = closedBy({ match, priority: 3 })
    assert.ok(closed?.isBroken)
    assert.equal(closed.match, undefined)
    assert.ok(closed.priority < -1_000_000, 'no document may have a lower one')
  }
  const closed = closedBy({ match: { headers: { v: '1' } }, whenUnmatched: 'refsue' })
  assert.deepEqual([closed?.match?.length, closed?.whenUnmatched], [1, 'refuse'])
})
