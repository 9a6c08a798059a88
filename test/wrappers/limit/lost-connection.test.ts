import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestGateway } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { askHttp2, openHttp2 } from '../../support/http2-client.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { until } from '../../support/until.ts'

test('a connection of HTTP/2 that breaks frees the slots of all of its requests, waiting ones included', async t => {
  const node = await startNode(t, (socket, request) => {
    if (request.target === '/later') socket.write(answer())
  })
  const { port, adminPort } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    routes: {
      r: {
        path: '/*',
        service: 'user',
        auth: 'none',
        serviceLimit: { concurrent: 1, queue: 5, queueMs: 20_000 },
      },
    },
  })
  const session = openHttp2(t, port)
  const lost = ['/a', '/b', '/c'].map(path => askHttp2(session, { ':path': path }))
  await node.received(1)
  const waiting = async () => {
    const { body } = await send(adminPort, { path: '/services' })
    return /"queued": ?2\b/.test(body.toString())
  }
  await until('two wait', waiting)
  session.destroy()
  await Promise.all(lost)
  const { status } = await send(port, { path: '/later' })
  assert.equal(status, 200)
})
