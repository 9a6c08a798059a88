import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Http1Response } from '../../../routes/public/http1/response.ts'
import { ClientStream } from '../../../routes/public/http2/client-stream.ts'
import { NodeTry } from '../../../wrappers/transport/node-try.ts'
import { startTestGateway } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { askHttp2, openHttp2 } from '../../support/http2-client.ts'
import { answer, startNode } from '../../support/node-server.ts'

// The bugs are put in where the answer of a node is handed on, which no request and no node can bring about.

const BUG = new Error('a bug of the gateway')
const throwBug = () => {
  throw BUG
}

async function setUp(t: TestContext) {
  const node = await startNode(t, socket => socket.write(answer('whole')))
  const gateway = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    routes: {
      plain: { path: '/user', service: 'user' },
      hedged: { path: '/hedged', service: 'user', hedge: { afterMs: 1_000 } },
    },
  })
  const rejections: unknown[] = []
  const note = (reason: unknown) => void rejections.push(reason)
  process.on('unhandledRejection', note)
  t.after(() => process.off('unhandledRejection', note))
  const session = openHttp2(t, gateway.port)
  const bugs = () => gateway.log.filter(({ msg }) => msg === 'internal error').length
  const { port, log } = gateway
  /** Requests that nothing is wrong with are answered, on the same HTTP/2 connection, too. */
  const isWell = async () => {
    assert.equal((await send(port, { path: '/user' })).text, 'whole')
    assert.equal((await askHttp2(session, { ':path': '/user' })).text, 'whole')
    assert.deepEqual(rejections, [])
  }
  return { port, log, session, bugs, isWell }
}

test('an error before the head of an answer costs its request a 500', async t => {
  const { port, session, bugs, isWell } = await setUp(t)
  const bug = t.mock.method(NodeTry.prototype, 'sendBody', throwBug)
  const original = Reflect.get(NodeTry.prototype, 'answer') as (status: number) => void
  const headless = t.mock.method(NodeTry.prototype as unknown as { answer(status: number): void }, 'answer')
  headless.mock.mockImplementation(function (this: NodeTry, status: number) {
    Object.defineProperty(this, 'headers', { get: throwBug })
    original.call(this, status)
  })
  for (const path of ['/user', '/hedged']) {
    for (const got of [await send(port, { path }), await askHttp2(session, { ':path': path })]) {
      assert.equal(got.status, 500)
      const { type, code } = JSON.parse(got.text)
      assert.deepEqual([type, code], ['urn:waygate:error:WG_INTERNAL', 'WG_INTERNAL'])
    }
  }
  assert.equal(bugs(), 4)
  bug.mock.restore()
  headless.mock.restore()
  await isWell()
})

test('an error behind the head of an answer breaks that answer off', async t => {
  const { port, session, bugs, isWell } = await setUp(t)
  const bug = t.mock.method(NodeTry.prototype, 'sendBody', throwBug)
  await assert.rejects(send(port, { path: '/user' }), { code: 'ECONNRESET' })
  assert.equal((await askHttp2(session, { ':path': '/user' })).code, 2)
  assert.equal(bugs(), 2)
  bug.mock.restore()
  await isWell()
})

test('an error in telling an error breaks the answer off', async t => {
  const { port, session, bugs, isWell } = await setUp(t)
  const mocks = [Http1Response, ClientStream].map(({ prototype }) =>
    t.mock.method(prototype as unknown as { writeHead(): void }, 'writeHead', throwBug),
  )
  for (const path of ['/user', '/nowhere']) {
    await assert.rejects(send(port, { path }), { code: 'ECONNRESET' })
    assert.equal((await askHttp2(session, { ':path': path })).code, 2)
  }
  assert.equal(bugs(), 4)
  for (const { mock } of mocks) mock.restore()
  await isWell()
})
