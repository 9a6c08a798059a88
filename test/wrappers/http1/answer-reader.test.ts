import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnswerHead } from '../../../wrappers/http1/answer-head.ts'
import { AnswerReader, type AnswerSink } from '../../../wrappers/http1/answer-reader.ts'
import { InvalidAnswer } from '../../../wrappers/transport/answer-rules.ts'

interface Seen {
  readonly interims: AnswerHead[]
  readonly heads: AnswerHead[]
  body: string
}

/** Creates a reader, a record of what it reports, and a function that feeds it latin1 text. */
function startReader(method = 'GET', maxHeadBytes = 16_384) {
  const seen: Seen = { interims: [], heads: [], body: '' }
  const sink: AnswerSink = {
    onInterim: head => seen.interims.push(head),
    onHead: head => seen.heads.push(head),
    onPiece: (buffer, from, to) => {
      assert.ok(from < to, 'no piece is empty')
      seen.body += buffer.toString('latin1', from, to)
    },
  }
  const reader = new AnswerReader(sink, maxHeadBytes)
  reader.start(method)
  /** Returns where the answer ends in all pieces together; -1 while it goes on. */
  const read = (...pieces: string[]): number => {
    let before = 0
    for (const piece of pieces) {
      const buffer = Buffer.from(piece, 'latin1')
      const end = reader.read(buffer, buffer.length)
      buffer.fill('!')
      if (end !== -1) return before + end
      before += piece.length
    }
    return -1
  }
  return { reader, seen, read }
}

function refused(pieces: readonly string[], message: string): void {
  assert.throws(
    () => startReader().read(...pieces),
    error => error instanceof InvalidAnswer && error.message.includes(message),
    JSON.stringify(pieces).slice(0, 200),
  )
}

const ANSWERS: Readonly<Record<string, [text: string, body: string]>> = {
  length: ['HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 5\r\n\r\nhello', 'hello'],
  chunks: [
    'HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n2\r\n\r\n\r\n0\r\nT: 1\r\n\r\n',
    'abc\r\n',
  ],
  nothing: ['HTTP/1.1 204 No Content\r\n\r\n', ''],
  'interim answers': [
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'ok',
  ],
}

for (const [what, [text, body]] of Object.entries(ANSWERS)) {
  test(`an answer is the same wherever its bytes are cut: ${what}`, () => {
    const bySurplus = (pieces: string[]) => {
      const { reader, read, seen } = startReader()
      assert.equal(read(...pieces), text.length, JSON.stringify(pieces))
      assert.deepEqual(reader.trailers, what === 'chunks' ? ['T', '1'] : undefined)
      assert.deepEqual(
        seen.interims.map(head => [head.status, head.headers]),
        what === 'interim answers'
          ? [
              [100, []],
              [103, ['Link', 'a']],
            ]
          : [],
      )
      assert.equal(seen.body, body)
      assert.deepEqual(
        seen.heads.map(head => head.status),
        [what === 'nothing' ? 204 : 200],
      )
    }
    for (let cut = 0; cut <= text.length; cut++) {
      bySurplus([text.slice(0, cut), text.slice(cut)])
      bySurplus([text.slice(0, cut), `${text.slice(cut)}surplus`])
    }
    bySurplus([...text])
  })
}

test('the head is reported once, before the body, and available from then on', () => {
  const { reader, seen, read } = startReader()
  assert.equal(read('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r'), -1)
  assert.equal(reader.head, undefined)
  assert.equal(read('\n'), -1)
  assert.equal(reader.head, seen.heads[0])
  assert.equal(read('hel'), -1)
  assert.equal(read('lo'), 2)
  assert.equal(seen.heads.length, 1)
})

test('an answer that ends with its connection includes all further bytes', () => {
  const { read, seen, reader } = startReader()
  assert.equal(read('HTTP/1.1 200 OK\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\n', '\0'), -1)
  assert.equal(seen.body, 'HTTP/1.1 200 OK\r\n\r\n\0')
  assert.equal(reader.head!.framing, 'close')
})

test('a reader reads one answer after the other, without mixing them', () => {
  const { reader, read, seen } = startReader()
  for (let round = 0; round < 3; round++) {
    for (const [text, body] of Object.values(ANSWERS)) {
      for (const pieces of [[text], [...text]]) {
        reader.start('GET')
        assert.equal(reader.head, undefined)
        seen.body = ''
        assert.equal(read(...pieces), text.length)
        assert.equal(seen.body, body)
      }
    }
    reader.start('HEAD')
    assert.equal(read('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'), 38)
  }
})

test('an answer that is abandoned in the middle leaves nothing for the next', () => {
  const { reader, read, seen } = startReader()
  for (const beginning of [
    'HTTP/1.1 200 OK\r\nA',
    'HTTP/1.1 100 Continue\r\n\r\nHT',
    'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n12',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a',
  ]) {
    reader.start('GET')
    assert.equal(read(beginning), -1)
    reader.start('GET')
    seen.body = ''
    assert.equal(read('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'), 40)
    assert.equal(seen.body, 'ok')
  }
})

test('a head may be as long as the setting says, however it is cut', () => {
  for (const max of [1_024, 16_384, 200_000]) {
    const start = 'HTTP/1.1 204 No Content\r\nA: '
    const heads = [max, max + 1].map(length => `${start}${'x'.repeat(length - start.length)}\r\n\r\n`)
    for (const [head, isRefused] of [
      [heads[0]!, false],
      [heads[1]!, true],
    ] as const) {
      for (const at of [1, max - 1, max, max + 1, max + 2, max + 3]) {
        const read = () => startReader('GET', max).read(head.slice(0, at), head.slice(at))
        if (isRefused) assert.throws(read, /too large for upstream\.answerHeadBytes/, `${max} ${at}`)
        else assert.equal(read(), head.length, `${max} ${at}`)
      }
    }
  }
})

test('a broken line end in an unfinished head is refused wherever the head is cut', () => {
  const broken = ['A: 1\n', 'A: 1\r', 'A: \x01', '\nA: 1', '\rA: 1'].map(
    lines => `HTTP/1.1 200 OK\r\n${lines}B: 2\r\nC: 3`,
  )
  for (const head of broken) {
    for (let at = 1; at < head.length; at++) {
      assert.throws(
        () => startReader().read(head.slice(0, at), head.slice(at)),
        InvalidAnswer,
        `${at} ${head}`,
      )
    }
    assert.throws(() => startReader().read(...head), InvalidAnswer)
  }
  const whole = 'HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 0\r\n\r\n'
  assert.equal(startReader().read(...whole), whole.length)
})

test('a head may be 16 KB long, however it is cut', () => {
  // The limit applies to everything but the empty line and the CRLF before it.
  const start = 'HTTP/1.1 204 No Content\r\nA: '
  const fits = `${start}${'x'.repeat(16_384 - start.length)}\r\n\r\n`
  const tooLong = `${start}${'x'.repeat(16_385 - start.length)}\r\n\r\n`
  for (const behind of ['', 'surplus', 'x'.repeat(50_000)]) {
    for (const at of [1, 100, 16_000, 16_383, 16_384, 16_385, 16_386, 16_387, 16_388]) {
      assert.equal(startReader().read(fits.slice(0, at), fits.slice(at) + behind), fits.length, `${at}`)
      refused([tooLong.slice(0, at), tooLong.slice(at) + behind], 'too large')
    }
    assert.equal(startReader().read(fits + behind), fits.length)
    refused([tooLong + behind], 'too large')
  }
  refused(['HTTP/1.1 200 OK\r\nA: ', ...Array.from({ length: 20 }, () => 'x'.repeat(1_000))], 'too large')
})

test('interim answers do not count against the size of the head, but there are at most 32, and 64 KB of them', () => {
  const interim = `HTTP/1.1 103 Early Hints\r\nLink: ${'x'.repeat(1_000)}\r\n\r\n`
  const final = 'HTTP/1.1 204 No Content\r\n\r\n'
  for (const pieces of [
    [interim.repeat(32) + final],
    [...Array.from({ length: 32 }, () => interim), final],
  ]) {
    assert.equal(startReader().read(...pieces), interim.length * 32 + final.length)
  }
  refused([interim.repeat(33) + final], 'too many interim')
  const large = (bytes: number) => `HTTP/1.1 103 Early\r\nLink: ${'x'.repeat(bytes - 30)}\r\n\r\n`
  assert.equal(large(16_384).length, 16_384)
  assert.notEqual(startReader().read(large(16_384).repeat(4) + final), -1)
  refused([large(16_384).repeat(4) + large(100) + final], 'too many interim')
  // The limits apply to each answer.
  const { reader, read } = startReader()
  for (let i = 0; i < 3; i++) {
    reader.start('GET')
    assert.notEqual(read(interim.repeat(32) + final), -1)
  }
})

test('an answer that switches protocols is refused', () => {
  refused(
    ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n'],
    'switched protocols',
  )
  refused(['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\r\n'], 'switched protocols')
})

// llhttp accepts nothing after it.
test('an interim answer that ends the connection is refused', () => {
  const final = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
  refused([`HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n${final}`], 'ends the connection')
  refused([`HTTP/1.0 103 Early Hints\r\n\r\n${final}`], 'ends the connection')
  const kept = 'HTTP/1.0 100 Continue\r\nConnection: keep-alive\r\n\r\n'
  assert.equal(startReader().read(kept + final), kept.length + final.length)
})

test('a malformed head is refused before it is whole', () => {
  for (const beginning of ['S', 'HTTP/2', '\r\n', ' HTTP/1.1 200', 'HTTP/1.1 100 Continue\r\n\r\nx'])
    refused([beginning], 'not HTTP/1')
  for (const beginning of [
    'HTTP/1.1 200 OK\n',
    'HTTP/1.1 200 OK\r\nA: b\n',
    'HTTP/1.1 200 OK\rA',
    'HTTP/1.1 200 OK\r\nA\0',
    'HTTP/1.1 200 OK\r\nA: \x7f',
    'HTTP/1.1 200 OK\r\nA: b\r\r',
    'HTTP/1.1 200 OK\n\n',
  ]) {
    refused([beginning], 'control character')
    refused([...beginning], 'control character')
  }
  // The CR of a line end may arrive alone.
  assert.equal(startReader().read('HTTP/1.1 200 OK\r', '\nA: b\r', '\n\r'), -1)
})

test('a body that is refused has been passed on up to the error', () => {
  const { read, seen } = startReader()
  assert.throws(
    () => read('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nx\r\n'),
    (error: Error) => error instanceof InvalidAnswer && error.stack === `${error}`,
  )
  assert.equal(seen.body, 'abc')
})
