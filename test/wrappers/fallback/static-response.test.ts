import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClientResponse } from '../../../internal/http/client-exchange.ts'
import { createStaticResponse } from '../../../wrappers/fallback/static-response.ts'

function written(response: ReturnType<typeof createStaticResponse>): string {
  let body = 'not ended'
  const target = {
    end: (bytes?: Buffer) => {
      body = bytes?.toString() ?? ''
    },
  }
  response.sendBody(target as unknown as ClientResponse)
  return body
}

test('a fixed answer has the length of its bytes, not of its characters', () => {
  const response = createStaticResponse(200, { 'Content-Type': 'text/plain' }, 'é')
  assert.deepEqual(response.headers, ['Content-Type', 'text/plain', 'content-length', '2'])
  assert.equal(written(response), 'é')
})

test('a fixed answer can be given repeatedly', () => {
  const response = createStaticResponse(200, {}, 'x')
  for (let i = 0; i < 3; i++) assert.equal(written(response), 'x')
  response.discard()
  assert.equal(written(response), 'x')
})

test('statuses without a body get neither body nor length', () => {
  for (const status of [204, 304]) {
    const response = createStaticResponse(status, { ETag: 'x' }, 'ignored')
    assert.deepEqual(response.headers, ['ETag', 'x'])
    assert.equal(written(response), '')
  }
})
