import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestGateway } from '../support/gateway.ts'
import { send } from '../support/http.ts'
import { answer, startNode } from '../support/node-server.ts'

const NODES = 12_000

test('the pages of a table with thousands of nodes are whole, capped where they must be, and made in turns', async t => {
  const nodes: Record<string, number> = {}
  for (let i = 0; i < NODES; i++) nodes[`s${i % 20}/n${i}`] = 9
  const { adminPort } = await startTestGateway(t, { nodes })
  let turns = 0
  let isOver = false
  const tick = () => {
    turns++
    if (!isOver) setImmediate(tick)
  }
  tick()
  const page = async (path: string) => {
    turns = 0
    const { text } = await send(adminPort, { path })
    assert.ok(turns > 10, `${path}: ${turns} turns`)
    return text
  }

  const [metrics, second] = await Promise.all([page('/metrics'), page('/metrics')])
  for (const text of [metrics, second]) {
    const lines = text.split('\n').filter(line => /^\w/.test(line))
    assert.ok(lines.length <= 50_000 && lines.length > 45_000, `${lines.length} series`)
    for (const name of ['node_tries_total', 'node_in_flight', 'breaker_state']) {
      assert.match(text, new RegExp(`^waygate_${name}\\{service="other",node="other"\\} 0$`, 'm'))
    }
    assert.match(text, new RegExp(`^waygate_table_nodes ${NODES}$`, 'm'))
    assert.match(text, /^waygate_metrics_overflow 1$/m)
  }
  const { services } = JSON.parse(await page('/services')) as { services: { nodes: unknown[] }[] }
  assert.equal(services.flatMap(({ nodes }) => nodes).length, NODES)
  const { routes } = JSON.parse(await page('/routes')) as { routes: { nodes: unknown[] }[] }
  assert.equal(routes.flatMap(({ nodes }) => nodes).length, NODES)
  isOver = true
})

test('with metrics.labels.node: false, nodes are merged by service and the page has room', async t => {
  const node = await startNode(t, socket => socket.write(answer()))
  const { adminPort, port } = await startTestGateway(t, {
    nodes: { 'user/a': node.port, 'user/b': node.port, 'task/c': 9 },
    document: { metrics: { labels: { node: false } } },
  })
  for (let i = 0; i < 2; i++) assert.equal((await send(port, { path: '/user' })).status, 200)
  const { text } = await send(adminPort, { path: '/metrics' })
  assert.doesNotMatch(text, /node="/)
  assert.match(text, /^waygate_requests_total\{route="auto:user",service="user",status="200"\} 2$/m)
  assert.match(text, /^waygate_node_tries_total\{service="user"\} 2$/m)
  assert.match(text, /^waygate_metrics_overflow 0$/m)
})
