import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import {
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type StatusObject,
  status,
} from '@grpc/grpc-js'
import { loadEtcdServices } from '../../../discovery/embedded-etcd/grpc.ts'
import { createAuthInterceptor } from '../../../discovery/etcd/auth-interceptor.ts'
import { AuthTokens } from '../../../discovery/etcd/auth-tokens.ts'
import { createEtcdClient } from '../../../discovery/etcd/client.ts'

type Answer = object | { readonly code: status; readonly details: string }

/** A server of etcd's API that answers as the test decides, given the token of the call. */
async function startStore(t: TestContext, answers: Record<string, (token: string | undefined) => Answer>) {
  const { KV, Auth } = loadEtcdServices()
  const server = new Server()
  const asked: string[] = []
  const handler =
    (method: string): handleUnaryCall<object, object> =>
    (call, respond) => {
      const token = call.metadata.get('token')[0]?.toString()
      asked.push(`${method} ${token ?? '-'}`)
      const answer = answers[method]!(token)
      if ('code' in answer) respond(answer)
      else respond(null, answer)
    }
  server.addService(KV, { Range: handler('Range') })
  server.addService(Auth, { Authenticate: handler('Authenticate') })
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  )
  const client = createEtcdClient({ endpoints: [`127.0.0.1:${port}`], user: 'u', password: 's3cret' })
  t.after(() => {
    client.close()
    server.forceShutdown()
  })
  // More time than a call normally has, because the first call on a busy machine connects twice.
  const read = () => client.kv.range({ key: Buffer.from('k') }, { deadline: Date.now() + 20_000 })
  return { asked, read }
}

const refuse = (code: status, text: string) => ({
  code,
  details: `etcdserver: ${text}`,
  metadata: new Metadata(),
})
const found = { header: { revision: '1' }, kvs: [] }

/** Returns t1, t2, t3... */
function giver() {
  let given = 0
  return () => ({ token: `t${++given}` })
}

for (const [text, code] of [
  ['invalid auth token', status.UNAUTHENTICATED],
  ['revision of auth store is old', status.INVALID_ARGUMENT],
  ['user name is empty', status.INVALID_ARGUMENT],
] as const) {
  test(`a call refused with "${text}" is made once more with a new token, which later calls share`, async t => {
    const { asked, read } = await startStore(t, {
      Authenticate: giver(),
      Range: token => (token === 't1' ? refuse(code, text) : found),
    })
    await Promise.all([read(), read()])
    await read()
    assert.deepEqual(asked.filter(call => call.startsWith('Auth')).length, 2)
    assert.deepEqual(asked.slice(-3), ['Range t2', 'Range t2', 'Range t2'])
  })
}

test('tokens that are never accepted cause an error at the second one, not a loop', async t => {
  const { asked, read } = await startStore(t, {
    Authenticate: giver(),
    Range: () => refuse(status.UNAUTHENTICATED, 'invalid auth token'),
  })
  await assert.rejects(read(), /etcd: invalid auth token/)
  assert.deepEqual(asked, ['Authenticate -', 'Range t1', 'Authenticate -', 'Range t2'])
})

test('a call without permission is made once, with its token', async t => {
  const { asked, read } = await startStore(t, {
    Authenticate: giver(),
    Range: () => refuse(status.PERMISSION_DENIED, 'permission denied'),
  })
  await assert.rejects(read(), /permission denied/)
  await assert.rejects(read(), /permission denied/)
  assert.deepEqual(asked, ['Authenticate -', 'Range t1', 'Range t1'])
})

test('a store that does not answer a request for a token costs a call its deadline, and nothing is repeated', async t => {
  const { asked, read } = await startStore(t, {
    Authenticate: () => refuse(status.DEADLINE_EXCEEDED, 'request timed out'),
    Range: () => found,
  })
  await assert.rejects(read(), /no token from etcd for user "u": request timed out/)
  assert.deepEqual(asked, ['Authenticate -'])
})

test('a store that has no Auth service is read without a token', async t => {
  const { asked, read } = await startStore(t, {
    Authenticate: () => refuse(status.UNIMPLEMENTED, 'not here'),
    Range: () => found,
  })
  await read()
  await read()
  assert.deepEqual(asked, ['Authenticate -', 'Range -', 'Range -'])
})

test('a connection that drops while a call waits for its token is an error of the call', async () => {
  const tokens = new AuthTokens({ user: 'u', authenticate: async () => 't1' })
  const { Range } = loadEtcdServices().KV
  const call = createAuthInterceptor(tokens)({ method_definition: Range! }, () => {
    throw new Error('Channel has been shut down')
  })
  const ended = await new Promise<StatusObject>(resolve =>
    call.start(new Metadata(), { onReceiveStatus: resolve }),
  )
  assert.deepEqual([ended.code, ended.details], [status.UNAVAILABLE, 'Channel has been shut down'])
})

test('a call that is canceled while it waits for its token is never made', async () => {
  const given = Promise.withResolvers<string>()
  const tokens = new AuthTokens({ user: 'u', authenticate: () => given.promise })
  const { Range } = loadEtcdServices().KV
  const call = createAuthInterceptor(tokens)({ method_definition: Range! }, () => assert.fail('made'))
  const ended = new Promise<StatusObject>(resolve => call.start(new Metadata(), { onReceiveStatus: resolve }))
  call.cancelWithStatus(status.CANCELLED, 'no longer needed')
  assert.equal((await ended).code, status.CANCELLED)
  given.resolve('t1')
  await tokens.get(0, new AbortController().signal)
})

test('a call that is canceled as its token arrives is never made', async () => {
  const given = Promise.withResolvers<{ readonly token: string }>()
  const tokens = new AuthTokens({ user: 'u', authenticate: async () => 't1' })
  tokens.get = () => given.promise
  const { Watch } = loadEtcdServices().Watch
  const call = createAuthInterceptor(tokens)({ method_definition: Watch! }, () => assert.fail('made'))
  const ended = new Promise<StatusObject>(resolve => call.start(new Metadata(), { onReceiveStatus: resolve }))
  given.resolve({ token: 't1' })
  call.cancelWithStatus(status.CANCELLED, 'no longer needed')
  const { code, details } = await ended
  assert.deepEqual([code, details], [status.CANCELLED, 'no longer needed'])
})
