import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Evidence } from '../../../wrappers/breaker/circuit-breaker-options.ts'
import { findObjection } from '../../../wrappers/node/ejection.ts'
import type { UpstreamPeer } from '../../../wrappers/node/upstream-peer.ts'
import { answer, type Script } from '../../support/node-server.ts'
import { FakePeer, testNode } from '../../support/peer.ts'
import { ok, startScene } from '../retry/retry-scene.ts'

interface Given {
  readonly breaker?: 'closed' | 'open' | 'half-open'
  readonly isUnreachable?: boolean
  readonly isAvoided?: boolean
  readonly weight?: number
  readonly passed?: number
  readonly failed?: number
}

const peerOf = ({ weight = 1, ...given }: Given, index: number) =>
  Object.assign(new FakePeer(testNode({ id: `n${index}`, weight })), {
    ...{ isUnreachable: false, passed: 0, failed: 0 },
    ...given,
  }) as unknown as UpstreamPeer

const GOOD: Given = { passed: 10 }
const BAD: Given = { failed: 10 }
const OPEN: Given = { breaker: 'open' }
const HALF_OPEN: Given = { breaker: 'half-open' }
const UNREACHABLE: Given = { breaker: 'open', isUnreachable: true }
const DRAINED: Given = { weight: 0, passed: 10 }
const SETTINGS = { failureRatio: 0.5 }
const LIMIT = 'half of the nodes are ejected'
const NONE_BETTER = 'no other node does better'

/** Asks about the first of the given nodes. */
function ask(
  given: readonly Given[],
  evidence: Evidence,
  settings: Parameters<typeof findObjection>[3] = SETTINGS,
) {
  const peers = given.map(peerOf)
  return findObjection(peers[0]!, peers, evidence, settings)
}

test('at most half of the nodes that accept connections are ejected for hanging; a single node may be', () => {
  for (const [given, expected] of [
    [[{}], undefined],
    [[{}, {}], undefined],
    [[{}, OPEN], LIMIT],
    [[{}, {}, OPEN], LIMIT],
    [[{}, {}, {}, HALF_OPEN], undefined],
    [[{}, {}, HALF_OPEN, OPEN], LIMIT],
    [[{}, {}, UNREACHABLE, UNREACHABLE], undefined],
    [[{}, UNREACHABLE, UNREACHABLE, OPEN], LIMIT],
    [[{}, DRAINED, DRAINED, OPEN], LIMIT],
  ] as const) {
    assert.equal(ask(given, 'hangs'), expected, JSON.stringify(given))
  }
})

test('a node is ejected for its answers when another node that is in use does clearly better', () => {
  const often: Given = { passed: 5, failed: 5 }
  for (const [given, expected] of [
    [[often, GOOD], undefined],
    [[often, { passed: 9, failed: 1 }], undefined],
    [[often, { passed: 8, failed: 2 }], NONE_BETTER],
    [[often, { passed: 5, failed: 5 }], NONE_BETTER],
    // Those that fail too often themselves are left aside.
    [[often, GOOD, BAD, BAD], undefined],
    [[often, BAD, BAD], NONE_BETTER],
    [[often], NONE_BETTER],
    [[often, DRAINED], NONE_BETTER],
    [[often, { ...GOOD, isAvoided: true }], NONE_BETTER],
    [[often, { ...GOOD, isUnreachable: true, breaker: 'open' }], NONE_BETTER],
    [[often, GOOD, OPEN], LIMIT],
    [[often, GOOD, GOOD, OPEN], undefined],
    [[often, GOOD, GOOD, HALF_OPEN, OPEN], LIMIT],
  ] as const) {
    assert.equal(ask(given, 'fails often'), expected, JSON.stringify(given))
  }
})

test('a node that always fails is ejected however many are, as long as another one is known to do better', () => {
  for (const [given, expected] of [
    [[BAD, GOOD], undefined],
    [[BAD, GOOD, OPEN], undefined],
    [[BAD, GOOD, OPEN, OPEN, OPEN], undefined],
    [[BAD, { passed: 7, failed: 3 }], undefined],
    [[BAD, { passed: 6, failed: 4 }], NONE_BETTER],
    [[BAD, BAD, BAD], NONE_BETTER],
    [[BAD, OPEN], NONE_BETTER],
    // Asked about a node whose probe failed: its window is empty by then.
    [[HALF_OPEN, GOOD, OPEN], undefined],
    [[HALF_OPEN, OPEN], NONE_BETTER],
  ] as const) {
    assert.equal(ask(given, 'fails always'), expected, JSON.stringify(given))
  }
})

test('nodes without recent tries get a chance, but within half of the nodes and not in place of a larger one', () => {
  for (const [given, expected] of [
    [[BAD, {}], undefined],
    [[BAD, {}, {}, OPEN], undefined],
    [[BAD, {}, OPEN], LIMIT],
    [[{ ...BAD, weight: 99 }, { weight: 1 }], NONE_BETTER],
    [
      [
        { ...BAD, weight: 99 },
        { weight: 1, passed: 1 },
      ],
      undefined,
    ],
  ] as const) {
    assert.equal(ask(given, 'fails always'), expected, JSON.stringify(given))
  }
})

test('with ejectLastNode no other node need do better', () => {
  const settings = { ...SETTINGS, ejectLastNode: true }
  for (const [given, evidence, expected] of [
    [[BAD], 'fails always', undefined],
    [[BAD, OPEN, OPEN], 'fails always', undefined],
    [[{ passed: 5, failed: 5 }], 'fails often', undefined],
    [[{ passed: 5, failed: 5 }, OPEN], 'fails often', LIMIT],
  ] as const) {
    assert.equal(ask(given, evidence, settings), expected, JSON.stringify(given))
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

test('when all nodes fail most requests alike, none is ejected, and no request is refused', async t => {
  const { ask, table } = await startScene(
    t,
    { a: mostlyFails(), b: mostlyFails(), c: mostlyFails(), d: mostlyFails() },
    {},
    BREAKER,
  )
  const statuses = []
  for (let i = 0; i < 200; i++) statuses.push((await ask()).status)
  assert.deepEqual(new Set(statuses), new Set([200, 500]))
  assert.deepEqual(
    table.get('user')!.peers.map(peer => peer.breaker),
    ['closed', 'closed', 'closed', 'closed'],
  )
})

test('with ejectLastNode, half of the nodes that fail most requests still get requests', async t => {
  const { ask, table } = await startScene(
    t,
    { a: mostlyFails(), b: mostlyFails(), c: mostlyFails(), d: mostlyFails() },
    {},
    { ...BREAKER, ejectLastNode: true },
  )
  const statuses = []
  for (let i = 0; i < 200; i++) statuses.push((await ask()).status)
  assert.deepEqual(new Set(statuses), new Set([200, 500]))
  const open = table.get('user')!.peers.filter(peer => peer.breaker === 'open').length
  assert.equal(open, 2)
})
