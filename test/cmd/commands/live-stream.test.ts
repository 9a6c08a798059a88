import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { AdminClient } from '../../../cmd/commands/admin-client.ts'
import { followLive } from '../../../cmd/commands/live-stream.ts'

test('a stream from which nothing comes for 20 s is closed, and opened again', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  t.mock.method(process.stderr, 'write', () => true)
  let cancelled = 0
  const silent = () => new ReadableStream<Uint8Array>({ cancel: () => void cancelled++ })
  const client = { url: 'http://127.0.0.1:1', open: async () => silent() } as unknown as AdminClient
  const events = followLive(client, 'figures=1')
  assert.equal((await events.next()).value?.event, 'open')
  let isOpenAgain = false
  const next = events.next().then(({ value }) => {
    isOpenAgain = value?.event === 'open'
  })
  await nextTurn()
  t.mock.timers.tick(19_999)
  await nextTurn()
  assert.deepEqual([cancelled, isOpenAgain], [0, false])
  t.mock.timers.tick(1)
  await nextTurn()
  assert.deepEqual([cancelled, isOpenAgain], [1, false])
  t.mock.timers.tick(1_000)
  await next
  assert.equal(isOpenAgain, true)
  await events.return(undefined)
})
