import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClientResponse } from '../../internal/http/client-exchange.ts'
import { createWholeResponse, endWithBody } from '../../internal/whole-response.ts'

function written(response: ReturnType<typeof createWholeResponse>): string {
  let body = 'not ended'
  const target = {
    end: (bytes: Buffer | string = '', encoding: BufferEncoding = 'utf8') => {
      body = Buffer.from(bytes as string, encoding).toString()
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

test('a body that is short goes out as text whose characters are its bytes, and a long one as it is', () => {
  const ends: unknown[][] = []
  const target: Pick<ClientResponse, 'end'> = { end: (...args: unknown[]) => ends.push(args) }
  endWithBody(target, Buffer.from('é'))
  endWithBody(target, Buffer.from([0, 255]))
  const long = Buffer.alloc(16_385, 'x')
  endWithBody(target, long)
  assert.deepEqual(ends, [['\u00c3\u00a9', 'latin1'], ['\u0000\u00ff', 'latin1'], [long]])
})
