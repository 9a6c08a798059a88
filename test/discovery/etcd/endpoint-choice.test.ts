import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { EtcdPermissionDeniedError, GRPCDeadlineExceededError, GRPCUnavailableError } from 'etcd3'
import { EndpointChoice } from '../../../discovery/etcd/endpoint-choice.ts'
import { FakeClock } from './fake-clock.ts'

const HUNG = new GRPCDeadlineExceededError('4 DEADLINE_EXCEEDED: Deadline exceeded')

function setUp(...endpoints: string[]) {
  const clock = new FakeClock()
  const choice = new EndpointChoice(endpoints, clock)
  /** What comes of one call to an endpoint: its outcome, or that the endpoint was passed over. */
  const call = async (endpoint: string, outcome: unknown = 'answer'): Promise<unknown> => {
    const run = async () => {
      if (outcome instanceof Error) throw outcome
      return outcome
    }
    return choice
      .policyOf(endpoint)
      .execute(run)
      .catch((error: Error) => (error === outcome ? 'failed' : error.message))
  }
  return { clock, call }
}

test('an endpoint that did not answer is passed over for 30 s while there is another', async () => {
  const { clock, call } = setUp('a', 'b')
  assert.equal(await call('a', HUNG), 'failed')
  assert.equal(await call('a'), 'avoiding an etcd member that did not answer')
  assert.equal(await call('b'), 'answer')
  await clock.advance(30_000)
  assert.equal(await call('a'), 'answer')
})

test('when none answered each is asked, and the first that answers is preferred', async () => {
  const { call } = setUp('a', 'b', 'c')
  for (const endpoint of ['a', 'b', 'c', 'a']) {
    const error = new GRPCUnavailableError('14 UNAVAILABLE: No connection established')
    assert.equal(await call(endpoint, error), 'failed')
  }
  assert.equal(await call('b'), 'answer')
  assert.equal(await call('a'), 'avoiding an etcd member that did not answer')
  assert.equal(await call('c'), 'avoiding an etcd member that did not answer')
})

test('an open stream is no answer', async () => {
  const { call } = setUp('a', 'b')
  assert.equal(await call('a', HUNG), 'failed')
  assert.equal(await call('b', HUNG), 'failed')
  const stream = new PassThrough()
  assert.equal(await call('a', stream), stream)
  assert.equal(await call('b'), 'answer')
  assert.equal(await call('a'), 'avoiding an etcd member that did not answer')
})

test('the only endpoint there is is never passed over', async () => {
  const { call } = setUp('a')
  assert.equal(await call('a', HUNG), 'failed')
  assert.equal(await call('a'), 'answer')
})

test('what an endpoint refuses, and a token that another one did not give, is no silence of it', async () => {
  const { call } = setUp('a', 'b')
  for (const error of [
    new EtcdPermissionDeniedError('7 PERMISSION_DENIED: etcdserver: permission denied'),
    new GRPCUnavailableError('14 UNAVAILABLE: no token from etcd for user "u": No connection established'),
  ]) {
    assert.equal(await call('a', error), 'failed')
    assert.equal(await call('a'), 'answer')
  }
})
