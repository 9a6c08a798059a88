import assert from 'node:assert/strict'
import { registerHooks } from 'node:module'
import { test } from 'node:test'
import { startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'

// In a file of its own, because code that is loaded stays loaded.
test('a call in JSON whose code cannot be loaded ends its connection alone, and the next one tries again', async t => {
  const messages: string[] = []
  const note = (_: object, message: string) => void messages.push(message)
  const logger = { debug: note, info: note, warn: note, error: note }
  const etcd = await startEmbeddedEtcd({ port: 0, logger })
  t.after(() => etcd.close())
  // As after an update that has replaced the files of the program while it runs.
  let isGone = true
  const hooks = registerHooks({
    load(url, context, next) {
      if (isGone && url.includes('json-gateway.ts')) throw new Error('no such file')
      return next(url, context)
    },
  })
  t.after(() => hooks.deregister())
  const ask = () => fetch(`${etcd.url}/health`, { headers: { connection: 'close' } })
  await assert.rejects(ask(), TypeError)
  assert.deepEqual(messages, ['embedded etcd cannot answer calls in JSON'])
  isGone = false
  assert.deepEqual(await (await ask()).json(), { health: 'true', reason: '' })
})
