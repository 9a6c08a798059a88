import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { Api } from '../../ui/api.ts'
import { LiveStream } from '../../ui/live-stream.ts'
import { until } from '../support/until.ts'

test('a stream with an event that cannot be read is closed before another one is opened', async t => {
  const open = new Set<ServerResponse>()
  let opened = 0
  const server = createServer((_request, response) => {
    opened++
    open.add(response.once('close', () => open.delete(response)))
    response.write(opened < 3 ? 'event: table\ndata: {\n\n' : 'event: table\ndata: {}\n\n')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const document = { hidden: false, addEventListener() {} }
  Object.defineProperty(globalThis, 'document', { value: document, configurable: true })
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
    Reflect.deleteProperty(globalThis, 'document')
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  stream.follow('live')
  await until('the third stream is read', () => read.length === 1)
  await until('the others are closed', () => open.size === 1)
  assert.equal(opened, 3)
})
