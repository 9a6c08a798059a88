import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Api } from '../../ui/api.ts'
import { LiveStream, type StreamState } from '../../ui/live-stream.ts'
import { until } from '../support/until.ts'

/** Stands for the document of a tab that is seen. */
function showDocument(t: TestContext): void {
  const value = { hidden: false, addEventListener() {} }
  Object.defineProperty(globalThis, 'document', { value, configurable: true })
  t.after(() => Reflect.deleteProperty(globalThis, 'document'))
}

test('a stream whose answer does not begin within 20 s is given up, and opened again', async t => {
  showDocument(t)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let opened = 0
  const api = {
    open(_path: string, { signal }: { signal: AbortSignal }) {
      opened++
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
  } as unknown as Api
  const states: StreamState[] = []
  const stream = new LiveStream(
    api,
    () => {},
    state => void states.push(state),
  )
  stream.follow('live')
  t.mock.timers.tick(19_999)
  await nextTurn()
  assert.deepEqual(
    states.map(({ kind }) => kind),
    ['connecting'],
  )
  t.mock.timers.tick(1)
  await nextTurn()
  const last = states.at(-1)
  assert.equal(last?.kind === 'disconnected' && last.reason, 'nothing was received for 20 s')
  t.mock.timers.tick(250)
  await nextTurn()
  assert.equal(opened, 2)
  stream.follow(undefined)
})

test('a stream with an event that cannot be read is closed before another one is opened', async t => {
  const open = new Set<ServerResponse>()
  let opened = 0
  const server = createServer((_request, response) => {
    opened++
    open.add(response.once('close', () => open.delete(response)))
    response.write(opened < 3 ? 'event: table\ndata: {\n\n' : 'event: table\ndata: {}\n\n')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  showDocument(t)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const api = { open: (path: string, init?: RequestInit) => fetch(url + path, init) } as Api
  const read: unknown[] = []
  const stream = new LiveStream(
    api,
    ({ data }) => void read.push(JSON.parse(data)),
    () => {},
  )
  t.after(async () => {
    stream.follow(undefined)
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  stream.follow('live')
  await until('the third stream is read', () => read.length === 1)
  await until('the others are closed', () => open.size === 1)
  assert.equal(opened, 3)
})
