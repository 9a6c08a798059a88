import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2 from 'node:http2'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { FrameWriter } from '../../../internal/http2/frame-writer.ts'
import { ERROR, FLAG, FRAME, FrameReader, MAX_FRAME_BYTES } from '../../../internal/http2/frames.ts'
import { HpackEncoder } from '../../../internal/http2/hpack-encoder.ts'
import { Choice } from '../../fuzz/choice.ts'
import { hasPythonHpack, runPythonHpack } from '../../support/python-hpack.ts'
import { blockOf, createDecoder, decodeBlock } from './header-blocks.ts'

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
const CALLS = 150

/** Returns fields that every HTTP/2 implementation accepts, some of which repeat. */
function randomFields(choice: Choice): string[] {
  const names = ['x-a', 'x-b', 'x-some-longer-name', 'accept', 'x_under', "x!#$%&'*+.^`|~9"]
  const fields = choice.some(0, 15, () => [choice.of(names), randomValue(choice)])
  // Node accepts one line of each of these.
  for (const name of ['authorization', 'etag', 'user-agent'])
    if (choice.chance(0.3)) fields.push([name, randomValue(choice)])
  return fields.flat()
}

function randomValue(choice: Choice): string {
  if (choice.chance(0.7)) return `value ${choice.below(20)}`
  const length = choice.below(choice.of([4, 40, 400]))
  return choice
    .bytes(length)
    .replace(/[^\t\x20-\x7e\x80-\xff]/g, 'x')
    .replace(/^[ \t]+|[ \t]+$/g, '')
}

/** Reads the header blocks of one side; what else it sends is ignored. */
function createBlockReader(onBlock: (streamId: number, block: Buffer) => void): FrameReader {
  let pieces: Buffer[] = []
  return new FrameReader(MAX_FRAME_BYTES, (type, flags, streamId, bytes, start, end) => {
    if (type !== FRAME.headers && type !== FRAME.continuation) return
    assert.ok((flags & (FLAG.padded | FLAG.priority)) === 0 || type === FRAME.continuation)
    pieces.push(Buffer.from(bytes.subarray(start, end)))
    if ((flags & FLAG.endHeaders) === 0) return
    onBlock(streamId, Buffer.concat(pieces))
    pieces = []
  })
}

for (const tableBytes of [0, 100, 4096, 65_536]) {
  test(`nghttp2 as a server with a table of ${tableBytes} reads what we encode, and we read what it encodes`, async t => {
    const choice = new Choice(tableBytes)
    const seen: string[][] = []
    const answers: string[][] = []
    const server = http2.createServer({
      settings: { headerTableSize: tableBytes },
      maxSendHeaderBlockLength: 1 << 20,
    })
    server.on('stream', (stream: http2.ServerHttp2Stream, _headers, _flags, rawHeaders) => {
      seen.push(rawHeaders)
      const fields = randomFields(choice)
      answers.push([':status', '200', ...fields])
      stream.respond([':status', '200', ...fields] as unknown as http2.OutgoingHttpHeaders, {
        endStream: true,
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    t.after(() => {
      socket.destroy()
      server.close()
    })
    const encoder = new HpackEncoder({ mayIndex: name => name !== 'x-b' })
    encoder.setMaxTableBytes(tableBytes)
    const decoder = createDecoder()
    const writer = new FrameWriter()
    const requests: string[][] = []
    const read: string[][] = []
    const send = () => {
      const request = [
        ':method',
        'GET',
        ':scheme',
        'http',
        ':path',
        `/${choice.below(5)}`,
        ':authority',
        'h',
        ...randomFields(choice),
      ]
      requests.push(request)
      encoder.encode(request, writer, requests.length * 2 - 1, true)
      socket.write(writer.take())
    }
    const ended = new Promise<void>((resolve, reject) => {
      const reader = createBlockReader((_streamId, block) => {
        const lines = decodeBlock(decoder, block)!
        read.push(lines.filter((_, i) => lines[i - (i % 2)] !== 'date'))
        if (read.length === CALLS) resolve()
        else send()
      })
      socket.on('data', (bytes: Buffer) => reader.push(bytes))
      socket.on('close', () => reject(new Error('closed')))
    })
    socket.write(PREFACE, 'latin1')
    writer.settings([])
    send()
    await ended
    assert.deepEqual(seen, requests)
    assert.deepEqual(read, answers)
  })

  test(`nghttp2 as a client with a table of ${tableBytes} reads what we encode, and we read what it encodes`, async t => {
    const choice = new Choice(tableBytes + 1)
    const seen: string[][] = []
    const answers: string[][] = []
    const server = createServer((socket: Socket) => {
      const encoder = new HpackEncoder({ mayIndex: name => name !== 'x-b' })
      encoder.setMaxTableBytes(tableBytes)
      const decoder = createDecoder()
      const writer = new FrameWriter()
      writer.settings([])
      let start = PREFACE.length
      const reader = createBlockReader((streamId, block) => {
        seen.push(decodeBlock(decoder, block)!)
        const answer = [':status', '200', ...randomFields(choice)]
        answers.push(answer)
        encoder.encode(answer, writer, streamId, true)
        socket.write(writer.take())
      })
      socket.on('data', (bytes: Buffer) => {
        reader.push(bytes.subarray(Math.min(start, bytes.length)))
        start = Math.max(0, start - bytes.length)
      })
      socket.on('error', () => {})
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
      settings: { headerTableSize: tableBytes },
    })
    t.after(() => {
      session.destroy()
      server.close()
    })
    const requests: string[][] = []
    const read: string[][] = []
    for (let i = 0; i < CALLS; i++) {
      const request = [
        ':method',
        'GET',
        ':scheme',
        'http',
        ':path',
        `/${choice.below(5)}`,
        ':authority',
        'h',
        ...randomFields(choice),
      ]
      requests.push(request)
      const stream = session.request(request as unknown as http2.OutgoingHttpHeaders)
      const [, , rawHeaders] = await once(stream, 'response')
      read.push(rawHeaders as string[])
      stream.resume()
      await once(stream, 'close')
      assert.equal(stream.rstCode, ERROR.noError)
    }
    assert.deepEqual(seen, requests)
    assert.deepEqual(read, answers)
  })
}

test('Python reads what we encode, and we read what Python encodes', { skip: !hasPythonHpack }, () => {
  const choice = new Choice(3)
  const fields = Array.from({ length: 40 }, () => Array.from({ length: 20 }, () => randomFields(choice)))
  const ours = fields.map(blocks => {
    const encoder = new HpackEncoder({ mayIndex: () => true })
    return blocks.map(lines => {
      encoder.setMaxTableBytes(choice.of([0, 200, 4096]))
      return { decode: blockOf(encoder, lines).toString('hex') }
    })
  })
  assert.deepEqual(
    runPythonHpack(ours).map(connection => connection.map(({ lines }) => lines)),
    fields,
  )
  const theirs = runPythonHpack(
    fields.map(blocks =>
      blocks.map(encode => ({ encode, huffman: choice.chance(0.7), tableBytes: choice.of([0, 200, 4096]) })),
    ),
  )
  assert.deepEqual(
    theirs.map(connection => {
      const decoder = createDecoder()
      return connection.map(({ block }) => decodeBlock(decoder, Buffer.from(block!, 'hex')))
    }),
    fields,
  )
})
