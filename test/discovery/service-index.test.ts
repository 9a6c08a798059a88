import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServiceIndex } from '../../discovery/service-index.ts'
import { type Node, suspected } from '../../internal/nodes/node.ts'
import { seededRandom } from '../support/random.ts'

function nodeOf(id: string, port: number, service = 's'): Node {
  return { id, service, host: '127.0.0.1', port, weight: 1, metadata: {} }
}

/** An index, and what the keys have that it is made of. */
class Keys {
  readonly nodes = new Map<string, readonly Node[]>()
  readonly leased = new Set<string>()
  /** The keys that the index has asked for. */
  readonly asked: string[] = []
  readonly index = new ServiceIndex(
    key => {
      this.asked.push(key)
      return this.nodes.get(key) ?? []
    },
    key => this.leased.has(key),
  )

  /** Changes keys, and gathers the services that they touch. Returns those whose nodes have changed. */
  change(changes: Iterable<readonly [key: string, nodes: readonly Node[], isLeased?: boolean]>): string[] {
    const touched = new Set<string>()
    for (const [key, nodes, isLeased = true] of changes) {
      const before = this.nodes.get(key) ?? []
      this.nodes.set(key, nodes)
      if (isLeased) this.leased.add(key)
      else this.leased.delete(key)
      this.index.move(key, before, nodes, touched)
    }
    return [...touched].filter(service => this.index.gather(service))
  }

  /** An index that has gathered the same keys anew. */
  anew(): ServiceIndex {
    const other = new Keys()
    other.change(Array.from(this.nodes, ([key, nodes]) => [key, nodes, this.leased.has(key)]))
    return other.index
  }
}

test('a change of one node of a service does not look at the keys of the others', () => {
  const keys = new Keys()
  keys.change(Array.from({ length: 1_000 }, (_, i) => [`/s/n${i}`, [nodeOf(`n${i}`, i + 1)]]))
  const before = keys.index.services.get('s')!
  keys.asked.length = 0
  assert.deepEqual(keys.change([['/s/n500', []]]), ['s'])
  assert.deepEqual(keys.change([['/s/n500', [nodeOf('n500', 9)]]]), ['s'])
  assert.deepEqual(keys.change([['/s/n501', [{ ...nodeOf('n501', 502) }]]]), [])
  assert.ok(keys.asked.length <= 3, `${keys.asked.length} keys`)
  const after = keys.index.services.get('s')!
  assert.equal(before.length, 1_000, 'a list that was handed out stays')
  assert.deepEqual(
    after.filter((node, place) => node !== before[place]).map(({ id, port }) => `${id}:${port}`),
    ['n500:9'],
  )
  assert.equal(keys.index.size, 1_000)
})

test('whatever keys become, the index is as if all of them were gathered anew', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seededRandom(seed)
    const pick = (count: number) => Math.floor(random() * count)
    const oddity = seed % 3 === 0 ? 0 : 0.1
    const keys = new Keys()
    for (let step = 0; step < 60; step++) {
      const known = keys.index.services
      const before = new Map([...known].map(([service, nodes]) => [service, nodes]))
      const changes = Array.from({ length: 1 + pick(4) }, () => {
        const at = pick(12)
        const service = random() < 0.8 ? 's' : 't'
        const id = random() < oddity ? `n${pick(12)}` : `n${at}`
        const node = nodeOf(id, 1 + (random() < 0.3 ? pick(12) : at), service)
        const nodes = random() < 0.25 ? [] : [random() < oddity ? suspected(node) : node]
        if (random() < oddity) nodes.push(nodeOf(`n${pick(12)}`, 1 + pick(12), random() < 0.5 ? 's' : 't'))
        return [`/${at}`, nodes, random() >= oddity] as const
      })
      const changed = keys.change(changes)
      const anew = keys.anew()
      const where = `seed ${seed}, step ${step}`
      assert.deepEqual(new Map([...known].sort()), new Map([...anew.services].sort()), where)
      assert.deepEqual([...keys.index.duplicates()].sort(), [...anew.duplicates()].sort(), where)
      assert.deepEqual(new Map([...keys.index.unleased].sort()), new Map([...anew.unleased].sort()), where)
      assert.equal(keys.index.size, anew.size, where)
      for (const service of ['s', 't']) {
        const [was, is] = [before.get(service) ?? [], known.get(service) ?? []]
        const isSame = was.length === is.length && was.every((node, place) => node === is[place])
        assert.equal(changed.includes(service), !isSame, `${where}: ${service}`)
      }
    }
  }
})
