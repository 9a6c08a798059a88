import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import type { Route } from '../../../internal/routing/route.ts'
import type { CallEnd, UpstreamResponse } from '../../../internal/upstream.ts'
import { createGrpcCalls } from '../../../wrappers/grpc/grpc-calls.ts'
import { grpcRule, testRequest, testRoute } from '../../support/route.ts'

const ANSWER: UpstreamResponse = { status: 200, headers: [], sendBody() {}, discard() {} }

async function send(method: string, route: Partial<Route>, answer = ANSWER, isAutomatic = true) {
  const call = new Call('id', 'POST', `/${method}`, 0)
  const rpc = { method, isIdempotent: false, isStreaming: undefined }
  let tries = 0
  const upstream = createGrpcCalls(isAutomatic)(async () => {
    tries++
    return answer
  })
  const outcome = await upstream(testRequest({ route: testRoute(route), rpc }), call).then(
    () => 'passed',
    error => error.code as string,
  )
  assert.equal(tries, outcome === 'passed' ? 1 : 0)
  assert.equal(call.rpc, method)
  return { outcome, call }
}

test('a route with a list allows the methods on it, and no others', async () => {
  const grpc = grpcRule({ allow: ['task.v1.Tasks/Get', 'task.v1.Admin/*', 'task.v2.Tasks/List*'] })
  const cases = [
    ['task.v1.Tasks/Get', 'passed'],
    ['task.v1.Tasks/GetAll', 'WG_NO_METHOD'],
    ['task.v1.Tasks/get', 'WG_NO_METHOD'],
    ['task.v1.Tasks/Create', 'WG_NO_METHOD'],
    ['task.v1.Admin/Delete', 'passed'],
    ['task.v1.Administrators/Delete', 'WG_NO_METHOD'],
    ['task.v2.Tasks/List', 'passed'],
    ['task.v2.Tasks/ListAll', 'passed'],
    ['Task.v1.Tasks/Get', 'WG_NO_METHOD'],
  ] as const
  for (const [method, outcome] of cases) assert.equal((await send(method, { grpc })).outcome, outcome, method)
  assert.equal((await send('a.B/C', { grpc: grpcRule({ allow: [] }) })).outcome, 'WG_NO_METHOD')
  assert.equal((await send('a.B/C', {})).outcome, 'passed')
})

test('services about the node itself are called where a document leads to them, and never automatically', async () => {
  for (const method of [
    'grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    'grpc.health.v1.Health/Check',
    'grpc.channelz.v1.Channelz/GetServers',
  ]) {
    assert.equal((await send(method, { origin: 'auto' })).outcome, 'WG_NO_METHOD')
    assert.equal((await send(method, { origin: 'etcd' })).outcome, 'passed')
  }
  assert.equal((await send('grpc.healthy.S/M', { origin: 'auto' })).outcome, 'passed')
})

test('without automatic gRPC routes, no call passes a route without a document', async () => {
  assert.equal((await send('a.B/C', { origin: 'auto' }, ANSWER, false)).outcome, 'WG_NO_METHOD')
  assert.equal((await send('a.B/C', { origin: 'file' }, ANSWER, false)).outcome, 'passed')
})

test('the status of a call is noted, from its head or at its end', async () => {
  const { call: short } = await send('a.B/C', {}, { ...ANSWER, grpcStatus: 5 })
  assert.equal(short.grpcStatus, 5)
  let end: ((end: CallEnd) => void) | undefined
  const whenOver = (listener: (end: CallEnd) => void) => {
    end = listener
  }
  const { call: long } = await send('a.B/C', {}, { ...ANSWER, whenOver })
  assert.equal(long.grpcStatus, undefined)
  end!({ grpcStatus: 0, isBroken: false })
  assert.equal(long.grpcStatus, 0)
})

test('plain requests pass untouched', async () => {
  const upstream = createGrpcCalls(false)(async () => ANSWER)
  const call = new Call('id', 'GET', '/', 0)
  assert.equal(await upstream(testRequest({ route: testRoute({ origin: 'auto' }) }), call), ANSWER)
  assert.equal(call.rpc, undefined)
})
