import assert from 'node:assert/strict'
import { registerHooks } from 'node:module'
import { test } from 'node:test'
import { startJsonGateway } from '../support/json-gateway.ts'
import { until } from '../support/until.ts'

test('the table is followed when the code for JSON cannot be loaded, and the next gRPC node tries again', async t => {
  // As after an update that has replaced the files of the program while it runs.
  let isGone = true
  const hooks = registerHooks({
    load(url, context, next) {
      if (isGone && url.endsWith('/cmd/gateway/grpc-json.ts')) throw new Error('no such file')
      return next(url, context)
    },
  })
  t.after(() => hooks.deregister())
  const gateway = await startJsonGateway(t)
  const said = gateway.log.filter(({ msg }) => msg === 'JSON in front of gRPC cannot be loaded')
  assert.equal(said.length, 1)
  await gateway.registry.register({ service: 'web', id: 'w1', host: '127.0.0.1', port: 9 })
  await until('the table has the node of HTTP', () => gateway.gateway.nodeCount() === 2)

  isGone = false
  await gateway.registry.register({
    service: 'other',
    id: 'o1',
    host: '127.0.0.1',
    port: 9,
    protocol: 'grpc',
  })
  await until('the first service takes JSON', async () => {
    const { status } = await gateway.ask('POST', '/task/GetTask', { id: 7 })
    return status === 200
  })
})
