import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withoutHeaders } from '../../../internal/http/header-lines.ts'
import { Choice } from '../../fuzz/choice.ts'
import { passedTrailers } from '../../fuzz/hop-by-hop.ts'
import { type MadeAnswer, makeAnswer } from '../../fuzz/make-answer.ts'
import { mutate } from '../../fuzz/mutate.ts'
import { LlhttpReader } from '../../fuzz/read-llhttp.ts'
import { OurReader } from '../../fuzz/read-ours.ts'
import type { Reading } from '../../fuzz/reading.ts'
import { sendRaw } from '../../support/http.ts'
import { startDispatchFront } from './dispatch-front.ts'

/** Returns flat lines without the Date that Node's server adds if there is none. */
function withoutAddedDate({ headers }: Reading, sent: Reading): readonly string[] {
  const hasDate = sent.headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'date')
  return hasDate ? headers : headers.slice(0, headers.lastIndexOf('Date'))
}

/** A 204 has no length, even if the node sends one. */
function linesFor({ status, headers }: Reading): readonly string[] {
  return status === 204 ? withoutHeaders(headers, new Set(['content-length'])) : headers
}

/** Asserts that a client reads each answer as the gateway has read it. */
async function checkRoundTrip(t: test.TestContext, seed: number, make: (choice: Choice) => MadeAnswer) {
  const choice = new Choice(seed)
  const answers = Array.from({ length: 100 }, () => {
    const made = make(choice)
    return { ...made, sent: new OurReader().read(made.method, made.bytes, []) }
  })
  const { front, peer, node } = await startDispatchFront(t, async (socket, request) => {
    const { bytes, sent } = answers[Number(request.target.slice(1))]!
    for (let at = 0; at < bytes.length; ) {
      const to = at + 1 + choice.below(bytes.length)
      socket.write(bytes.slice(at, to), 'latin1')
      at = to
      await new Promise(setImmediate)
    }
    if (sent.outcome === 'partial' || !sent.persistent) socket.end()
  })
  const llhttp = new LlhttpReader()
  let whole = 0
  for (const [i, { method, bytes, sent }] of answers.entries()) {
    const raw = await sendRaw(
      front.port,
      `${method} /${i} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n${method === 'POST' ? 'Content-Length: 0\r\n' : ''}\r\n`,
    )
    const got = llhttp.read(method, raw, raw.length)
    const what = `${JSON.stringify(bytes)} came as ${JSON.stringify(raw)}`
    if (sent.outcome === 'whole') {
      whole++
      assert.deepEqual([got.outcome, got.status, got.body], ['whole', sent.status, sent.body], what)
      assert.deepEqual(withoutAddedDate(got, sent), linesFor(sent), what)
      assert.equal(got.end, raw.length, what)
      assert.deepEqual(got.trailers, passedTrailers(sent.trailers, sent.connectionOptions), what)
      assert.deepEqual(
        got.interims,
        sent.interims
          .filter(({ status }) => status !== 100)
          .map(({ status, headers }) => ({
            status,
            headers: withoutHeaders(headers, new Set(['content-length'])),
          })),
        what,
      )
    } else if (sent.status === 0) assert.equal(got.status, 599, what)
    else {
      assert.notEqual(got.outcome, 'whole', what)
      assert.ok(sent.body.startsWith(got.body), what)
    }
  }
  assert.equal(peer.inFlight, 0)
  return { whole, connections: node.connections }
}

test('answers in random pieces reach a raw client byte for byte', async t => {
  const { whole, connections } = await checkRoundTrip(t, 1, makeAnswer)
  assert.ok(whole > 90, `${whole} whole`)
  assert.ok(connections < 90, `${connections} connections`)
})

test('broken answers in random pieces reach a raw client byte for byte, or do not look whole', async t => {
  const { whole } = await checkRoundTrip(t, 3, choice => {
    const made = makeAnswer(choice)
    return { ...made, bytes: mutate(choice, made.bytes, makeAnswer(choice).bytes) }
  })
  assert.ok(whole > 20 && whole < 80, `${whole} whole`)
})
