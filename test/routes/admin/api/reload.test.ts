import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { ReloadRefused } from '../../../../routes/admin/reload-types.ts'
import { startAdmin } from '../../../support/api-pages.ts'
import { send } from '../../../support/http.ts'
import { type ApiDocument, answerChecker } from '../../../support/openapi.ts'

const PATH = '/api/v1/reload'
const tokens = {
  ci: { sha256: hash('sha256', 'operate'), role: 'operate' },
  page: { sha256: hash('sha256', 'read'), role: 'read' },
  prometheus: { sha256: hash('sha256', 'metrics'), role: 'metrics' },
} as const

const post = (port: number, path: string, token?: string) =>
  send(port, {
    ...{ method: 'POST', path },
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  })

test('only a token of the role operate reloads, or tries', async t => {
  const { fake, port } = await startAdmin(t, { tokens })
  for (const [token, status] of [
    [undefined, 401],
    ['metrics', 403],
    ['read', 403],
  ] as const) {
    for (const path of [PATH, `${PATH}?dryRun=1`])
      assert.equal((await post(port, path, token)).status, status)
  }
  assert.deepEqual(fake.asked, [])
  const done = await post(port, PATH, 'operate')
  assert.deepEqual([done.status, done.json().applied], [200, true])
  const tried = await post(port, `${PATH}?dryRun=1`, 'operate')
  assert.deepEqual([tried.status, tried.json().applied], [200, false])
  assert.equal((await send(port, { path: PATH, headers: { authorization: 'Bearer operate' } })).status, 405)
})

test('nobody reloads while there is no token, and the answer says what does the same', async t => {
  const { fake, port } = await startAdmin(t)
  const got = await post(port, PATH)
  assert.equal(got.status, 403)
  assert.match(String(got.json().detail), /waygate admin-token --name NAME --role operate.*SIGHUP/)
  assert.deepEqual(fake.asked, [])
})

test('a configuration that cannot be used is 422 with all of its problems', async t => {
  const problems = [
    { path: '$.drainMs', message: 'must be >= 0, not -1', source: 'waygate.yaml:1' },
    { path: '', message: 'the file cannot be read' },
  ]
  const { port, ask } = await startAdmin(t, {
    tokens,
    reload: () => Promise.reject(new ReloadRefused(problems)),
  })
  const got = await post(port, PATH, 'operate')
  assert.equal(got.status, 422)
  assert.deepEqual(got.json(), {
    type: 'urn:waygate:error:WA_CONFIGURATION',
    title: 'Configuration refused',
    status: 422,
    code: 'WA_CONFIGURATION',
    detail: 'waygate.yaml:1: $.drainMs: must be >= 0, not -1\nthe file cannot be read',
    problems,
  })
  const document = (await ask('/api/v1/openapi.json', { authorization: 'Bearer operate' })).json()
  answerChecker(document as unknown as ApiDocument).answer('post', PATH, 422, got.json())
})
