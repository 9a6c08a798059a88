import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRule } from './parse-rule.ts'

function reasonOf(rule: unknown): string | undefined {
  const parsed = parseRule('mirror', rule)
  return 'reason' in parsed ? parsed.reason : undefined
}

test('a mirror names a service, and its other members are bounded', () => {
  const service = 'next'
  for (const rule of [
    { service },
    { service, nodes: { version: '2.1.0', meta: { zone: 'b' } } },
    { service, percent: 0.01, methods: ['POST'], body: false, maxBodyBytes: 1_048_576 },
    { service, percent: 99.99, timeoutMs: 60_000, maxInFlight: 10_000, credentials: true },
    {
      service,
      headers: { set: { authorization: 'Bearer x', 'x-tenant': '{claim.tenant|none}' }, remove: ['x-a*'] },
    },
  ]) {
    assert.equal(reasonOf(rule), undefined, JSON.stringify(rule))
  }
  for (const [rule, reason] of [
    [{}, /^\$\.mirror\.service: is missing/],
    [{ service: 'a b' }, /^\$\.mirror\.service: must be /],
    [{ service, nodes: {} }, /^\$\.mirror\.nodes: must not have fewer than 1 properties/],
    [
      { service, nodes: { version: '1', meta: { version: '2' } } },
      /^\$\.mirror\.nodes\.meta\.version: must not be there/,
    ],
    [{ service, percent: 101 }, /^\$\.mirror\.percent: must be <= 100/],
    [{ service, percent: 0.005 }, /^\$\.mirror\.percent: must be in steps of 0\.01, not 0\.005/],
    [{ service, methods: [] }, /^\$\.mirror\.methods: must not be empty/],
    [{ service, methods: ['post'] }, /^\$\.mirror\.methods\[0\]: must be a method name in upper case/],
    [{ service, maxBodyBytes: 1_048_577 }, /^\$\.mirror\.maxBodyBytes: must be <= 1048576/],
    [{ service, maxInFlight: 0 }, /^\$\.mirror\.maxInFlight: must be >= 1/],
    [{ service, timeoutMs: 0 }, /^\$\.mirror\.timeoutMs: must be >= 1/],
    [{ service, headers: { set: { host: 'a' } } }, /^\$\.mirror\.headers\.set\.host: must not be set/],
    [
      { service, headers: { set: { 'x-waygate-mirror': '2' } } },
      /^\$\.mirror\.headers\.set\["x-waygate-mirror"\]: must not be set/,
    ],
    [{ service, headers: { set: { a: '{node.id}' } } }, /^\$\.mirror\.headers\.set\.a: has \{node\.id\}/],
    [{ service, headers: { add: {} } }, /^\$\.mirror\.headers\.add: is not a known field/],
  ] as const) {
    assert.match(reasonOf(rule) ?? 'accepted', reason, JSON.stringify(rule))
  }
})
