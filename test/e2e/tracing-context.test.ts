import assert from 'node:assert/strict'
import { connect } from 'node:http2'
import { test } from 'node:test'
import { startTestGateway } from '../support/gateway.ts'
import { send, sendRaw } from '../support/http.ts'
import { askHttp2 } from '../support/http2-client.ts'
import { answer, type ScriptedNode, startNode } from '../support/node-server.ts'
import { startTracedGateway } from '../support/traced-gateway.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'
const PARENT = `00-${TRACE}-${SPAN}-01`
const SENT = { traceparent: PARENT, tracestate: 'a=1', baggage: 'user=7' }
/** Another trace than that of the client, which was begun here and is sampled. */
const OWN_TRACE = new RegExp(`^00-(?!${TRACE})[0-9a-f]{32}-(?!${SPAN})[0-9a-f]{16}-03$`)

/** The lines about traces that the node got with its last request. */
function traceLines({ requests }: ScriptedNode): Record<string, string[]> {
  const found: Record<string, string[]> = {}
  const { lines } = requests.at(-1)!
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!.toLowerCase()
    if (/^(?:traceparent|tracestate|baggage)$/.test(name))
      found[name] = [...(found[name] ?? []), lines[i + 1]!]
  }
  return found
}

test('without an endpoint, the headers of traces pass as they came', async t => {
  const node = await startNode(t, socket => socket.write(answer()))
  const { port, log } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  await send(port, { path: '/user', headers: { ...SENT, traceparent: [PARENT, 'x'] } })
  assert.deepEqual(traceLines(node), { traceparent: [PARENT, 'x'], tracestate: ['a=1'], baggage: ['user=7'] })
  assert.equal('traceId' in (await send(port, { path: '/nowhere' })).json(), false)
  assert.equal('trace_id' in log.find(({ msg }) => msg === 'request')!, false)
})

test('a client that is no trusted proxy sets neither id, flag nor baggage, however it sends them', async t => {
  const node = await startNode(t, socket => socket.write(answer()))
  const gateway = await startTracedGateway(t, { nodes: { 'user/u1': node.port } })
  const { port } = gateway
  const expectOwn = (why: string) => {
    const { traceparent, ...others } = traceLines(node)
    assert.equal(traceparent?.length, 1, why)
    assert.match(traceparent[0]!, OWN_TRACE, why)
    assert.deepEqual(others, {}, why)
  }
  for (const flags of ['00', '01', '02', 'ff']) {
    const id = `flags-${flags}`
    const headers = { ...SENT, traceparent: `00-${TRACE}-${SPAN}-${flags}`, 'x-request-id': id }
    await send(port, { path: '/user', headers })
    expectOwn(id)
    const [span] = await gateway.spansOf(id, 2)
    assert.deepEqual(
      span?.links?.map(({ traceId, spanId }) => [traceId, spanId]),
      [[TRACE, SPAN]],
    )
    assert.equal(span?.parentSpanId, undefined)
  }
  for (const [why, headers] of Object.entries({
    'two lines': { ...SENT, traceparent: [PARENT, PARENT] },
    'other case': { TraceParent: PARENT, TRACESTATE: 'a=1', Baggage: 'user=7' },
    'said to be hop-by-hop': { ...SENT, connection: 'traceparent, x-request-id' },
    'said to come from elsewhere': { ...SENT, 'x-forwarded-for': '127.0.0.1', forwarded: 'for=127.0.0.1' },
  })) {
    await send(port, { path: '/user', headers: headers as Record<string, string | string[]> })
    expectOwn(why)
  }
  await sendRaw(
    port,
    `POST /user HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: traceparent\r\n\r\n0\r\ntraceparent: ${PARENT}\r\nbaggage: user=7\r\nx-ok: 1\r\n\r\n`,
  )
  expectOwn('trailers')
  assert.deepEqual(node.requests.at(-1)!.trailers(), ['x-ok', '1'])
  const session = connect(`http://127.0.0.1:${port}`)
  t.after(() => session.destroy())
  await askHttp2(session, { ':path': '/user', ...SENT })
  expectOwn('HTTP/2')
})

test('the trace of a trusted proxy goes on: each try is a child of the request, whose parent is the proxy', async t => {
  const node = await startNode(t, socket => socket.write(answer()))
  const gateway = await startTracedGateway(
    t,
    { nodes: { 'user/u1': node.port }, config: { trustedProxies: ['127.0.0.1'] } },
    { sampleRatio: 0, alwaysErrors: false },
  )
  const { port } = gateway
  const { headers } = await send(port, { path: '/user', headers: { ...SENT, tracestate: ['a=1', 'b=2'] } })
  const [request, attempt] = await gateway.spansOf(headers['x-request-id'], 2)
  assert.deepEqual([request?.traceId, request?.parentSpanId, request?.traceState], [TRACE, SPAN, 'a=1,b=2'])
  assert.equal(attempt?.parentSpanId, request?.spanId)
  assert.deepEqual(traceLines(node), {
    traceparent: [`00-${TRACE}-${attempt?.spanId}-01`],
    tracestate: ['a=1,b=2'],
    baggage: ['user=7'],
  })
  assert.equal(request!.flags & 0x300, 0x300, 'its parent is remote')
  assert.equal(attempt!.flags & 0x300, 0x100, 'the parent of the try is not')

  await send(port, { path: '/user', headers: { ...SENT, traceparent: `00-${TRACE}-${SPAN}-00` } })
  assert.match(traceLines(node).traceparent![0]!, new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`))

  await send(port, { path: '/user', headers: { ...SENT, baggage: 'x'.repeat(8_193) } })
  assert.equal('baggage' in traceLines(node), false)

  await send(port, { path: '/user', headers: { ...SENT, traceparent: 'none' } })
  const { traceparent, ...others } = traceLines(node)
  assert.match(traceparent![0]!, /^00-(?!0af7)[0-9a-f]{32}-[0-9a-f]{16}-02$/)
  assert.deepEqual(others, { baggage: ['user=7'] })
})

test('lines, names and space around values are read as W3C says', async t => {
  const node = await startNode(t, socket => socket.write(answer()))
  const { port } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    document: { tracing: { endpoint: 'http://127.0.0.1:9', trust: 'all' } },
  })
  const cases: readonly (readonly [lines: readonly string[], isRead: boolean, state?: string])[] = [
    [[], false],
    [[`traceparent: ${PARENT}`], true],
    [[`TraceParent: ${PARENT}`], true],
    [[`TrAcEpArEnT: ${PARENT}`], true],
    [[`TRACEPARENT: ${PARENT}`], true],
    [[`trace-parent: ${PARENT}`], false],
    [[`trace.parent: ${PARENT}`], false],
    [[`traceparent:${PARENT}`], true],
    [[`traceparent: \t ${PARENT} \t`], true],
    [[`traceparent: ${PARENT.replace(TRACE, TRACE.replace('0', '1'))}`, `traceparent: ${PARENT}`], false],
    [[`traceparent: ${PARENT}`, `traceparent: ${PARENT}`], false],
    [['tracestate: foo=1'], false],
    [[`traceparent: ${PARENT}`, 'tracestate: foo=1,bar=2'], true, 'foo=1,bar=2'],
    [[`traceparent: ${PARENT}`, 'TRACESTATE: foo=1'], true, 'foo=1'],
    [[`traceparent: ${PARENT}`, 'TrAcEsTaTe:\t foo=1 \t'], true, 'foo=1'],
    [[`traceparent: ${PARENT}`, 'tracestate:'], true],
    [[`traceparent: ${PARENT}`, 'tracestate: foo=1', 'tracestate:'], true, 'foo=1'],
    [[`traceparent: ${PARENT}`, 'tracestate:', 'tracestate: foo=1'], true, 'foo=1'],
    [
      [`traceparent: ${PARENT}`, 'tracestate: foo=1,bar=2', 'tracestate: rojo=1', 'tracestate: baz=3'],
      true,
      'foo=1,bar=2,rojo=1,baz=3',
    ],
    [[`traceparent: ${PARENT}`, 'tracestate: foo=1', 'tracestate: foo=2'], true, 'foo=1'],
    [['traceparent: none', 'tracestate: foo=1'], false],
  ]
  for (const [lines, isRead, state] of cases) {
    await sendRaw(port, ['GET /user HTTP/1.1', 'Host: a', 'Connection: close', ...lines, '', ''].join('\r\n'))
    const { traceparent = [], tracestate } = traceLines(node)
    const [version, traceId, spanId] = traceparent[0]!.split('-')
    assert.deepEqual([traceparent.length, version, traceId === TRACE], [1, '00', isRead], lines.join(' | '))
    assert.notEqual(spanId, SPAN)
    assert.deepEqual(tracestate, state === undefined ? undefined : [state], lines.join(' | '))
  }
})

test('a header that a policy sets does not become a second one', async t => {
  const node = await startNode(t, socket => socket.write(answer()))
  const requestHeaders = { set: { traceparent: PARENT, tracestate: 'x=1' } }
  const { port } = await startTracedGateway(t, {
    nodes: { 'user/u1': node.port },
    routes: { r: { path: '/*', service: 'user', auth: 'none', requestHeaders } },
  })
  await send(port, { path: '/x' })
  const { traceparent, tracestate } = traceLines(node)
  assert.equal(traceparent?.length, 1)
  assert.match(traceparent[0]!, OWN_TRACE)
  assert.equal(tracestate, undefined)
})
