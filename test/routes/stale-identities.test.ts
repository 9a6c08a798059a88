import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestGateway, token } from '../support/gateway.ts'
import { send } from '../support/http.ts'
import { answer, startNode } from '../support/node-server.ts'

test('an old answer goes to the subject it was made for and to nobody else', async t => {
  const node = await startNode(t, (socket, request) =>
    socket.write(answer(`for ${request.header('x-user-id')}`)),
  )
  const { port } = await startTestGateway(t, {
    withKey: true,
    nodes: { 'user/u1': node.port },
    routes: { r: { path: '/mine', service: 'user', fallback: { stale: true } } },
  })
  const ask = async (claims: object) => {
    const headers = { Authorization: `Bearer ${token(claims)}` }
    const { status, text, headers: got } = await send(port, { path: '/mine', headers })
    return [status, status === 200 ? text : '', got['x-waygate-fallback']]
  }
  for (const sub of ['ann', 'bob']) assert.deepEqual(await ask({ sub }), [200, `for ${sub}`, undefined])
  await node.close()
  for (const sub of ['ann', 'bob'])
    assert.deepEqual(await ask({ sub, jti: 'another' }), [200, `for ${sub}`, '1'])
  assert.deepEqual(await ask({ sub: 'eve' }), [502, '', undefined])
  assert.deepEqual(await ask({ sub: 'ann', roles: ['admin'] }), [502, '', undefined])
  // No token is still no entry.
  assert.equal((await send(port, { path: '/mine' })).status, 401)
})
