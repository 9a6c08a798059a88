import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { ApiProblem } from '../../../routes/admin/api-errors.ts'
import { startAdmin } from '../../support/api-pages.ts'
import { send } from '../../support/http.ts'
import { until } from '../../support/until.ts'

const HOSTS = ['localhost:9180', 'evil.example'] as const
const ORIGINS = [undefined, 'own', 'https://evil.example'] as const
const SITES = [undefined, 'same-origin', 'same-site', 'cross-site'] as const
/** `wrong` is no token that is known. */
const TOKENS = [undefined, 'wrong', 'metrics', 'read', 'operate'] as const
const REQUESTS = [
  { method: 'GET', path: '/metrics' },
  { method: 'GET', path: '/routes' },
  { method: 'GET', path: '/api/v1/status' },
  { method: 'GET', path: '/api/v1/live' },
  { method: 'POST', path: '/api/v1/explain', type: 'application/json' },
  { method: 'POST', path: '/api/v1/explain', type: 'text/plain' },
  { method: 'POST', path: '/api/v1/check', type: 'application/x-www-form-urlencoded' },
  { method: 'GET', path: '/api/v1/explain' },
  { method: 'DELETE', path: '/api/v1/routes/user' },
] as const

const BODY = JSON.stringify({ url: '/user/1' })

test('no cross-site, rebound, tokenless or under-privileged request reads or changes anything', async t => {
  const roles = ['metrics', 'read', 'operate'] as const
  const tokens = Object.fromEntries(
    roles.map(role => [role, { sha256: hash('sha256', `${role}-token`), role }]),
  )
  const open = await startAdmin(t)
  const guarded = await startAdmin(t, { tokens })
  const everywhere = HOSTS.flatMap(host =>
    ORIGINS.flatMap(origin => SITES.map(site => ({ host, origin, site, token: undefined }))),
  )
  // With a token, none of these counts.
  const withTokens = TOKENS.flatMap(token => [
    { host: 'localhost', origin: undefined, site: undefined, token },
    { host: 'evil.example', origin: 'https://evil.example', site: 'cross-site', token },
  ])
  const places = [
    ...everywhere.map(from => ({ ...from, hasTokens: false })),
    ...withTokens.map(from => ({ ...from, hasTokens: true })),
  ]
  for (const { hasTokens, token, host, origin, site } of places) {
    const { port, fake } = hasTokens ? guarded : open
    for (const { method, path, ...rest } of REQUESTS) {
      const type = 'type' in rest ? rest.type : undefined
      fake.asked.length = 0
      const got = await head(port, {
        ...{ method, path },
        headers: {
          host,
          ...(origin && { origin: origin === 'own' ? `http://${host}` : origin }),
          ...(site && { 'sec-fetch-site': site }),
          ...(token && { authorization: `Bearer ${token}-token` }),
          ...(type && { 'content-type': type }),
        },
      })
      const of = { hasTokens, token, host, origin, site, method, path, type }
      const expected = expectedStatus(of)
      assert.equal(got.status, expected, `${JSON.stringify(of)}: ${got.text}`)
      assert.equal(got.headers['access-control-allow-origin'], undefined)
      if (expected < 400) continue
      assert.match(got.text, /"code":"WA_\w+"/)
      assert.deepEqual(fake.asked, [])
      assert.equal(fake.listeners.size, 0)
    }
  }
  assert.ok(places.length * REQUESTS.length > 40)
})

/** The rules in their order, as the documentation has them. */
function expectedStatus(of: {
  readonly hasTokens: boolean
  readonly token: string | undefined
  readonly host: string
  readonly origin: string | undefined
  readonly site: string | undefined
  readonly method: string
  readonly path: string
  readonly type: string | undefined
}): number {
  const { hasTokens, token, host, origin, site, method, path, type } = of
  if (hasTokens) {
    if (token === undefined || token === 'wrong') return 401
    if (token === 'metrics' && path !== '/metrics') return 403
  } else {
    if (host === 'evil.example') return 421
    if (site === 'same-site' || site === 'cross-site') return 403
    if (origin !== undefined && origin !== 'own') return 403
  }
  if (path === '/api/v1/explain' && method === 'GET') return 405
  if (method === 'DELETE') return 405
  if (method === 'POST' && type !== 'application/json') return 415
  return 200
}

/** Sends a request, and goes away once the head of the answer is here: the stream does not end. */
async function head(
  port: number,
  request: { method: string; path: string; headers: Record<string, string> },
) {
  if (request.path !== '/api/v1/live')
    return send(port, { ...request, ...(request.method === 'POST' && { body: BODY }) })
  const { get } = await import('node:http')
  return new Promise<{ status: number; text: string; headers: Record<string, unknown> }>(
    (resolve, reject) => {
      const sent = get(
        { host: '127.0.0.1', port, path: request.path, headers: request.headers, agent: false },
        answer => {
          if (answer.statusCode === 200) {
            answer.destroy()
            resolve({ status: 200, text: '', headers: answer.headers })
            return
          }
          let text = ''
          answer.on('data', piece => (text += piece))
          answer.on('end', () => resolve({ status: answer.statusCode!, text, headers: answer.headers }))
        },
      )
      sent.on('error', reject)
    },
  )
}

test('the probes and, with tokens, the page are for everyone; without tokens, a foreign page does not get the page', async t => {
  const open = await startAdmin(t)
  const guarded = await startAdmin(t, { token: 'secret' })
  const foreign = { host: 'evil.example', 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
  for (const path of ['/healthz', '/readyz']) {
    assert.equal((await open.ask(path, foreign)).status, 200)
    assert.equal((await guarded.ask(path, foreign)).status, 200)
  }
  for (const path of ['/ui/none.js', '/ui/../routes', '/ui/%2e%2e/routes']) {
    assert.equal((await guarded.ask(path, foreign)).status, 404, path)
    assert.equal((await open.ask(path, foreign)).status, 421, path)
  }
  for (const path of ['/uix', '/ui', '/x/ui/', '//ui/'])
    assert.equal((await guarded.ask(path)).status, 401, path)
})

test('every token of the configuration is known, each with its role', async t => {
  const { ask } = await startAdmin(t, {
    token: 'of-the-file',
    tokens: {
      anna: { sha256: hash('sha256', 'of-anna'), role: 'operate' },
      prometheus: { sha256: hash('sha256', 'of-prometheus'), role: 'metrics' },
    },
  })
  const roleOf = async (authorization: string) => {
    const answer = await ask('/api/v1/status', { authorization })
    return answer.status === 200 ? answer.json().role : (answer.json() as unknown as ApiProblem).code
  }
  assert.equal(await roleOf('Bearer of-the-file'), 'read')
  assert.equal(await roleOf('bearer of-anna'), 'operate')
  assert.equal(await roleOf('Bearer of-prometheus'), 'WA_ROLE')
  for (const wrong of [hash('sha256', 'of-anna'), 'of-ann', 'of-annaa', 'OF-ANNA', 'of-anna of-anna', '']) {
    assert.equal(await roleOf(`Bearer ${wrong}`), 'WA_TOKEN', wrong)
  }
  assert.equal(await roleOf('Basic of-anna'), 'WA_TOKEN')
  assert.equal((await ask('/metrics', { authorization: 'Bearer of-prometheus' })).status, 200)
  assert.equal((await ask('/metrics?x=1', { authorization: 'Bearer of-prometheus' })).status, 200)
})

test('a request that is never finished ends with its connection, also without a token', async t => {
  const { port } = await startAdmin(t, { token: 'secret', patienceMs: 100 })
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.resume().on('error', () => {})
  socket.write('POST /api/v1/explain HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{')
  await once(socket, 'close')
})

test('an answer of which nothing is read ends with its connection', async t => {
  const { fake, admin, port } = await startAdmin(t, { patienceMs: 100 })
  fake.pages.metrics = async () => Array.from({ length: 64 }, () => 'x'.repeat(1_024 * 1_024))
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  const accepted = once(admin.server, 'connection')
  socket.on('error', () => {})
  socket.write('GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n')
  const [served] = await accepted
  await once(served, 'close')
  assert.equal(served.bytesRead > 0, true)
})

test('connections beyond the limit are closed, until others have ended', async t => {
  const { admin, port, ask } = await startAdmin(t, { token: 'secret', maxConnections: 2 })
  const open = async () => {
    const socket = connect(port, '127.0.0.1')
    t.after(() => socket.destroy())
    socket.resume().on('error', () => {})
    await once(socket, 'connect')
    return socket
  }
  const held = [await open(), await open()]
  await until(
    'both are accepted',
    () => new Promise(resolve => admin.server.getConnections((_, n) => resolve(n === 2))),
  )
  await once(await open(), 'close')
  held[0]!.destroy()
  await until(
    'there is room again',
    async () => (await ask('/healthz').catch(() => undefined))?.status === 200,
  )
})
