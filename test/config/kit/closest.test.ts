import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closest } from '../../../config/kit/closest.ts'

const cases: [word: string, candidates: string[], expected: string | undefined][] = [
  ['prot', ['port', 'host'], 'port'],
  ['Port', ['port', 'host'], 'port'],
  ['adminport', ['adminHost', 'adminPort'], 'adminPort'],
  ['failureRatoi', ['failureRatio', 'windowMs'], 'failureRatio'],
  ['timeout', ['timeoutMs', 'retries'], 'timeoutMs'],
  ['colour', ['port', 'host'], undefined],
  ['x', ['y'], undefined],
  ['a', [], undefined],
  ['p'.repeat(10_000), ['port'], undefined],
]

for (const [word, candidates, expected] of cases) {
  test(`of ${candidates.join(', ') || 'nothing'}, ${word.slice(0, 20)} means ${expected ?? 'none'}`, () => {
    assert.equal(closest(word, candidates), expected)
  })
}
