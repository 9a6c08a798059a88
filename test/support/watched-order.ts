import assert from 'node:assert/strict'
import { EtcdRegistry } from '../../discovery/etcd/etcd-registry.ts'
import type { RegistryEntry } from '../../discovery/registry.ts'

/** A registry in this process whose events for nodes are all checked. */
export interface WatchedOrder extends AsyncDisposable {
  /** Number of change events so far. */
  readonly changes: number
  /** Number of relists after the first listing. */
  readonly relists: number
  /** The newest number seen of each node key. */
  readonly numbers: ReadonlyMap<string, number>
  /** Throws the first violation: a revision that did not rise, or a number that repeated or went back. */
  check(): void
}

/**
 * Watches the nodes of an etcd. Each node has a number in its metadata, which writers raise with every put of its key.
 * Changes must arrive with rising revisions and rising numbers of each key. A relist may repeat numbers, but must not
 * go back.
 */
export function watchOrder(url: string): WatchedOrder {
  const registry = new EtcdRegistry({ endpoints: [url] })
  const stopping = new AbortController()
  const numbers = new Map<string, number>()
  let revision = 0n
  let changes = 0
  let snapshots = 0
  let violation: Error | undefined
  const note = (entry: RegistryEntry, least: number) => {
    assert.ok(entry.kind === 'nodes', `a good value of ${entry.key}`)
    const number = Number(entry.nodes[0]?.metadata.n ?? 0)
    const known = numbers.get(entry.key) ?? -1
    assert.ok(number >= known + least, `${entry.key}: ${number} after ${known}`)
    numbers.set(entry.key, number)
  }
  const run = async () => {
    for await (const event of registry.watch(stopping.signal)) {
      if (event.scope !== 'nodes' || event.type === 'status') continue
      const now = BigInt(event.revision)
      if (event.type === 'snapshot') {
        snapshots++
        assert.ok(now >= revision, `everything at ${now} after ${revision}`)
        for (const entry of event.entries) note(entry, 0)
      } else {
        changes++
        assert.ok(now > revision, `changes at ${now} after ${revision}`)
        for (const entry of event.puts) note(entry, 1)
        assert.deepEqual(event.deletes, [])
      }
      revision = now
    }
  }
  const running = run().catch((error: Error) => {
    violation = error
  })
  return {
    get changes() {
      return changes
    },
    get relists() {
      return Math.max(0, snapshots - 1)
    },
    numbers,
    check() {
      if (violation) throw violation
    },
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await running
      await registry.close()
    },
  }
}
