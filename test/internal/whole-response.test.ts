import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClientResponse } from '../../internal/http/client-exchange.ts'
import { createWholeResponse } from '../../internal/whole-response.ts'

function written(response: ReturnType<typeof createWholeResponse>): string {
  let body = 'not ended'
  const target = {
    end: (bytes?: Buffer) => {
      body = bytes?.toString() ?? ''
    },
  }
  response.sendBody(target as unknown as ClientResponse)
  return body
}

test('a whole answer has the length of its bytes, not of its characters', () => {
  const response = createWholeResponse(
    200,
    ['Content-Type', 'text/plain', 'Content-Length', '7'],
    Buffer.from('é'),
  )
  assert.deepEqual(response.headers, ['Content-Type', 'text/plain', 'content-length', '2'])
  assert.equal(written(response), 'é')
})

test('a whole answer can be given repeatedly', () => {
  const response = createWholeResponse(200, [], Buffer.from('x'))
  for (let i = 0; i < 3; i++) assert.equal(written(response), 'x')
  response.discard()
  assert.equal(written(response), 'x')
})

test('statuses without a body get neither body nor length', () => {
  for (const status of [204, 304]) {
    const response = createWholeResponse(status, ['ETag', 'x'], Buffer.from('ignored'))
    assert.deepEqual(response.headers, ['ETag', 'x'])
    assert.equal(written(response), '')
  }
})
