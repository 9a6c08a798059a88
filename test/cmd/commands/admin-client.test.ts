import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { describe, test } from 'node:test'
import { onPath } from '../../support/etcd.ts'
import { type FakeAnswer, refuse, startFakeAdmin } from '../../support/fake-admin.ts'
import { freePort } from '../../support/free-port.ts'
import { until } from '../../support/until.ts'
import { runProgram, startProgram } from '../../support/waygate.ts'

const STATUS = {
  version: '0.1.0',
  name: 'gw:8080',
  pid: 7,
  startedAt: '2026-11-29T20:00:00.000Z',
  ready: true,
  revision: '42',
  source: {
    registry: 'etcd',
    connected: true,
    stale: false,
    ageMs: 300,
    drift: 0,
    relists: {},
    skipped: 0,
    suspects: 0,
    sources: [],
  },
  problems: 0,
  role: 'read',
  features: { tail: true, dashboard: true, traceUrl: null },
}

const problem =
  (status: number, members: object = {}): FakeAnswer =>
  (_request, response) =>
    refuse(response, { status, title: 'x', ...members })

const REFUSALS: readonly {
  readonly what: string
  readonly answers: Readonly<Record<string, FakeAnswer>>
  readonly env?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
  readonly line: RegExp
  readonly code?: number
}[] = [
  {
    what: 'a token that is missing',
    answers: { '/api/v1/status': problem(401, { code: 'WA_TOKEN' }) },
    line: /answered 401: it asks for a token: set WAYGATE_ADMIN_TOKEN$/,
  },
  {
    what: 'a token that is wrong',
    answers: { '/api/v1/status': problem(401, { code: 'WA_TOKEN' }) },
    env: { WAYGATE_ADMIN_TOKEN: 'wrong-token-of-a-test' },
    line: /answered 401: the token in WAYGATE_ADMIN_TOKEN or adminToken is not one of the gateway$/,
  },
  {
    what: 'a role that is not enough',
    answers: { '/api/v1/status': problem(403, { code: 'WA_ROLE', detail: 'this needs the role read' }) },
    line: /answered 403: this needs the role read; a token of another role may be allowed to: set WAYGATE_ADMIN_TOKEN$/,
  },
  {
    what: 'a name that the gateway does not know',
    answers: { '/api/v1/status': problem(421, { detail: 'add the name to admin.hosts' }) },
    line: /answered 421: add the name to admin\.hosts$/,
  },
  {
    what: 'a text that a terminal would obey',
    answers: { '/api/v1/status': problem(400, { code: 'WA_REQUEST', detail: '\u001b]0;x\u0007 \u009b31m' }) },
    line: /answered 400: \ufffd\]0;x\ufffd \ufffd31m$/,
  },
  {
    what: 'an older gateway',
    answers: { '/routes': {} },
    line: /\/api\/v1\/status answered 404: the gateway is older than this command, or something else listens there; use the waygate of its version, or update it$/,
  },
  {
    what: 'a page that is no JSON',
    answers: { '/api/v1/status': (_request, response) => response.end('<html>') },
    line: /something else than a gateway answers at http:\/\/127\.0\.0\.1:\d+: /,
  },
  {
    what: 'silence',
    answers: { '/api/v1/status': () => {} },
    line: /no gateway answers at http:\/\/127\.0\.0\.1:\d+: there was no answer in time; it may be overloaded or stopped$/,
  },
  {
    what: 'a page without an end',
    answers: { '/api/v1/status': (_request, response) => response.write('{') },
    line: /no gateway answers at http:\/\/127\.0\.0\.1:\d+: there was no answer in time; it may be overloaded or stopped$/,
  },
  {
    what: 'the public listener',
    answers: { '/api/v1/status': problem(404, { code: 'WG_NO_ROUTE', detail: 'No route matches.' }) },
    line: /answered 404: it is the public listener of a gateway; --admin must be the URL of its admin listener$/,
  },
  {
    what: 'a redirect',
    answers: {
      '/api/v1/status': (_request, response) => response.writeHead(302, { location: '/login' }).end(),
    },
    line: /answered 302: it redirects to \/login, which is not followed/,
  },
  {
    what: 'a service that is not there',
    args: ['services', 'usr'],
    answers: {
      '/api/v1/services/usr': problem(404, { code: 'WA_NOT_FOUND', detail: 'there is no service usr' }),
    },
    line: /^waygate: there is no service usr$/,
    code: 5,
  },
  {
    what: 'a filter that cannot be read',
    args: ['tail', '--once', 'ms:x'],
    answers: {
      '/api/v1/requests': problem(400, { code: 'WA_QUERY', detail: 'filter: "ms:x" is no number' }),
    },
    line: /^waygate tail: filter: "ms:x" is no number; see waygate tail --help$/,
    code: 2,
  },
  {
    what: 'requests that are not kept',
    args: ['tail'],
    answers: { '/api/v1/live': problem(409, { code: 'WA_TAIL_OFF', detail: 'admin.tail is false' }) },
    line: /answered 409: admin\.tail is false$/,
  },
]

describe('an answer that is not the one asked for', { concurrency: 3 }, () => {
  for (const { what, answers, env, args = ['status'], line, code = 1 } of REFUSALS) {
    test(`${what} gives one line and exit code ${code}`, async t => {
      const { url } = await startFakeAdmin(t, answers)
      const finished = await runProgram({ args, env: { WAYGATE_ADMIN: url, ...env } })
      assert.equal(finished.stdout, '')
      assert.match(finished.stderr, /^waygate\b.*\n$/, 'one line')
      assert.match(finished.stderr.trimEnd(), line)
      assert.equal(finished.code, code)
    })
  }
})

test('the address of the option counts more than that of the environment, which is checked', async t => {
  const { url, asked } = await startFakeAdmin(t, { '/api/v1/status': STATUS })
  const env = { WAYGATE_ADMIN: 'localhost:9180' }
  const chosen = await runProgram({ args: ['status', '-o', 'json', '--admin', url], env })
  assert.deepEqual(JSON.parse(chosen.stdout), STATUS)
  assert.deepEqual(asked, ['/api/v1/status'])
  const { code, stderr } = await runProgram({ args: ['status'], env })
  assert.deepEqual(
    [code, stderr],
    [1, 'waygate: WAYGATE_ADMIN must be an http or https URL, not localhost:9180\n'],
  )
})

test('the link of the page is no address of the option, and its token is not shown', async () => {
  const { code, stderr } = await runProgram({
    args: ['status', '--admin', 'http://127.0.0.1:9180/#token=secret'],
  })
  assert.equal(code, 2)
  assert.match(stderr, /--admin must be a URL without query and fragment/)
  assert.doesNotMatch(stderr, /secret/)
})

test('https in place of http is named', async t => {
  const { url } = await startFakeAdmin(t, { '/api/v1/status': STATUS })
  const { code, stderr } = await runProgram({ args: ['status', '--admin', url.replace('http:', 'https:')] })
  assert.equal(code, 1)
  assert.match(
    stderr,
    /^waygate: no gateway answers at .*: it does not speak TLS; write http:\/\/ in place of https:\/\/\n$/,
  )
})

test('status --wait waits for a gateway that starts and for one that is not ready, and not for a refusal', async t => {
  let ready = false
  let status = 0
  const answer = (_request: unknown, response: ServerResponse) => {
    if (status !== 0) return refuse(response, { status })
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ ...STATUS, ready }))
  }
  const port = await freePort()
  const env = { WAYGATE_ADMIN: `http://127.0.0.1:${port}` }
  await using program = await startProgram({ args: ['status', '--wait', '1m'], env })
  await until('it waits', () => program.stderr().includes('ECONNREFUSED'))
  assert.match(program.stderr(), /^waygate: no gateway answers at .*ECONNREFUSED.*; waiting\n$/)
  const { url } = await startFakeAdmin(t, { '/api/v1/status': answer }, port)
  assert.equal(url, env.WAYGATE_ADMIN)
  const now = await runProgram({ args: ['status'], env })
  assert.equal(now.code, 1)
  assert.match(now.stdout, /^ready +no$/m)
  assert.equal(program.hasExited(), false)
  ready = true
  assert.deepEqual(await program.exited, { code: 0, signal: null })
  assert.match(program.stdout(), /^ready +yes$/m)
  status = 401
  const refused = await runProgram({ args: ['status', '--wait', '1m'], env })
  assert.equal(refused.code, 1)
})

test('a reader that goes away ends a command without an error', async t => {
  if (!onPath('bash')) return t.skip('needs bash on PATH')
  const items = Array.from({ length: 20_000 }, (_, i) => ({
    id: `a${i}`,
    ttlSeconds: 9,
    leftSeconds: 1,
    keys: ['k'.repeat(60)],
  }))
  const { url } = await startFakeAdmin(t, { '/api/v1/leases': { items } })
  await using program = await startProgram({ args: ['leases', '-o', 'json'], env: { WAYGATE_ADMIN: url } })
  program.child.stdout!.once('data', () => program.child.stdout!.destroy())
  const [code] = await once(program.child, 'exit')
  assert.deepEqual([code, program.stderr()], [0, ''])
})

test('the dashboard is a link with the token in its fragment', async t => {
  const { url } = await startFakeAdmin(t, { '/api/v1/status': STATUS })
  const env = { WAYGATE_ADMIN: url }
  assert.equal((await runProgram({ args: ['dashboard'], env })).stdout, `${url}/\n`)
  const token = 'a/token+of=a-test'
  const { stdout } = await runProgram({ args: ['dashboard'], env: { ...env, WAYGATE_ADMIN_TOKEN: token } })
  assert.equal(stdout, `${url}/#token=${encodeURIComponent(token)}\n`)
  const off = await startFakeAdmin(t, {
    '/api/v1/status': { ...STATUS, features: { ...STATUS.features, dashboard: false } },
  })
  const finished = await runProgram({ args: ['dashboard', '--admin', off.url] })
  assert.deepEqual([finished.code, finished.stdout], [1, ''])
  assert.match(finished.stderr, /is switched off: set admin\.dashboard\n$/)
})

test('a health check asks the listener of the configuration, without a token, and says why it fails', async t => {
  let asked: string | undefined
  let status = 200
  const { url } = await startFakeAdmin(t, {
    '/healthz': ({ headers }, response) => {
      asked = String(headers.authorization)
      response.writeHead(status).end('{}')
    },
  })
  const { port } = new URL(url)
  const check = (env: Record<string, string>, ...args: string[]) =>
    runProgram({ args: ['healthcheck', ...args], env })
  const everywhere = {
    WAYGATE_ADMIN_HOST: '0.0.0.0',
    WAYGATE_ADMIN_TOKEN: 'a-token-of-a-test',
    WAYGATE_ADMIN_PORT: port,
  }
  assert.deepEqual([(await check(everywhere)).code, asked], [0, 'undefined'])
  assert.equal((await check({}, '--admin-port', port)).code, 0)
  status = 503
  const sick = await check({ WAYGATE_ADMIN_PORT: port })
  assert.deepEqual([sick.code, sick.stderr], [1, `waygate: ${url}/healthz: answered 503\n`])
  const none = await check({ WAYGATE_ADMIN_PORT: '0' })
  assert.equal(none.code, 1)
  assert.match(none.stderr, /^waygate: adminPort is 0/)
  const away = await check({ WAYGATE_ADMIN_PORT: '1' })
  assert.equal(away.code, 1)
  assert.match(away.stderr, /^waygate: http:\/\/127\.0\.0\.1:1\/healthz: .*ECONNREFUSED.*\n$/)
})
