import assert from 'node:assert/strict'
import { test } from 'node:test'
import { autoCodec } from '../../../discovery/codecs/auto.ts'
import type { Codec } from '../../../discovery/codecs/codec.ts'
import { codecs } from '../../../discovery/codecs/codecs.ts'
import { createNode } from '../../../internal/nodes/node.ts'
import { refuses } from '../codec-contract.ts'
import { fixtures } from './fixtures.ts'
import { createMutator } from './mutator.ts'

const SEED = 20_261_121
const ROUNDS = 5_000

test(`${ROUNDS} mutated keys and values are good nodes or a reason, and nothing else, in two seconds`, () => {
  const mutator = createMutator(SEED)
  const before = process.cpuUsage()
  const seen = { nodes: 0, none: 0, refused: 0 }
  for (let round = 0; round < ROUNDS; round += 1) {
    const { codec, path, value } = mutator.pick(fixtures)
    const changed = mutator.chance(0.3)
      ? { path: mutator.text(path), value }
      : { path, value: mutator.value(value) }
    const reader = mutator.chance(0.1) ? mutator.pick(codecs) : mutator.chance(0.3) ? autoCodec : codec
    try {
      seen[check(reader, changed.path, changed.value)] += 1
    } catch (error) {
      const told = JSON.stringify([changed.path, changed.value.slice(0, 500)])
      throw new Error(`round ${round}, ${reader.name}: ${told}`, { cause: error })
    }
  }
  const { user, system } = process.cpuUsage(before)
  assert.ok((user + system) / 1000 < 2_000, `took ${(user + system) / 1000} ms of processor time`)
  assert.deepEqual(Object.keys(Object.prototype), [], 'no prototype was touched')
  // A generator whose values all go one way would prove little.
  assert.ok(seen.nodes > ROUNDS / 10 && seen.refused > ROUNDS / 10 && seen.none > 10, JSON.stringify(seen))
})

function check(codec: Codec, path: string, value: string): 'nodes' | 'none' | 'refused' {
  let nodes: ReturnType<Codec['decode']>
  try {
    nodes = codec.decode(path, value)
  } catch (error) {
    refuses(() => {
      throw error
    })
    return 'refused'
  }
  assert.equal(new Set(nodes.map(node => node.id)).size, nodes.length)
  for (const node of nodes) {
    assert.ok(Object.isFrozen(node) && Object.isFrozen(node.metadata))
    assert.equal(Object.getPrototypeOf(node.metadata), Object.prototype)
    assert.deepEqual(createNode(node), node)
    assert.ok(Object.values(node.metadata).every(item => typeof item === 'string'))
  }
  return nodes.length > 0 ? 'nodes' : 'none'
}
