import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestGateway } from '../../../support/gateway.ts'
import { askHttp2, openHttp2 } from '../../../support/http2-client.ts'
import { answer, startNode } from '../../../support/node-server.ts'
import {
  dataFrame,
  describeFrame,
  headersFrame,
  openRawHttp2,
  requestLines,
} from '../../../support/raw-http2.ts'

const HIDDEN = 'GET /admin HTTP/1.1\r\nHost: h\r\n\r\n'
const HEAD = [':method', 'POST', ':scheme', 'http', ':path', '/user', ':authority', 'h']

/** Returns a valid head with another value of one pseudo-field; without the field if that is undefined. */
function withPseudo(name: string, value: string | undefined): string[] {
  const lines = [...HEAD]
  const at = lines.indexOf(name)
  if (value === undefined) lines.splice(at, 2)
  else lines[at + 1] = value
  return lines
}

/** Requests that an HTTP/1 node could take for others, or for several: header lines, body. */
const SMUGGLED: Record<string, readonly [lines: readonly string[], body?: string]> = {
  'H2.CL: a body longer than its content-length': [[...HEAD, 'content-length', '4'], `0\r\n\r\n${HIDDEN}`],
  'H2.CL: content-length 0 with a body': [[...HEAD, 'content-length', '0'], HIDDEN],
  'a body shorter than its content-length': [[...HEAD, 'content-length', '400'], 'short'],
  'content-length without a body': [[...HEAD, 'content-length', '4']],
  'content-length twice': [[...HEAD, 'content-length', '4', 'content-length', '4'], 'body'],
  'a content-length that is a list': [[...HEAD, 'content-length', '4, 4'], 'body'],
  'a content-length with a sign': [[...HEAD, 'content-length', '+4'], 'body'],
  'a content-length of nothing': [[...HEAD, 'content-length', ''], 'body'],
  'H2.TE: transfer-encoding': [[...HEAD, 'transfer-encoding', 'chunked'], `0\r\n\r\n${HIDDEN}`],
  'transfer-encoding in a value': [[...HEAD, 'x', 'a\r\ntransfer-encoding: chunked'], `0\r\n\r\n${HIDDEN}`],
  'transfer-encoding in a name': [[...HEAD, 'x: a\r\ntransfer-encoding', 'chunked'], `0\r\n\r\n${HIDDEN}`],
  'a request in a value': [[...HEAD, 'x', `a\r\n\r\n${HIDDEN}`]],
  'a line feed in a value': [[...HEAD, 'x', 'a\nx-user-id: root']],
  'a carriage return in a value': [[...HEAD, 'x', 'a\rx-user-id: root']],
  'a NUL in a value': [[...HEAD, 'x', 'a\0b']],
  'a control character in a value': [[...HEAD, 'x', 'a\x01b']],
  'a blank before a value': [[...HEAD, 'x', ' a']],
  'a line end in a cookie': [[...HEAD, 'cookie', 'a=1', 'cookie', 'b=2\r\nx-user-id: root']],
  'a colon in a name': [[...HEAD, 'x-user-id: root', 'x']],
  'a space in a name': [[...HEAD, 'content-length ', '4'], 'body'],
  'a name in upper case': [[...HEAD, 'Content-Length', '4'], 'body'],
  'a name of nothing': [[...HEAD, '', 'x']],
  'a name beyond ASCII': [[...HEAD, 'x-\xe9', 'x']],
  connection: [[...HEAD, 'connection', 'x-user-id']],
  'keep-alive': [[...HEAD, 'keep-alive', 'timeout=5']],
  'proxy-connection': [[...HEAD, 'proxy-connection', 'close']],
  upgrade: [[...HEAD, 'upgrade', 'websocket']],
  'te that is not trailers': [[...HEAD, 'te', 'trailers, chunked']],
  'a method with a space': [withPseudo(':method', 'GET /admin HTTP/1.1\r\nx:')],
  'a method in lower case': [withPseudo(':method', 'post')],
  'no method': [withPseudo(':method', undefined)],
  'a path with a line end': [withPseudo(':path', '/user HTTP/1.1\r\nHost: h\r\n\r\nGET /admin')],
  'a path with a space': [withPseudo(':path', '/user HTTP/1.1')],
  'a path of nothing': [withPseudo(':path', '')],
  'a path without a slash': [withPseudo(':path', 'user')],
  'a path with a host': [withPseudo(':path', 'http://h/user')],
  'a path with a fragment': [withPseudo(':path', '/user#/admin')],
  'a path beyond ASCII': [withPseudo(':path', '/user\xe9')],
  'no path': [withPseudo(':path', undefined)],
  'no scheme': [withPseudo(':scheme', undefined)],
  'a scheme with a path': [withPseudo(':scheme', 'http://other/?')],
  'an authority with user info': [withPseudo(':authority', 'h@other')],
  'an authority with a path': [withPseudo(':authority', 'h/admin')],
  'an authority with a line end': [withPseudo(':authority', 'h\r\nx-user-id: root')],
  'no authority and no host': [withPseudo(':authority', undefined)],
  'another host than the authority': [[...HEAD, 'host', 'other']],
  'two hosts': [[...HEAD, 'host', 'h', 'host', 'h']],
  'two methods': [[':method', 'GET', ...HEAD]],
  'two paths': [[':path', '/admin', ...HEAD]],
  'two authorities': [[':authority', 'other', ...HEAD]],
  'a pseudo-field behind a field': [[...withPseudo(':path', undefined), 'x', 'y', ':path', '/user']],
  'a pseudo-field of answers': [[':status', '200', ...HEAD]],
  'an unknown pseudo-field': [[':protocol', 'websocket', ...HEAD]],
}

test('no request can hide another, or a field, from the gateway: each is reset before a node has all of it', async t => {
  const node = await startNode(t, async (socket, { whole }) => {
    await whole
    socket.write(answer())
  })
  const { port, log } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  const honest = openHttp2(t, port)
  for (const [what, [lines, body]] of Object.entries(SMUGGLED)) {
    await t.test(what, async () => {
      using client = await openRawHttp2(port)
      client.write(headersFrame(1, lines, { isEnd: body === undefined }))
      if (body !== undefined) client.write(dataFrame(1, body, { isEnd: true }))
      const frame = await client.receives('RST_STREAM 1')
      assert.equal(describeFrame(frame), 'RST_STREAM 1 PROTOCOL_ERROR')
      // The connection goes on.
      client.write(headersFrame(3, requestLines([], 'GET', '/user/honest')))
      await client.receives('HEADERS 3')
      assert.equal((await askHttp2(honest, { ':path': '/user/honest' })).status, 200)
    })
  }
  const line = log.find(({ reason }) => reason === 'transfer-encoding is a field of HTTP/1 connections')
  assert.deepEqual([line?.status, line?.method, line?.http, line?.code], [400, '-', '2', 'WG_BAD_REQUEST'])
  for (const { target, whole } of node.requests) {
    if (target === '/honest') continue
    assert.equal(target, '/')
    // With content-length 0, the node has all of the request before it turns out that there is more.
    const body = await whole.catch(() => undefined)
    assert.ok(body === undefined || body.length === 0)
  }
})

test('trailers cannot hide anything either, and what comes behind the end of a stream is not a part of it', async t => {
  const node = await startNode(t, async (socket, { whole }) => {
    await whole
    socket.write(answer())
  })
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  for (const trailers of [
    [':path', '/admin'],
    ['transfer-encoding', 'chunked'],
    ['connection', 'x'],
    ['x', `a\r\n\r\n${HIDDEN}`],
    ['X-Upper', 'a'],
  ]) {
    using client = await openRawHttp2(port)
    client.write(headersFrame(1, HEAD, { isEnd: false }), dataFrame(1, 'body'), headersFrame(1, trailers))
    assert.equal(describeFrame(await client.receives('RST_STREAM 1')), 'RST_STREAM 1 PROTOCOL_ERROR')
  }
  for (const { whole } of node.requests) await assert.rejects(whole)
  using client = await openRawHttp2(port)
  client.write(
    headersFrame(1, HEAD, { isEnd: false }),
    dataFrame(1, 'body', { isEnd: true }),
    dataFrame(1, HIDDEN),
  )
  await client.receives('RST_STREAM 1 STREAM_CLOSED')
})
