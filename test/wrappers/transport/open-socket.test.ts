import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSocket } from '../../../wrappers/transport/open-socket.ts'
import { startNode } from '../../support/node-server.ts'

function open(host: string, port: number, allows: (address: string, port: number) => boolean) {
  return new Promise<Error | undefined>(resolve => {
    openSocket({ host, port, timeoutMs: 5_000, allows }, (error, socket) => {
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
  const error = await open('nowhere.invalid', 80, () => true)
  assert.equal((error as NodeJS.ErrnoException).syscall, 'getaddrinfo')
})
