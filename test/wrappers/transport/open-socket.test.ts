import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Names } from '../../../wrappers/names/names.ts'
import { openSocket } from '../../../wrappers/transport/open-socket.ts'
import { startNode } from '../../support/node-server.ts'
import { startSilentListener } from '../../support/silent-listener.ts'

function open(host: string, port: number, allows: (address: string, port: number) => boolean, names?: Names) {
  return new Promise<Error | undefined>(resolve => {
    openSocket({ host, port, timeoutMs: 5_000, allows, names }, (error, socket) => {
      socket.destroy()
      resolve(error)
    })
  })
}

test('no connection is made to a forbidden address, nor to a name that resolves to it', async t => {
  const node = await startNode(t, () => {})
  for (const host of ['127.0.0.1', 'localhost']) {
    const asked: string[] = []
    const error = await open(host, node.port, (address, port) => {
      asked.push(address)
      assert.equal(port, node.port)
      return false
    })
    assert.match(String(error), /connections to [^ ]+:\d+ are not allowed/)
    assert.ok(asked.includes('127.0.0.1'), `${asked}`)
  }
  assert.equal(node.connections, 0)
})

test('of the addresses of a name, only the allowed ones are tried', async t => {
  const node = await startNode(t, () => {})
  for (const host of ['127.0.0.1', 'localhost'])
    assert.equal(await open(host, node.port, address => address === '127.0.0.1'), undefined)
})

test('a name that does not resolve fails with the error of the lookup', async () => {
  const query = () => Promise.reject(Object.assign(new Error('unknown'), { code: 'ENOTFOUND' }))
  const error = await open('nowhere.invalid', 80, () => true, new Names({ query }))
  assert.equal((error as NodeJS.ErrnoException).code, 'ENOTFOUND')
})

const namesFor = (...addresses: string[]) => new Names({ query: async () => ({ addresses, ttlMs: 60_000 }) })

test('of two addresses, the second is tried when the first refuses, or does not answer', {
  skip: process.platform !== 'linux',
}, async t => {
  const node = await startNode(t, () => {})
  const silent = '127.0.0.8'
  await startSilentListener(t, { host: silent, port: node.port })
  for (const dead of ['127.0.0.9', silent]) {
    const names = namesFor('127.0.0.1', dead)
    // Each connection begins with another address.
    for (let i = 0; i < 2; i++) assert.equal(await open('node.test', node.port, () => true, names), undefined)
    for (let i = 0; i < 2; i++)
      assert.deepEqual(await names.addressesOf('node.test'), ['127.0.0.1', dead], 'it is tried last now')
  }
  assert.equal(node.connections, 4)
})

test('when no address of a name accepts a connection, the error names the last one', async t => {
  const node = await startNode(t, () => {}, '127.0.0.1')
  const error = await open('node.test', node.port, () => true, namesFor('127.0.0.8', '127.0.0.9'))
  assert.match(String(error), /^Error: connect ECONNREFUSED 127\.0\.0\.[89]:\d+$/)
})

test('an attempt whose socket is destroyed fails once, while a name is looked up and while it connects', {
  skip: process.platform !== 'linux',
}, async t => {
  const port = await startSilentListener(t)
  const names = new Names({ query: () => new Promise(() => {}) })
  for (const host of ['127.0.0.1', 'node.test']) {
    const errors: unknown[] = []
    const socket = openSocket({ host, port, names, timeoutMs: 60_000 }, error => void errors.push(error))
    await once(socket.destroy(), 'close')
    assert.match(errors.join(), /^Error: the connection attempt was cancelled$/)
  }
})
