import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { cutText, ownText } from '../../../internal/telemetry/cut-text.ts'

for (const [name, shorten] of [
  ['a text that is cut', (text: string) => cutText(text, 8_192)],
  ['a copy of a part of a text', (text: string) => ownText(text.slice(0, 8_192))],
] as const) {
  test(`${name} lets the rest of it go`, () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    collect()
    const before = process.memoryUsage().heapUsed
    const cut = Array.from({ length: 50 }, (_, n) =>
      shorten(String.fromCharCode(97 + (n % 26)).repeat(1_000_000)),
    )
    collect()
    assert.ok(cut.every(text => text.length === 8_192))
    const kept = process.memoryUsage().heapUsed - before
    assert.ok(kept < 5_000_000, `${kept} bytes`)
  })
}

test('a short text stays as it is, and one that is cut gets a mark', () => {
  assert.equal(cutText('{"port": 1}', 11, '…'), '{"port": 1}')
  assert.equal(cutText('é'.repeat(9_000), 8_192), 'é'.repeat(8_192))
  assert.equal(cutText('abcd', 2, '…'), 'ab…')
})
