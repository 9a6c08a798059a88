import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { LiveHealth } from '../../../cmd/gateway/live-health.ts'
import { LiveRules, unusedRules } from '../../../cmd/gateway/service-rules.ts'
import { UpstreamTls } from '../../../cmd/gateway/upstream-tls.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { silentLogger } from '../../../discovery/logger.ts'
import { NodeTable } from '../../../internal/nodes/node-table.ts'
import { Names } from '../../../wrappers/names/names.ts'
import { noTls } from '../../support/node-tls.ts'
import { FakePeer, testNode } from '../../support/peer.ts'
import { grpcRule, testRoute } from '../../support/route.ts'

const { config } = loadConfig({ env: {}, cwd: tmpdir() })
const [UNKNOWN, NOT_FOUND, INTERNAL, UNAVAILABLE, DATA_LOSS] = [2, 5, 13, 14, 15]

test('the statuses of gRPC that open breakers come from the first route that has them, else from the configuration', () => {
  const rules = new LiveRules({ config })
  const byDefault = [UNKNOWN, INTERNAL, UNAVAILABLE, DATA_LOSS]
  assert.deepEqual(rules.circuitOf('user'), { ...config.breaker, grpcFailures: byDefault })
  const routes = [
    testRoute({ id: 'a', breaker: { openMs: 100 } }),
    testRoute({ id: 'b', grpc: grpcRule({ failures: [NOT_FOUND] }) }),
    testRoute({ id: 'c', grpc: grpcRule({ failures: [INTERNAL] }) }),
    testRoute({ id: 'd', service: 'other', breaker: { openMs: 200 } }),
  ]
  rules.update(routes)
  assert.deepEqual(rules.circuitOf('user'), { ...config.breaker, openMs: 100, grpcFailures: [NOT_FOUND] })
  // Breakers ask at every try.
  assert.equal(rules.circuitOf('user'), rules.circuitOf('user'))
  assert.deepEqual(rules.circuitOf('other'), { ...config.breaker, openMs: 200, grpcFailures: byDefault })
  assert.deepEqual(unusedRules(routes), [
    { key: 'c', reason: '$.grpc.failures is not used, because route b sets it too' },
  ])
  rules.update([])
  assert.deepEqual(rules.circuitOf('user'), { ...config.breaker, grpcFailures: byDefault })
})

test('a health check that a node asks for and cannot answer is a problem', () => {
  const nodes = new NodeTable(node => new FakePeer(node))
  const node = (id: string, protocol: string, healthCheck: string) =>
    testNode({ id, protocol, metadata: { healthCheck } })
  nodes.set('user', [
    node('a', 'grpc', 'grpc'),
    node('b', 'grpc', '/up'),
    node('c', 'http', 'grpc'),
    node('d', 'h2c', '/up'),
    node('e', 'h2c', '{"grpc":"a.B"}'),
    node('f', 'grpc', 'tcp'),
    node('g', 'http', 'up'),
    node('h', 'thrift', '/up'),
  ])
  const health = new LiveHealth({
    ...{
      nodes,
      ruleOf: () => undefined,
      fallback: () => undefined,
      allows: () => true,
      logger: silentLogger,
    },
    ...{ names: new Names(), tlsOf: noTls },
  })
  const isGrpc = 'metadata.healthCheck must be `grpc` or `tcp`, because the protocol of the node is gRPC'
  const isNot = 'metadata.healthCheck must be a path or `tcp`, because the protocol of the node is not gRPC'
  assert.deepEqual(health.problems(), [
    { key: 'user/b', reason: isGrpc },
    { key: 'user/c', reason: isNot },
    { key: 'user/e', reason: isNot },
    {
      key: 'user/g',
      reason: 'metadata.healthCheck must be a path, `grpc`, `tcp`, or a health check as JSON',
    },
  ])
})

test('TLS with the nodes of a service is as the route with the first id says, and the same settings as long as that holds', () => {
  const rules = new LiveRules({ config })
  const { tls } = config.upstream
  const ruleOf = (service: string) => rules.of(service).upstreamTls
  const upstreamTls = new UpstreamTls({ config: tls, keys: undefined, ruleOf, logger: silentLogger })
  const routes = () => [
    testRoute({ id: 'a', upstreamTls: { serverName: 'a.example' } }),
    testRoute({ id: 'b', upstreamTls: { serverName: 'b.example', verify: false } }),
  ]
  rules.update(routes())
  const first = upstreamTls.settingsOf('user')
  assert.deepEqual([first.serverName, first.verify, first.hasCertificate], ['a.example', true, false])
  assert.deepEqual(unusedRules(routes()), [
    { key: 'b', reason: '$.upstreamTls is not used, because route a sets it too' },
  ])
  // Another list of the same routes must not cost the sessions.
  rules.update(routes())
  assert.equal(upstreamTls.settingsOf('user'), first)
  rules.update(routes().slice(1))
  const second = upstreamTls.settingsOf('user')
  assert.deepEqual([second.serverName, second.verify], ['b.example', false])
  assert.deepEqual(upstreamTls.settingsOf('other').serverName, undefined)
})
