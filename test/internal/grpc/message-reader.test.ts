import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MessageError, MessageReader } from '../../../internal/grpc/message-reader.ts'
import { writeMessage } from '../../support/grpc-message.ts'

const MESSAGES = ['hello', '', 'x'.repeat(300), '\0\0\0\0\0', 'z']
const BODY = Buffer.concat(MESSAGES.map(text => writeMessage(Buffer.from(text))))

function readAll(reader: MessageReader, chunks: Iterable<Buffer>): string[] {
  const seen: string[] = []
  for (const chunk of chunks) {
    reader.push(chunk)
    for (let message = reader.read(); message; message = reader.read()) {
      assert.equal(message.isCompressed, false)
      seen.push(message.bytes.toString())
    }
  }
  return seen
}

test('messages are read from a body that is split anywhere', () => {
  for (let first = 0; first <= BODY.length; first++) {
    for (const second of new Set([
      first,
      Math.min(first + 1, BODY.length),
      Math.min(first + 7, BODY.length),
    ])) {
      const reader = new MessageReader(1_000)
      const chunks = [BODY.subarray(0, first), BODY.subarray(first, second), BODY.subarray(second)]
      assert.deepEqual(readAll(reader, chunks), MESSAGES)
      reader.end()
    }
  }
})

test('messages are read from chunks of every size', () => {
  for (let size = 1; size <= BODY.length; size++) {
    const reader = new MessageReader(1_000)
    const chunks = []
    for (let at = 0; at < BODY.length; at += size) chunks.push(BODY.subarray(at, at + size))
    assert.deepEqual(readAll(reader, chunks), MESSAGES)
    reader.end()
  }
})

test('chunks may come before all messages of the last one were read', () => {
  const reader = new MessageReader(1_000)
  reader.push(BODY.subarray(0, 20))
  assert.equal(reader.read()?.bytes.toString(), MESSAGES[0])
  reader.push(BODY.subarray(20))
  const rest = [reader.read(), reader.read(), reader.read(), reader.read(), reader.read()]
  assert.deepEqual(
    rest.map(message => message?.bytes.toString()),
    [...MESSAGES.slice(1), undefined],
  )
})

test('a message within one chunk is not copied', () => {
  const reader = new MessageReader(1_000)
  reader.push(BODY)
  assert.equal(reader.read()?.bytes.buffer, BODY.buffer)
})

test('a compressed message is marked', () => {
  const reader = new MessageReader(10)
  const body = writeMessage(Buffer.from('abc'))
  body[0] = 1
  reader.push(body)
  assert.equal(reader.read()?.isCompressed, true)
})

test('a message may be as long as the limit, and not longer', () => {
  const reader = new MessageReader(300)
  reader.push(writeMessage(Buffer.alloc(300)))
  assert.equal(reader.read()?.bytes.length, 300)
  reader.push(writeMessage(Buffer.alloc(301)))
  assert.throws(() => reader.read(), { reason: 'too-large' })
})

test('an announced length of 4 GiB takes no memory', () => {
  const prefix = Buffer.from([0, 0xff, 0xff, 0xff, 0xff])
  const strict = new MessageReader(4 * 1024 * 1024)
  strict.push(prefix)
  assert.throws(() => strict.read(), { reason: 'too-large' })

  const { arrayBuffers } = process.memoryUsage()
  const readers = Array.from({ length: 50 }, () => {
    const reader = new MessageReader(Number.MAX_SAFE_INTEGER)
    reader.push(prefix)
    assert.equal(reader.read(), undefined)
    reader.push(Buffer.alloc(10))
    assert.equal(reader.read(), undefined)
    return reader
  })
  assert.ok(process.memoryUsage().arrayBuffers - arrayBuffers < 4 * 1024 * 1024)
  assert.throws(() => readers[0]?.end(), { reason: 'cut-off' })
})

test('a long message that comes byte by byte is collected in one place', () => {
  const reader = new MessageReader(100_000)
  const text = 'abcdefghij'.repeat(5_000)
  const body = writeMessage(Buffer.from(text))
  const seen = readAll(
    reader,
    Array.from(body, byte => Buffer.from([byte])),
  )
  assert.equal(seen.length, 1)
  assert.equal(seen[0], text)
})

test('a flag that does not exist is refused', () => {
  for (const flag of [2, 0x80, 0xff]) {
    const reader = new MessageReader(10)
    reader.push(Buffer.from([flag, 0, 0, 0, 0]))
    assert.throws(() => reader.read(), { reason: 'malformed' })
  }
})

test('a body that ends within a prefix or a message is cut off', () => {
  for (let length = 1; length < 10; length++) {
    const reader = new MessageReader(10)
    reader.push(writeMessage(Buffer.from('hello')).subarray(0, length))
    reader.read()
    assert.throws(() => reader.end(), MessageError)
  }
  new MessageReader(10).end()
})
