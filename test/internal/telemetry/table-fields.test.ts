import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseFilterOf } from '../../../internal/telemetry/filter.ts'
import {
  type FilteredNode,
  type FilteredRoute,
  NODE_FIELDS,
  ROUTE_FIELDS,
} from '../../../internal/telemetry/table-fields.ts'

const ROUTE: FilteredRoute = {
  ...{ id: 'invoices', origin: 'etcd', path: '/invoices/*', service: 'billing' },
  ...{ methods: ['GET', 'POST'], hosts: ['api.example.com', '*.example.org'] },
  auth: ['api-key', { jwt: { scopes: ['billing:read'] } }],
  ...{ description: 'What is owed', labels: { team: 'money', tier: 'gold' } },
  ...{ policies: ['public'], cors: { origins: ['*'] }, httpsOnly: true, rateLimit: null, hedge: false },
}
const PLAIN: FilteredRoute = {
  ...{ id: 'auto:task', origin: 'auto', path: '/task/*', service: 'task' },
  ...{ methods: null, hosts: null, auth: 'none', description: null, labels: null, policies: null },
}

for (const [filter, ofRoute, ofPlain] of [
  ['method:post', true, false],
  ['method:PUT', false, false],
  ['method:all', false, true],
  ['host:api.example.com', true, false],
  ['host:*.example.org', true, false],
  ['host:all', false, true],
  ['auth:jwt', true, false],
  ['auth:api-key', true, false],
  ['auth:none', false, true],
  ['-auth:none', true, false],
  ['origin:auto', false, true],
  ['policy:cors', true, false],
  ['policy:public', true, false],
  ['policy:httpsOnly', true, false],
  ['policy:rateLimit', false, false],
  ['policy:hedge', false, false],
  ['policy:labels', false, false],
  ['label:team=money', true, false],
  ['label:team=*', true, false],
  ['label:team', true, false],
  ['label:team=other', false, false],
  ['description:*owed', true, false],
  ['owed', true, false],
  ['gold', true, false],
  ['example.com', true, false],
  ['service:billing method:GET label:tier=gold', true, false],
  ['task', false, true],
] as const) {
  test(`of routes, "${filter}" fits ${ofRoute ? 'the one with rules' : ofPlain ? 'the plain one' : 'none'}`, () => {
    const fits = parseFilterOf(ROUTE_FIELDS, filter)
    assert.deepEqual([fits(ROUTE), fits(PLAIN)], [ofRoute, ofPlain])
  })
}

const NODE: FilteredNode = {
  ...{ service: 'user', id: 'n1:80', address: '10.0.0.7:80', weight: 3, metadata: { zone: 'b' } },
  ...{ state: 'down', breaker: 'open', health: 'unhealthy', inFlight: 2, requests: 10, failures: 4 },
}

test('nodes are filtered by where they are, how they are, and what they had to do', () => {
  const fits = (filter: string) => parseFilterOf(NODE_FIELDS, filter)(NODE)
  for (const filter of [
    ...['service:user', 'node:n1*', 'state:down breaker:open health:unhealthy', 'meta:zone=b', 'meta:zone'],
    ...['weight>=3', 'inflight>1', 'failures>3 requests<11', 'protocol:http', 'address:10.0.*', 'n1:80'],
  ])
    assert.equal(fits(filter), true, filter)
  for (const filter of ['service:use', 'state:up', 'weight>3', 'meta:zone=a', '-node:n1*', 'protocol:grpc'])
    assert.equal(fits(filter), false, filter)
})

test('a field that rows of this kind do not have is refused with those that they have', () => {
  assert.throws(
    () => parseFilterOf(ROUTE_FIELDS, 'user status:5xx'),
    /^TypeError: word 2, "status:5xx": there is no field "status"; the fields are route, path, .*label/,
  )
  assert.throws(() => parseFilterOf(NODE_FIELDS, 'weight:3'), /"weight:3": write >/)
})
