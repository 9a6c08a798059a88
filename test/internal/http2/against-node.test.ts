import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  constants,
  createServer as createHttp2Server,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { ERROR } from '../../../internal/http2/frames.ts'
import { attach, Endpoint, type NotingStream } from '../../support/http2-pair.ts'
import { until } from '../../support/until.ts'

const SIZES = [0, 1, 1_000, 16_383, 16_384, 16_385, 65_535, 65_536, 300_000, 2_500_000]

function bodyOf(size: number): Buffer {
  const body = Buffer.alloc(size)
  for (let i = 0; i < size; i++) body[i] = (i * 7) ^ (i >> 8)
  return body
}

/** Sends a body in pieces, and waits where the stream says so. */
async function sendBody(stream: NotingStream, body: Buffer, pieceBytes = 40_000): Promise<void> {
  for (let at = 0; at < body.length; at += pieceBytes) {
    const { drains } = stream
    if (!stream.sendData(body.subarray(at, at + pieceBytes), false))
      await until('the piece was sent', () => stream.drains > drains || stream.isOver, { everyMs: 1 })
  }
  if (body.length === 0) stream.sendData('', true)
}

async function whole(stream: NotingStream): Promise<NotingStream> {
  await until('the stream has ended', () => stream.isEnded || stream.resets.length > 0, { everyMs: 1 })
  return stream
}

describe('our client and a server of node:http2', () => {
  let server: Http2Server
  let port: number
  const sessions: ServerHttp2Session[] = []
  let onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void

  before(async () => {
    server = createHttp2Server({ settings: { initialWindowSize: 65_535 } })
    server.on('session', session => sessions.push(session.on('error', () => {})))
    server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      stream.on('error', () => {})
      onStream(stream, headers)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    port = (server.address() as AddressInfo).port
  })

  after(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })

  async function open(options = {}): Promise<{ client: Endpoint; socket: Socket } & AsyncDisposable> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    const client = new Endpoint('client', options)
    const closed = attach(client, socket)
    await until('SETTINGS were received', () => client.connection.settingsReceived, { everyMs: 1 })
    return {
      client,
      socket,
      async [Symbol.asyncDispose]() {
        socket.destroy()
        await closed
        assert.equal(client.fatal, undefined)
      },
    }
  }

  const echo = (stream: ServerHttp2Stream) => {
    stream.respond({ ':status': 200, 'x-echo': 'yes' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.pipe(stream)
  }

  test('bodies of every size go there and come back, with trailers', async () => {
    onStream = echo
    await using opened = await open()
    const { client } = opened
    for (const size of SIZES) {
      const body = bodyOf(size)
      const stream = client.request(['content-type', 'application/grpc'], false, 'POST')
      await sendBody(stream, body)
      if (size > 0) stream.sendData('', true)
      await whole(stream)
      assert.equal(stream.fields['x-echo'], 'yes')
      assert.ok(stream.body.equals(body), `${stream.body.length} of ${size}`)
      assert.deepEqual(stream.trailers, ['grpc-status', '0'])
    }
    assert.equal(client.connection.heldBytes, 0)
    assert.equal(client.connection.streamCount, 0)
  })

  test('trailers of a request arrive', async () => {
    let trailers: IncomingHttpHeaders = {}
    onStream = stream => {
      stream.on('trailers', read => {
        trailers = read
        stream.respond({ ':status': 204 }, { endStream: true })
      })
      stream.resume()
    }
    await using opened = await open()
    const stream = opened.client.request([], false, 'POST')
    stream.sendData('body', false)
    stream.sendTrailers(['x-sum', '4'])
    await whole(stream)
    assert.equal(trailers['x-sum'], '4')
    assert.equal(stream.fields[':status'], '204')
  })

  test('interim answers come before the final one', async () => {
    onStream = stream => {
      stream.additionalHeaders({ ':status': 103, link: '</a.css>' })
      stream.additionalHeaders({ ':status': 103, link: '</b.css>' })
      stream.respond({ ':status': 200 })
      stream.end('hello')
    }
    await using opened = await open()
    const stream = await whole(opened.client.request())
    assert.deepEqual(
      stream.heads.map(([, status]) => status),
      ['103', '103', '200'],
    )
    assert.equal(stream.body.toString(), 'hello')
  })

  test('a hundred streams of several sizes share the connection', async () => {
    onStream = echo
    await using opened = await open({ connectionWindowBytes: 200_000 })
    const streams = Array.from({ length: 100 }, () => opened.client.request([], false, 'POST'))
    const bodies = streams.map((_, i) => bodyOf((i * 7_919) % 60_000))
    await Promise.all(
      streams.map(async (stream, i) => {
        await sendBody(stream, bodies[i]!, 5_000)
        if (bodies[i]!.length > 0) stream.sendData('', true)
      }),
    )
    for (const [i, stream] of streams.entries()) {
      await whole(stream)
      assert.ok(stream.body.equals(bodies[i]!))
    }
  })

  test('a stream that the server resets is told its code, and its neighbours go on', async () => {
    onStream = (stream, headers) => {
      if (headers['x-reset']) stream.close(Number(headers['x-reset']))
      else echo(stream)
    }
    await using opened = await open()
    const codes = [ERROR.noError, ERROR.refusedStream, ERROR.cancel, ERROR.enhanceYourCalm]
    const reset = codes.map(code => opened.client.request(['x-reset', String(code)], false, 'POST'))
    const other = opened.client.request([], false, 'POST')
    other.sendData('hello', true)
    await whole(other)
    assert.equal(other.body.toString(), 'hello')
    for (const [i, stream] of reset.entries()) {
      await whole(stream)
      assert.deepEqual(stream.resets, [{ code: codes[i], by: 'peer', reason: '' }])
    }
  })

  test('a stream that we reset is aborted at the server, also while it sends', async () => {
    const ended: number[] = []
    onStream = stream => {
      stream.respond({ ':status': 200 })
      // More than its window. A megabyte each would exceed what node:http2 holds for a session.
      stream.write(bodyOf(100_000))
      stream.on('close', () => ended.push(stream.rstCode))
    }
    await using opened = await open({ connectionWindowBytes: 1_000_000 })
    for (let i = 0; i < 20; i++) {
      const stream = opened.client.request([], false, 'POST')
      stream.consumes = false
      await until('something came', () => stream.pieces.length > 0, { everyMs: 1 })
      stream.reset(ERROR.cancel)
    }
    await until('all were told', () => ended.length === 20)
    assert.deepEqual(new Set(ended), new Set([constants.NGHTTP2_CANCEL]))
    onStream = echo
    const stream = opened.client.request([], false, 'POST')
    stream.sendData('hello', true)
    await whole(stream)
    assert.equal(stream.body.toString(), 'hello')
    assert.equal(opened.client.connection.heldBytes, 0)
  })

  test('a server that shuts down lets streams under way finish', async () => {
    let release = () => {}
    onStream = stream => {
      release = () => echo(stream)
    }
    await using opened = await open()
    const stream = opened.client.request([], false, 'POST')
    stream.sendData('hello', true)
    const began = release
    await until('the request has come', () => release !== began)
    sessions.at(-1)!.close()
    await until('GOAWAY has come', () => opened.client.goaways.length > 0)
    assert.equal(opened.client.connection.canOpen, false)
    release()
    await whole(stream)
    assert.equal(stream.body.toString(), 'hello')
  })

  test('a server that shuts down with an error tells the last stream it has acted on', async () => {
    const seen: number[] = []
    onStream = stream => {
      seen.push(stream.id!)
      if (stream.id === 1) stream.session!.goaway(constants.NGHTTP2_NO_ERROR, 1)
    }
    await using opened = await open()
    const streams = [opened.client.request(), opened.client.request(), opened.client.request()]
    await whole(streams[2]!)
    assert.deepEqual(
      streams.map(({ resets }) => resets.map(({ by, code }) => [by, code])),
      [[], [['goaway', ERROR.refusedStream]], [['goaway', ERROR.refusedStream]]],
    )
  })

  test('settings of the server change in flight: window, header table, streams', async () => {
    onStream = echo
    await using opened = await open()
    const session = sessions.at(-1)!
    let isOver = false
    const change = (async () => {
      for (let i = 0; !isOver; i++) {
        session.settings({
          initialWindowSize: [0, 70_000, 1_000, 200_000][i % 4]!,
          headerTableSize: [0, 4_096, 100][i % 3]!,
          maxConcurrentStreams: 200 + i,
        })
        await new Promise(resolve => session.once('localSettings', resolve))
      }
    })()
    const streams = Array.from({ length: 30 }, (_, i) => {
      const stream = opened.client.request(['x-number', String(i % 3), 'x-same', 'value'], false, 'POST')
      void sendBody(stream, bodyOf(100_000), 7_000).then(() => stream.sendData('', true))
      return stream
    })
    for (const stream of streams) {
      await whole(stream)
      assert.ok(stream.body.equals(bodyOf(100_000)))
    }
    isOver = true
    await change
    assert.ok(opened.client.settings > 3)
  })

  test('a PING is answered, both ways', async () => {
    await using opened = await open()
    opened.client.connection.ping()
    await until('our PING was answered', () => opened.client.pongs === 1)
    await new Promise<void>((resolve, reject) => {
      sessions.at(-1)!.ping((error: Error | null) => (error ? reject(error) : resolve()))
    })
  })

  test('a connection that is lost tells every stream', async () => {
    onStream = stream => stream.respond({ ':status': 200 })
    await using opened = await open()
    const streams = [opened.client.request(), opened.client.request([], false)]
    await until('heads came', () => streams.every(({ heads }) => heads.length > 0))
    sessions.at(-1)!.destroy()
    for (const stream of streams) {
      await whole(stream)
      assert.equal(stream.resets.length, 1)
    }
  })
})

describe('our server and a client of node:http2', () => {
  let server: Server
  let url: string
  const endpoints: Endpoint[] = []
  let onStream: (stream: NotingStream) => void
  let options = {}

  before(async () => {
    server = createServer({ noDelay: true }, socket => {
      const endpoint = new Endpoint('server', options)
      endpoints.push(endpoint)
      endpoint.onStream = stream => onStream(stream)
      void attach(endpoint, socket)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })

  after(() => void server.close())

  async function open(
    settings = {},
  ): Promise<{ session: ClientHttp2Session; endpoint: Endpoint } & AsyncDisposable> {
    const session = connectHttp2(url, { settings })
    session.on('error', () => {})
    await once(session, 'connect')
    const endpoint = await until('the server has accepted', () => endpoints.at(-1))
    return {
      session,
      endpoint,
      async [Symbol.asyncDispose]() {
        if (!session.destroyed) session.destroy()
        await until('all streams are over', () => endpoint.connection.streamCount === 0)
      },
    }
  }

  interface Answer {
    readonly status: number | undefined
    readonly body: Buffer
    readonly trailers: IncomingHttpHeaders
    readonly interim: number[]
  }

  async function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
    const pieces: Buffer[] = []
    const interim: number[] = []
    let status: number | undefined
    let trailers: IncomingHttpHeaders = {}
    stream.on('headers', headers => interim.push(Number(headers[':status'])))
    stream.on('response', headers => {
      status = headers[':status']
    })
    stream.on('trailers', read => {
      trailers = read
    })
    stream.on('data', (piece: Buffer) => pieces.push(piece))
    await once(stream, 'close')
    return { status, body: Buffer.concat(pieces), trailers, interim }
  }

  /** Answers with what comes, as it comes. */
  const echo = (stream: NotingStream) => {
    stream.consumes = false
    const queue: Buffer[] = []
    stream.onEvent = () => {
      if (stream.resets.length > 0) return
      if (!stream.hasSentHead) stream.sendHead([':status', '200', 'x-echo', 'yes'], false)
      queue.push(...stream.pieces.splice(0))
      while (queue.length > 0 && stream.queuedBytes === 0) {
        const piece = queue.shift()!
        stream.sendData(piece, false)
        stream.consume(piece.length)
      }
      if (stream.isEnded && queue.length === 0 && stream.queuedBytes === 0 && !stream.endsAfterWaiting)
        if (!stream.isSent) stream.sendTrailers(['grpc-status', '0'])
    }
  }

  test('bodies of every size go there and come back, with trailers', async () => {
    onStream = echo
    await using opened = await open()
    for (const size of SIZES) {
      const stream = opened.session.request({ ':method': 'POST' })
      const answer = answerOf(stream)
      stream.end(bodyOf(size))
      const { status, body, trailers } = await answer
      assert.equal(status, 200)
      assert.ok(body.equals(bodyOf(size)), `${body.length} of ${size}`)
      assert.equal(trailers['grpc-status'], '0')
    }
    assert.equal(opened.endpoint.connection.heldBytes, 0)
  })

  test('a client with the smallest windows gets long answers', async () => {
    onStream = echo
    await using opened = await open({ initialWindowSize: 1 })
    const stream = opened.session.request({ ':method': 'POST' })
    const answer = answerOf(stream)
    stream.end(bodyOf(3_000))
    assert.ok((await answer).body.equals(bodyOf(3_000)))
  })

  test('interim answers, heads alone, and trailers of requests', async () => {
    onStream = stream => {
      stream.onEvent = () => {
        if (!stream.isEnded) return
        stream.sendHead([':status', '103', 'link', '</a>'], false)
        stream.sendHead([':status', '204', 'x-trailers', (stream.trailers ?? []).join()], true)
      }
    }
    await using opened = await open()
    const stream = opened.session.request({ ':method': 'POST' }, { waitForTrailers: true } as object)
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '4' }))
    let trailers: unknown
    stream.on('response', headers => {
      trailers = headers['x-trailers']
    })
    const answer = answerOf(stream)
    stream.end('body')
    const { status, interim } = await answer
    assert.deepEqual(interim, [103])
    assert.equal(status, 204)
    if (trailers) assert.equal(trailers, 'x-sum,4')
  })

  test('a hundred streams share the connection, whose windows change in flight', async () => {
    onStream = echo
    options = { connectionWindowBytes: 100_000 }
    await using opened = await open()
    options = {}
    const answers = Array.from({ length: 100 }, (_, i) => {
      const stream = opened.session.request({ ':method': 'POST', 'x-number': String(i % 7) })
      const answer = answerOf(stream)
      stream.end(bodyOf((i * 7_919) % 60_000))
      return answer
    })
    for (const initialWindowSize of [1_000, 0, 100_000]) opened.session.settings({ initialWindowSize })
    for (const [i, answer] of answers.entries()) {
      assert.ok((await answer).body.equals(bodyOf((i * 7_919) % 60_000)))
    }
    assert.equal(opened.endpoint.fatal, undefined)
  })

  test('a stream that we reset is told its code, and one that the client resets is told to us', async () => {
    let reset: NotingStream | undefined
    onStream = stream => {
      stream.onEvent = () => {
        if (stream.resets.length > 0) reset = stream
        else if (stream.fields[':path'] === '/refused') stream.reset(ERROR.refusedStream)
      }
    }
    await using opened = await open()
    const refused = opened.session.request({ ':path': '/refused' })
    refused.on('error', () => {})
    await new Promise(resolve => refused.once('close', resolve))
    assert.equal(refused.rstCode, constants.NGHTTP2_REFUSED_STREAM)
    const left = opened.session.request({ ':path': '/left' })
    left.on('error', () => {})
    await until('it has come', () => opened.endpoint.connection.streamCount === 1)
    left.close(constants.NGHTTP2_CANCEL)
    const { resets } = await until('the reset has come', () => reset)
    assert.deepEqual(resets, [{ code: ERROR.cancel, by: 'peer', reason: '' }])
  })

  test('GOAWAY ends no stream under way, and the client opens no more', async () => {
    onStream = echo
    await using opened = await open()
    const stream = opened.session.request({ ':method': 'POST' })
    const answer = answerOf(stream)
    stream.write('hel')
    await until('the request has come', () => opened.endpoint.connection.streamCount === 1)
    const goaway = once(opened.session, 'goaway')
    opened.endpoint.connection.goaway(opened.endpoint.connection.lastPeerStreamId, ERROR.noError, 'bye')
    const [code, lastStreamId, text] = await goaway
    assert.deepEqual([code, lastStreamId, String(text)], [0, 1, 'bye'])
    stream.end('lo')
    assert.equal((await answer).body.toString(), 'hello')
  })

  test('a client that reads nothing holds its window and no more', async () => {
    let sent = 0
    let last: NotingStream | undefined
    onStream = stream => {
      last = stream
      stream.onEvent = () => {
        if (stream.resets.length > 0) return
        if (!stream.hasSentHead) stream.sendHead([':status', '200'], false)
        while (stream.sendData(Buffer.alloc(10_000), false)) sent += 10_000
      }
    }
    await using opened = await open()
    const stream = opened.session.request()
    stream.on('error', () => {})
    await once(stream, 'response')
    await until('the window is used up', () => last?.sendWindow === 0)
    assert.ok(sent <= 65_535)
    assert.ok(last!.queuedBytes <= 10_000)
    stream.close(constants.NGHTTP2_CANCEL)
    await until('it was told', () => last!.resets.length === 1)
    assert.equal(last!.queuedBytes, 0)
  })
})
