import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import { NodeTable } from '../../../internal/nodes/node-table.ts'
import { Shadows } from '../../../wrappers/mirror/shadows.ts'
import { createTransport } from '../../../wrappers/node/transports.ts'
import { startNode } from '../../support/node-server.ts'
import { noTls } from '../../support/node-tls.ts'
import { FakePeer, testNode } from '../../support/peer.ts'
import { testRequest } from '../../support/route.ts'
import { sessionOptions } from '../../support/sessions.ts'

test('at the end, copies on their way to a node that has left are ended as well', async t => {
  const silent = await startNode(t, () => {})
  const nodes = new NodeTable(node => new FakePeer(node))
  nodes.set('user', [testNode({ port: silent.port })])
  const connection = { ...{ connectTimeoutMs: 2_000, bodyIdleTimeoutMs: 0 }, keepAliveMs: 4_000 }
  const shadows = new Shadows({
    nodes,
    createTransport: peer =>
      createTransport(peer, {
        connection: { ...connection, answerHeadBytes: 16_384 },
        session: sessionOptions(),
        onPiece: () => {},
        tlsOf: noTls,
      }),
  })
  const copy = shadows.send(testRequest(), new Call('id', 'GET', '/', performance.now()), 20_000)
  await silent.received(1)
  nodes.set('user', [])
  shadows.nodesChanged('user')
  shadows.close()
  assert.equal(await copy, 'failed')
  await silent.idle()
})
