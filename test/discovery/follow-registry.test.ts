import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Directory } from '../../discovery/directory.ts'
import { followRegistry } from '../../discovery/follow-registry.ts'
import { silentLogger } from '../../discovery/logger.ts'
import { MemoryRegistry } from '../../discovery/memory-registry.ts'
import type { RegistryEvent } from '../../discovery/registry.ts'
import { parseRoute } from './follow.ts'

/** A registry whose events are all available at once, as after a burst. */
class BurstRegistry extends MemoryRegistry {
  readonly #count: number

  constructor(count: number) {
    super()
    this.#count = count
  }

  override async *watch(): AsyncGenerator<RegistryEvent> {
    for (let n = 1; n <= this.#count; n++) {
      const entry = { kind: 'route', key: `/r/${n}`, id: `${n}`, document: { service: `s${n}` } } as const
      const [source, scope, revision] = ['/r/', 'routes', `${n}`] as const
      yield { type: 'change', source, scope, revision, puts: [entry], deletes: [] }
    }
  }
}

/** Returns how many events were applied between two turns of the event loop, each after `busyMs` of work. */
async function followBurst(t: TestContext, count: number, busyMs: number): Promise<readonly number[]> {
  const perTurn = [0]
  let immediate = setImmediate(function turn() {
    perTurn.push(0)
    immediate = setImmediate(turn)
  })
  t.after(() => clearImmediate(immediate))
  await followRegistry({
    registry: new BurstRegistry(count),
    directory: new Directory({ parseRoute: () => ({ reason: 'none here' }) }),
    suspectGraceMs: 0,
    logger: silentLogger,
    onApplied: () => {
      perTurn.push(perTurn.pop()! + 1)
      const until = performance.now() + busyMs
      while (performance.now() < until);
    },
    signal: t.signal,
  })
  assert.equal(
    perTurn.reduce((sum, each) => sum + each),
    count,
  )
  return perTurn
}

test('other work runs between two events of a burst that take long', async t => {
  const perTurn = await followBurst(t, 20, 5)
  assert.equal(Math.max(...perTurn), 1)
})

test('other work runs between some events of a burst, however short each event is', async t => {
  const perTurn = await followBurst(t, 100, 1)
  assert.ok(Math.max(...perTurn) <= 5, String(perTurn))
})

test('what is to be remembered is handed on once for all changes within 500 ms, and at the end', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const counts: number[] = []
  let applied = 0
  await followRegistry({
    registry: new BurstRegistry(100),
    directory: new Directory({ parseRoute }),
    suspectGraceMs: 0,
    logger: silentLogger,
    onApplied: () => {
      if (++applied === 51) t.mock.timers.tick(500)
    },
    onRemembered: ({ documented }) => counts.push(documented.length),
    signal: t.signal,
  })
  assert.deepEqual(counts, [1, 50, 100])
})
