import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { readRouteDocument } from '../../../config/route/read-route-document.ts'
import { makeAuthority } from '../../support/certificates.ts'

const authority = makeAuthority({ after })

function read(upstreamTls: unknown) {
  const { problems, warnings } = readRouteDocument({ path: '/a', service: 'a', upstreamTls })
  const show = ({ path, message }: { path: readonly unknown[]; message: string }) =>
    `${path.join('.')}: ${message}`
  return { problems: problems.map(show), warnings: warnings.map(show) }
}

test('names and addresses are server names, and nothing else is', () => {
  for (const serverName of ['orders.example', 'orders', 'a_b.example', '10.0.0.1', '::1'])
    assert.deepEqual(read({ serverName }).problems, [], serverName)
  for (const serverName of [
    'orders.example:443',
    'https://orders.example',
    '[::1]',
    '*.example',
    'a b',
    'a..b',
  ]) {
    const expected = 'upstreamTls.serverName: must be a host name without port, or an IP address'
    assert.deepEqual(read({ serverName }).problems, [expected], serverName)
  }
})

test('an authority is PEM text with whole certificates', () => {
  assert.deepEqual(read({ ca: authority.pem + authority.pem }).problems, [])
  assert.deepEqual(read({ ca: '/etc/ca.pem' }).problems, [
    'upstreamTls.ca: does not hold a certificate in PEM',
  ])
})

test('a document that turns verification off is used with a warning', () => {
  assert.deepEqual(read({ verify: true }).warnings, [])
  const { problems, warnings } = read({ verify: false })
  assert.deepEqual(problems, [])
  assert.deepEqual(warnings, ['upstreamTls.verify: is false: the certificates of the nodes are not verified'])
})
