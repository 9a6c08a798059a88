import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { startTestGateway, token } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { until } from '../../support/until.ts'

test('a stale answer is given only to the subject it was made for', async t => {
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
  // Without a token, the request is still refused.
  assert.equal((await send(port, { path: '/mine' })).status, 401)
})

test('answers to requests with an unchecked Authorization header are not kept, since it may identify someone', async t => {
  const node = await startNode(t, (socket, request) =>
    socket.write(answer(`for ${request.header('x-user-id')}, ${request.header('authorization')}`)),
  )
  const [key, sha256] = ['wg_key', hash('sha256', 'wg_key', 'hex')]
  const { port, registry } = await startTestGateway(t, {
    withKey: true,
    document: { apiKeys: { enabled: true }, jwt: { cookie: 'session' } },
    nodes: { 'user/u1': node.port },
    routes: {
      r: { path: '/mine', service: 'user', auth: ['jwt', 'api-key'], fallback: { stale: true } },
      k: { path: '/key', service: 'user', auth: 'api-key', fallback: { stale: true } },
    },
  })
  registry.putEntry('api-keys', {
    kind: 'api-key',
    key: `/k/${sha256}`,
    hash: sha256,
    document: { owner: 'acme' },
  })
  const ask = async (headers: Readonly<Record<string, string>>, path = '/mine') => {
    const { status, text } = await send(port, { path, headers })
    return [status, status === 200 ? text : '']
  }
  const byKey = { 'x-api-key': key }
  const session = { cookie: `session=${token()}` }
  const others = [
    ['/key', { ...byKey, authorization: 'Basic YTpi' }],
    ['/key', { ...byKey, authorization: 'Bearer a.b.c' }],
    ['/mine', { ...session, authorization: 'Basic YTpi' }],
  ] as const
  await until('the key is known', async () => (await ask(byKey))[0] === 200)
  assert.deepEqual(await ask(byKey), [200, 'for acme, undefined'])
  assert.deepEqual(await ask(session), [200, 'for u1, undefined'])
  for (const [path, headers] of others) assert.equal((await ask(headers, path))[0], 200)
  await node.close()
  // On a route that accepts tokens too, it is removed when the API key is accepted, so the answer depends on the key only.
  assert.deepEqual(await ask({ ...byKey, authorization: 'Bearer a.b.c' }), [200, 'for acme, undefined'])
  assert.deepEqual(await ask(session), [200, 'for u1, undefined'])
  for (const [path, headers] of others) {
    assert.deepEqual(await ask(headers, path), [502, ''], `${path} ${JSON.stringify(headers)}`)
  }
})
