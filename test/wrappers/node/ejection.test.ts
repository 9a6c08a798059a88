import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mayEject } from '../../../wrappers/node/ejection.ts'
import { answer, type Script } from '../../support/node-server.ts'
import { FakePeer, testNode } from '../../support/peer.ts'
import { ok, startScene } from '../retry/retry-scene.ts'

const peers = (...states: ('closed' | 'open' | 'half-open' | 'unreachable' | 'drained')[]) =>
  states.map((state, index) => {
    const peer = new FakePeer(testNode({ id: `n${index}`, weight: state === 'drained' ? 0 : 1 }))
    peer.breaker = state === 'unreachable' ? 'open' : state === 'drained' ? 'closed' : state
    return Object.assign(peer, { isUnreachable: state === 'unreachable' })
  })

test('at most half of the nodes that accept connections are ejected for their failures; a single node may be', () => {
  for (const [states, expected] of [
    [['closed'], true],
    [['closed', 'closed'], true],
    [['open', 'closed'], false],
    [['open', 'closed', 'closed'], false],
    [['half-open', 'closed', 'closed', 'closed'], true],
    [['half-open', 'open', 'closed', 'closed'], false],
    [['unreachable', 'unreachable', 'closed', 'closed'], true],
    [['unreachable', 'unreachable', 'open', 'closed'], false],
    [['drained', 'drained', 'open', 'closed'], false],
  ] as const) {
    assert.equal(mayEject(peers(...states), false), expected, states.join())
    assert.equal(mayEject(peers(...states), true), true, states.join())
  }
})

const BREAKER = { minimumRequests: 10, failureRatio: 0.5, openMs: 60_000 }
const alwaysFails: Script = socket => socket.write(answer('failed', [], '500 Odd'))
/** Two of three requests fail. */
const mostlyFails = (): Script => {
  let count = 0
  return (socket, request) => (count++ % 3 === 0 ? ok(socket, request, 0) : alwaysFails(socket, request, 0))
}

test('with half of the nodes answering 500, clients get good answers once the breakers are open', async t => {
  const { ask, table } = await startScene(
    t,
    { a: alwaysFails, b: alwaysFails, c: ok, d: ok },
    { retryOn: [502, 503, 504] },
    BREAKER,
  )
  for (let i = 0; i < 50; i++) await ask()
  assert.deepEqual(
    table.get('user')!.peers.map(peer => peer.breaker),
    ['open', 'open', 'closed', 'closed'],
  )
  for (let i = 0; i < 200; i++) assert.equal((await ask()).text, 'ok')
})

test('when all nodes fail most requests, half of them still get requests, and no request is refused', async t => {
  const { ask, table } = await startScene(
    t,
    { a: mostlyFails(), b: mostlyFails(), c: mostlyFails(), d: mostlyFails() },
    {},
    BREAKER,
  )
  const statuses = []
  for (let i = 0; i < 200; i++) statuses.push((await ask()).status)
  assert.deepEqual(new Set(statuses), new Set([200, 500]))
  const open = table.get('user')!.peers.filter(peer => peer.breaker === 'open').length
  assert.equal(open, 2)
})
