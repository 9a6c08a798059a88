import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { type AdminSettings, createAdmin } from '../../../routes/admin/admin.ts'
import { FakeApi } from '../../support/api-pages.ts'
import { openEvents } from '../../support/event-stream.ts'

const settingsWith = (tokens: AdminSettings['tokens']): AdminSettings => ({
  ...{ token: undefined, tokens },
  features: { tail: true, dashboard: true, traceUrl: null },
})
const tokenOf = (name: string, role: 'register' | 'read') => ({
  [name]: { sha256: hash('sha256', name), role },
})

/** An admin listener with a token that `revoke` takes away, as a reload does. */
function setUp(role: 'register' | 'read') {
  const settings = { current: settingsWith({ ...tokenOf('mine', role), ...tokenOf('other', 'read') }) }
  const fake = new FakeApi()
  const admin = createAdmin({
    ...fake.options,
    settings,
    onInternalError: error => assert.fail(String(error)),
  })
  const revoke = () => {
    settings.current = settingsWith(tokenOf('other', 'read'))
  }
  const listen = async () => {
    await admin.listen({ host: '127.0.0.1', port: 0 })
    return (admin.server.address() as AddressInfo).port
  }
  return { admin, fake, revoke, listen }
}

const headers = { authorization: 'Bearer mine' }

test('a token that is taken away while the body of its request is on its way registers no node', async t => {
  const { admin, fake, revoke, listen } = setUp('register')
  t.after(() => admin.close())
  const admitted = new Promise<void>(resolve => {
    admin.addHook('preParsing', (_request, _reply, _payload, done) => {
      resolve()
      done()
    })
  })
  const port = await listen()
  const put = request({
    ...{ host: '127.0.0.1', port, method: 'PUT', path: '/api/v1/services/hello/nodes/h1', agent: false },
    headers: { ...headers, 'content-type': 'application/json' },
  })
  const answered = once(put, 'response')
  put.write('{"address":')
  await admitted
  revoke()
  put.end('"127.0.0.1:4000"}')
  const [response] = await answered
  response.resume()
  assert.equal(response.statusCode, 401)
  assert.deepEqual(fake.asked, [])
})

test('a live stream ends whose token is taken away while the API is loaded for it', async t => {
  const { admin, fake, revoke, listen } = setUp('read')
  t.after(() => admin.close())
  // After it, the API is loaded.
  admin.addHook('preHandler', (_request, _reply, done) => {
    revoke()
    done()
  })
  const stream = await openEvents(t, await listen(), '/api/v1/live', headers)
  assert.deepEqual(await stream.rest(), [], 'it has seen nothing')
  assert.equal(fake.listeners.size, 0)
})
