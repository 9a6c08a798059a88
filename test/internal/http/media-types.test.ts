import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTypeList } from '../../../internal/http/media-types.ts'

test('a list of media types has types, beginnings, endings, and both together', () => {
  const isListed = createTypeList(['application/json', 'TEXT/*', '+xml', 'application/*+json'])
  for (const type of ['application/json', 'text/plain', 'image/svg+xml', 'application/problem+json']) {
    assert.equal(isListed(type), true, type)
  }
  for (const type of [
    '',
    'application/jsonx',
    'text/',
    'text',
    '+xml',
    'application/+json',
    'model/x+json',
  ]) {
    assert.equal(isListed(type), false, type)
  }
})
