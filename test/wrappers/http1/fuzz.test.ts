import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compare } from '../../fuzz/compare.ts'
import { LlhttpReader } from '../../fuzz/read-llhttp.ts'
import { OurReader } from '../../fuzz/read-ours.ts'
import { fuzz } from '../../fuzz/run.ts'

for (const seed of [1, 2, 3]) {
  test(`llhttp accepts what we accept, and understands it in the same way, seed ${seed}`, () => {
    const result = fuzz(seed, count => count >= 15_000)
    assert.deepEqual([...result.divergences.values()], [])
    // Makes sure that the run has exercised all outcomes.
    assert.ok(result.wholeForBoth > 3_000, `${result.wholeForBoth}`)
    assert.ok(result.refusedByBoth > 3_000, `${result.refusedByBoth}`)
    assert.ok(result.partialForBoth > 300, `${result.partialForBoth}`)
    assert.ok(result.refusedByUs.size > 3)
  })
}

/** Answers that the two readers once read differently, and that ours now refuses. */
const FOUND: Readonly<Record<string, string>> = {
  'a tab after an encoding': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n1\r\nx\r\n0\r\n\r\n',
  'a tab and a space after an encoding':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t \r\n\r\n1\r\nx\r\n0\r\n\r\n',
  'an interim answer of HTTP/1.0': 'HTTP/1.0 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'an interim answer that closes':
    'HTTP/1.1 103 Early\r\nConnection: close\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'an interim answer that closes by Proxy-Connection':
    'HTTP/1.1 103 Early\r\nProxy-Connection: close\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'an interim answer with a length':
    'HTTP/1.1 104 Soon\r\nContent-Length: 3\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'an interim answer with an encoding':
    'HTTP/1.1 199 Soon\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
}

for (const [what, bytes] of Object.entries(FOUND)) {
  test(`an answer that llhttp reads differently is refused: ${what}`, () => {
    const { ours, llhttps, divergence } = compare(
      { method: 'GET', bytes, cuts: [], isValid: false },
      new OurReader(),
      new LlhttpReader(),
    )
    assert.equal(ours.outcome, 'refused')
    assert.equal(divergence, undefined)
    assert.notDeepEqual([llhttps.status, llhttps.body, llhttps.end], [200, 'ok', bytes.length])
  })
}

test('a divergence is detected', () => {
  const bytes = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
  const each = { method: 'GET', bytes, cuts: [], isValid: true }
  const llhttp = new LlhttpReader()
  const whole = compare(each, new OurReader(), llhttp).ours
  for (const [wrong, divergence] of [
    [{ status: 201 }, 'the status differs'],
    [{ headers: [] }, 'the header lines differ'],
    [{ body: 'o' }, 'the body differs'],
    [{ body: 'no' }, 'the body differs'],
    [{ end: bytes.length - 1 }, 'the end differs'],
    [{ outcome: 'partial', end: -1 }, 'whole only for llhttp'],
    [{ outcome: 'refused', reason: 'a whim' }, 'a valid answer is refused: a whim'],
  ] as const) {
    const ours = { read: () => ({ ...whole, ...wrong }) }
    assert.equal(compare(each, ours as unknown as OurReader, llhttp).divergence, divergence)
  }
})
