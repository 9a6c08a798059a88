import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openRaw } from '../support/http.ts'
import { until } from '../support/until.ts'
import { startCanaryNode } from './canary-node.ts'
import { fuzzAnswers } from './fuzz-answers.ts'
import { fuzzProxyHeaders } from './fuzz-proxy-headers.ts'
import { fuzzRequests } from './fuzz-requests.ts'
import { fuzzTemplates } from './fuzz-templates.ts'
import { fuzzWebSockets } from './fuzz-websockets.ts'
import { passedTrailers } from './hop-by-hop.ts'
import { readAnswers } from './read-answers.ts'
import { readRequests } from './read-requests.ts'
import { exchangePieces } from './scene.ts'

// Short and with one seed. The long version is `npm run fuzz`.
test('a node sees what clients sent, whole and only once, and no identity that a client made up', async t => {
  const result = await fuzzRequests(t, 1, count => count >= 800)
  assert.deepEqual([...result.findings], [])
  // Makes sure that the test has exercised both outcomes.
  assert.ok(result.seen > 100, `${result.seen}`)
  assert.ok(result.refused > 20, `${result.refused}`)
})

test('a client sees only its own answers, and a broken one never looks whole', async t => {
  const result = await fuzzAnswers(t, 1, count => count >= 200)
  assert.deepEqual([...result.findings], [])
  assert.ok(result.whole > 50, `${result.whole}`)
  assert.ok(result.refused > 20, `${result.refused}`)
})

test('both ends of a WebSocket receive what the other one sent, and only whole frames before a close frame', async t => {
  const result = await fuzzWebSockets(t, 1, count => count >= 100)
  assert.deepEqual([...result.findings], [])
  assert.ok(result.bytes > 5_000_000, `${result.bytes}`)
})

test('a header of the PROXY protocol is read as it was made, and nothing that follows it changes that', () => {
  const result = fuzzProxyHeaders(1, count => count >= 3_000)
  assert.deepEqual([...result.findings], [])
  assert.ok(result.accepted > 500, `${result.accepted}`)
  assert.ok(result.refused > 500, `${result.refused}`)
})

test('no value in a template gets out of its header line, path segment, parameter, host or JSON string', () => {
  const { count, refused, findings } = fuzzTemplates(1, done => done >= 2_000)
  assert.deepEqual([...findings], [])
  // Dot segments, mostly. What is not refused shows something.
  assert.ok(refused > 100 && refused < count, `${refused}`)
})

test('the canary node notices what no gateway may send', async t => {
  const findings: string[] = []
  const port = await startCanaryNode(t, {
    onRequest: () => ({ bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', ends: true }),
    onFinding: what => findings.push(what),
  })
  const whole = 'GET /a HTTP/1.1\r\nHost: h\r\n\r\n'
  for (const [bytes, finding] of [
    [whole, undefined],
    [whole + whole, 'two requests made from one'],
    ['GET /a HTTP/1.1\r\nHost : h\r\n\r\n', 'a malformed head'],
    ['GET /a HTTP/1.1\nHost: h\r\n\r\n', 'a malformed head'],
    ['GET http://h/a HTTP/1.1\r\nHost: h\r\n\r\n', 'a malformed head'],
  ] as const) {
    await exchangePieces(port, [bytes])
    assert.equal(findings.pop(), finding)
  }
})

test('no value in a template gets out of its header line, path segment, parameter, host or JSON string', () => {
  const { count, refused, findings } = fuzzTemplates(1, done => done >= 2_000)
  assert.deepEqual([...findings], [])
  // Dot segments, mostly. What is not refused shows something.
  assert.ok(refused > 100 && refused < count, `${refused}`)
})

test('the canary node notices a body that comes before it was asked for, or after it was refused', async t => {
  const findings: string[] = []
  const refusal = { bytes: 'HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n', ends: false }
  let wanted: 'ask' | typeof refusal = 'ask'
  const port = await startCanaryNode(t, {
    onRequest: () => ({ bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', ends: true }),
    onExpect: () => wanted,
    onFinding: what => findings.push(what),
  })
  const head = 'PUT /a HTTP/1.1\r\nHost: h\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n'
  await exchangePieces(port, [`${head}x`])
  assert.deepEqual(findings.splice(0), ['a body that the node was not asked about'])
  const asked = await openRaw(port, head)
  await asked.until('100 Continue')
  asked.socket.write('x')
  await asked.until('200 OK')
  assert.deepEqual(findings.splice(0), [])
  wanted = refusal
  const refused = await openRaw(port, head)
  await refused.until('401 No')
  refused.socket.write('x')
  await until('it is noticed', () => findings.length > 0)
  assert.deepEqual(findings, ['bytes behind a request that was not answered yet'])
  refused.socket.destroy()
})

test('the oracle notices trailers that are missing, made up or must not pass', () => {
  const lines = ['x-sum', '1', 'x-user-id', 'root', 'x_user_id', 'root', 'x-hop', '1', 'content-digest', '2']
  assert.deepEqual(passedTrailers(lines, ['x-hop']), ['x-sum', '1', 'content-digest', '2'])
  assert.deepEqual(
    passedTrailers(
      Array.from({ length: 130 }, () => 'x'),
      [],
    ),
    [],
  )
})

test('the oracle reads requests up to the first ambiguity', () => {
  const get = 'GET /a HTTP/1.1\r\nHost: h\r\n\r\n'
  const read = (bytes: string) =>
    readRequests(bytes).map(({ method, target, body }) => `${method} ${target} ${body}`)
  assert.deepEqual(read(get + get), ['GET /a ', 'GET /a '])
  assert.deepEqual(read('PUT /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc'), ['PUT /b abc'])
  assert.deepEqual(
    read(
      `PUT /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\na\r\n2\r\nbc\r\n0\r\nX: y\r\n\r\n${get}`,
    ),
    ['PUT /b abc', 'GET /a '],
  )
  assert.deepEqual(read('GET http://H/a?b HTTP/1.1\r\nHost: h\r\n\r\n'), ['GET /a?b '])
  for (const bad of [
    'PUT /b HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'PUT /b HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n',
    'PUT /b HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
    'PUT /b HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n',
    'PUT /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n',
    'GET /a HTTP/1.1\nHost: h\r\n\r\n',
    'GET /a HTTP/2.0\r\nHost: h\r\n\r\n',
  ]) {
    assert.deepEqual(read(bad + get), [], bad)
  }
})

test('answers are read in sequence, and a truncated one is recognised', () => {
  const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
  const read = (bytes: string) =>
    readAnswers(bytes, ['GET', 'HEAD'])?.map(({ body, isWhole }) => [body, isWhole])
  assert.deepEqual(read(`${answer}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${answer.slice(0, -1)}`), [
    ['ok', true],
    ['', true],
    ['o', false],
  ])
  assert.equal(read(`${answer}garbage`), undefined)
})
