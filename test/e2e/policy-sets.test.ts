import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEtcdClient } from '../../discovery/etcd/client.ts'
import { requireEtcd, startEtcd } from '../support/etcd.ts'
import { startGatewayHere } from '../support/gateway-here.ts'
import { send } from '../support/http.ts'
import { answer, startNode } from '../support/node-server.ts'
import { until } from '../support/until.ts'

const CHANGES = 40

test('a policy set and a route that are written in one transaction take effect together', async t => {
  if (!requireEtcd(t)) return
  // It tells what the route has set, beside which the gateway puts what the policy set has set.
  const node = await startNode(t, async (socket, request) => {
    await request.whole.catch(() => {})
    socket.write(answer('ok', [`x-route: ${request.header('x-route')}`]))
  })
  await using etcd = await startEtcd()
  const client = createEtcdClient({ endpoints: [etcd.url] })
  t.after(() => client.close())
  await client.put('/services/user/u1').value(JSON.stringify({ ip: '127.0.0.1', port: node.port }))
  const write = (change: number) => {
    const route = { path: '/r', service: 'user', auth: 'none', policies: ['set'] }
    return client
      .if('/none', 'Version', '==', 0)
      .then(
        client
          .put('/waygate/routes/r')
          .value(JSON.stringify({ ...route, requestHeaders: { set: { 'x-route': String(change) } } })),
        client
          .put('/waygate/policies/set')
          .value(JSON.stringify({ responseHeaders: { set: { 'x-set': String(change) } } })),
      )
      .commit()
  }
  await write(0)
  await using gateway = await startGatewayHere({ etcd: etcd.url })
  const seen = new Set<string>()
  const look = async () => {
    const { status, headers } = await send(gateway.port, { path: '/r' })
    const pair = `${status} ${headers['x-route']} ${headers['x-set']}`
    seen.add(pair)
    return pair
  }
  await until('the route is there', async () => (await look()) === '200 0 0')
  seen.clear()
  let isOver = false
  // Requests at any moment between the two halves of a change.
  const clients = Array.from({ length: 24 }, async () => {
    while (!isOver) await look()
  })
  for (let change = 1; change <= CHANGES; change++) {
    await write(change)
    await until(`change ${change} is in force`, () => seen.has(`200 ${change} ${change}`), { everyMs: 5 })
  }
  isOver = true
  await Promise.all(clients)
  const mixed = [...seen].filter(pair => pair.split(' ')[1] !== pair.split(' ')[2])
  assert.deepEqual(mixed, [])
})
