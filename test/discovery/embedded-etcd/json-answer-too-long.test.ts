import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { loadEtcdServices } from '../../../discovery/embedded-etcd/grpc.ts'
import { createJsonGateway } from '../../../discovery/embedded-etcd/json-gateway.ts'

/** A message that cannot be written, as one cannot of which the JSON is longer than any string. */
const TOO_LONG = {
  get header() {
    throw new RangeError('Invalid string length')
  },
}

test('an answer in JSON that cannot be written costs its call alone, and not the store that gives it', async t => {
  // The store answers some time after the call, when its change is kept.
  let given = 0
  const later = (answer: () => void) =>
    setImmediate(() => {
      assert.doesNotThrow(answer)
      given++
    })
  const handlers = {
    KV: {
      Range: (_: object, answer: (error: null, message: object) => void) =>
        later(() => answer(null, TOO_LONG)),
    },
    Watch: { Watch: (call: { write(message: object): void }) => later(() => call.write(TOO_LONG)) },
    ...{ Lease: {}, Cluster: {}, Maintenance: {}, Auth: {} },
  }
  const gateway = createJsonGateway({ services: loadEtcdServices(), handlers })
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    gateway.accept(socket)
  }).listen(0, '127.0.0.1')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v3`
  for (const [path, body] of [
    ['kv/range', '{"key":"YQ=="}'],
    ['watch', '{"create_request":{"key":"YQ=="}}'],
  ] as const) {
    const response = await fetch(`${url}/${path}`, { method: 'POST', body })
    assert.equal(response.status, 500, path)
    const text = await response.text()
    assert.equal(JSON.parse(text).message, 'Invalid string length', path)
  }
  assert.equal(given, 2)
})
