import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FailingRequests } from '../../../internal/nodes/failing-requests.ts'

const MEMORY_MS = 10_000

function start() {
  const failing = new FailingRequests()
  return {
    failing,
    failed: (line: string, now = 0) => failing.failed(line, MEMORY_MS, now),
    passed: (line: string, now = 0) => failing.passed(line, now),
  }
}

test('the first failure of a request says something about its node, and further ones do not', () => {
  const { failed } = start()
  assert.equal(failed('GET /broken'), true)
  for (let i = 0; i < 10; i++) assert.equal(failed('GET /broken'), false)
  assert.equal(failed('POST /broken'), true, 'another method is another request')
  assert.equal(failed('GET /other'), true)
})

test('once the request got a good answer, its failures say something about their nodes', () => {
  const { failed, passed } = start()
  failed('GET /list')
  passed('GET /other')
  assert.equal(failed('GET /list'), false)
  passed('GET /list')
  for (let i = 0; i < 10; i++) assert.equal(failed('GET /list'), true)
})

test('a failing path is known whatever the query, and a failing query is known on a path that works', () => {
  const { failed, passed } = start()
  assert.equal(failed('GET /broken?n=0'), true)
  for (let i = 1; i < 10; i++) assert.equal(failed(`GET /broken?n=${i}`), false)
  assert.equal(failed('GET /search?q=%27'), true)
  passed('GET /search?q=well')
  assert.equal(failed('GET /search?q=%27'), false)
  assert.equal(failed('GET /search?q=new'), true)
})

test('failures and good answers are forgotten after the given time', () => {
  const { failing, failed, passed } = start()
  assert.equal(failing.isWatching, false)
  failed('GET /', 0)
  assert.equal(failed('GET /', MEMORY_MS), false)
  assert.equal(failed('GET /', 2 * MEMORY_MS + 1), true)
  passed('GET /', 2 * MEMORY_MS + 1)
  assert.equal(failed('GET /', 3 * MEMORY_MS), true)
  assert.equal(failed('GET /', 3 * MEMORY_MS + 2), false)
  assert.equal(failing.isWatching, true)
  passed('GET /', 4 * MEMORY_MS + 3)
  assert.equal(failing.isWatching, false, 'nothing failed lately')
  assert.equal(failed('GET /', 4 * MEMORY_MS + 3), true)
})

test('a client that makes up paths makes it forget what failed longest ago, and takes no more memory', () => {
  const { failed } = start()
  failed('GET /first')
  for (let i = 0; i < 10_000; i++) failed(`GET /${i}`)
  assert.equal(failed('GET /9999'), false)
  assert.equal(failed('GET /first'), true)
})
