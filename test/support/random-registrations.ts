import { setTimeout as delay } from 'node:timers/promises'
import { startEtcd } from './etcd.ts'
import { openEtcdClient } from './etcd-client.ts'
import { seededRandom } from './random.ts'
import type { ScenarioOptions } from './registrar-model.ts'

export interface SeedOptions {
  readonly run: (scenario: ScenarioOptions) => Promise<void>
  /** The first seed; the others follow it. What happens within etcd, and when, does not repeat. */
  readonly seed: number
  /** So many nodes share the store at a time. */
  readonly atOnce: number
  readonly rounds: number
  /** No new seed begins after this. */
  readonly forMs: number
  /** Whether the store is killed, and loses its data, now and then. */
  readonly withRestarts: boolean
}

/**
 * Runs scenarios of one seed each against an etcd of their own.
 *
 * @returns how many ran, and what was wrong in which
 */
export async function runSeeds(
  options: SeedOptions,
): Promise<{ seeds: number; failures: readonly string[] }> {
  const { run, seed, atOnce, rounds, forMs, withRestarts } = options
  await using etcd = await startEtcd()
  const operator = openEtcdClient(etcd.url)
  const endAt = performance.now() + forMs
  const over = new AbortController()
  const failures: string[] = []
  let [seeds, wipes, restarts] = [0, 0, 0]
  let up = Promise.resolve()
  const runSome = async () => {
    do {
      const id = `seed-${seed + seeds++}`
      const random = seededRandom(Number(id.slice(5)))
      const store = { wipes: () => wipes, restarts: () => restarts, whenUp: () => up }
      await run({ url: etcd.url, operator, id, random, rounds, ...store }).catch(error =>
        failures.push(error.message),
      )
    } while (performance.now() < endAt)
  }
  const restartSometimes = async () => {
    const random = seededRandom(seed)
    for (;;) {
      await delay(6_000 + random() * 16_000, undefined, { signal: over.signal })
      const wipe = random() < 0.3
      const ready = Promise.withResolvers<void>()
      up = ready.promise
      if (wipe) wipes++
      restarts++
      await etcd.restart({ wipe })
      restarts++
      ready.resolve()
    }
  }
  const restarting = withRestarts ? restartSometimes().catch(() => {}) : undefined
  await Promise.all(Array.from({ length: atOnce }, runSome))
  over.abort()
  await restarting
  operator.close()
  return { seeds, failures }
}
