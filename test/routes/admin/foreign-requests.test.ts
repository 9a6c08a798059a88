import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startTestGateway } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'

const PAGES = ['/routes', '/services', '/metrics', '/nothing']
const PROBES = ['/healthz', '/readyz']

/** Starts a gateway, and returns how a request to its admin listener with these headers is answered. */
async function setUp(t: TestContext, document: object = {}) {
  const { adminPort } = await startTestGateway(t, { document })
  return async (path: string, headers: Record<string, string>) => {
    const { status, json } = await send(adminPort, { path, headers })
    return { status, body: status < 400 ? undefined : (json() as Record<string, unknown>) }
  }
}

test('a name that is not ours is refused on every page, with the cure, since a web page may have made it resolve to us', async t => {
  const ask = await setUp(t)
  for (const host of [
    'evil.example',
    'evil.example:9180',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'notlocalhost',
    '127.1',
    '2130706433',
    '[::1',
    '[localhost]',
    'localhost@evil.example',
    'localhost/..',
  ]) {
    for (const path of PAGES) {
      const { status, body } = await ask(path, { host })
      assert.equal(status, 421, `${path} for ${JSON.stringify(host)}`)
      assert.match(String(body!.detail), /admin\.hosts/)
    }
    for (const path of PROBES) assert.equal((await ask(path, { host })).status, 200, `${path} for ${host}`)
  }
})

test('addresses, localhost and configured names are answered, with any port and in any case', async t => {
  const ask = await setUp(t, { admin: { hosts: ['gateway.internal', 'Other.Example.'] } })
  for (const host of [
    'localhost',
    'LOCALHOST:1',
    'localhost.:9180',
    'waygate.localhost:9180',
    '127.0.0.1',
    '127.0.0.1:9180',
    '10.0.0.7:80',
    '[::1]:9180',
    '[::1]',
    '[fe80::1]:1',
    'gateway.internal:9180',
    'GATEWAY.internal.',
    'other.example',
  ]) {
    for (const path of ['/routes', '/services', '/metrics']) {
      assert.equal((await ask(path, { host })).status, 200, `${path} for ${host}`)
    }
  }
})

test('requests of web pages of other origins are refused, those of the own origin and of scripts are not', async t => {
  const ask = await setUp(t)
  const host = 'localhost:9180'
  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    { origin: 'http://localhost:8080' },
    { origin: 'null' },
    { origin: 'http://localhost:9180', 'sec-fetch-site': 'cross-site' },
  ]) {
    assert.equal((await ask('/routes', { host, ...headers })).status, 403, JSON.stringify(headers))
    assert.equal((await ask('/healthz', { host, ...headers })).status, 200)
  }
  for (const headers of [
    {},
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'same-origin' },
    { origin: 'http://localhost:9180' },
  ]) {
    assert.equal((await ask('/routes', { host, ...headers })).status, 200, JSON.stringify(headers))
  }
})

test('a request with the token may name any host, because no web page of somebody else has the token', async t => {
  const ask = await setUp(t, { adminToken: 'secret' })
  const headers = { host: 'waygate.svc.cluster.local', 'sec-fetch-site': 'cross-site' }
  assert.equal((await ask('/metrics', { ...headers, authorization: 'Bearer secret' })).status, 200)
  assert.equal((await ask('/metrics', { ...headers, authorization: 'Bearer other' })).status, 401)
  assert.equal((await ask('/metrics', headers)).status, 401)
})
