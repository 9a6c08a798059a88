import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import {
  type ClientConnectionOptions,
  ClientConnections,
} from '../../../middleware/connection/client-connections.ts'
import { allowSlowClient } from '../../../middleware/connection/http1-watch.ts'
import { openRaw, type RawClient } from '../../support/http.ts'
import { until } from '../../support/until.ts'

const IDLE_MS = 30_000
const NONE_ENDED = {
  'head-late': 0,
  idle: 0,
  'body-idle': 0,
  'body-slow': 0,
  'send-idle': 0,
  'send-slow': 0,
  displaced: 0,
}

/** Starts a server whose connections are swept by `later`, on a clock of the test. */
async function listen(
  t: TestContext,
  serve: RequestListener,
  { onServer, ...options }: Partial<ClientConnectionOptions> & { onServer?: (server: Server) => void } = {},
) {
  let now = 1_000
  const refused: string[] = []
  const connections = new ClientConnections({
    maxConnections: 0,
    maxConnectionsPerAddress: 0,
    idleTimeoutMs: 0,
    bodyIdleTimeoutMs: IDLE_MS,
    sendIdleTimeoutMs: IDLE_MS,
    minBytesPerSecond: 0,
    minRateGraceMs: 5_000,
    isTrustedProxy: () => false,
    onRefused: reason => refused.push(reason),
    now: () => now,
    ...options,
  })
  const server = createServer(serve)
  server.on('clientError', (_error, socket) => socket.destroy())
  onServer?.(server)
  const sockets: Socket[] = []
  server.on('connection', (socket: Socket) => {
    connections.accept(socket)
    sockets.push(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const clients: RawClient[] = []
  t.after(async () => {
    for (const { socket } of clients) socket.destroy()
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  })
  return {
    connections,
    sockets,
    refused,
    async open(text?: string): Promise<RawClient> {
      const client = await openRaw((server.address() as AddressInfo).port, text)
      clients.push(client)
      return client
    },
    /** Advances the clock and sweeps the connections. */
    later(ms: number) {
      now += ms
      connections.sweep()
    },
  }
}

const PUT = 'PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\n'

test('a client that stops sending its body is disconnected after the timeout, which each byte restarts', async t => {
  let bytes = 0
  const { connections, open, later } = await listen(t, request => {
    request.on('data', (piece: Buffer) => {
      bytes += piece.length
    })
    request.on('error', () => {})
  })
  const client = await open(`${PUT}half`)
  await until('the first half is there', () => bytes === 4)
  later(0)
  later(IDLE_MS - 1)
  client.socket.write('!')
  await until('another byte is there', () => bytes === 5)
  later(1)
  later(IDLE_MS - 1)
  assert.equal(connections.open, 1)
  later(1)
  await client.closed
  assert.deepEqual(connections.ended, { ...NONE_ENDED, 'body-idle': 1 })
})

test('a connection with nothing but empty lines is idle, and one with requests is not', async t => {
  const { connections, sockets, open, later } = await listen(
    t,
    (_request, response) => void response.end('yes'),
    {
      idleTimeoutMs: IDLE_MS,
    },
  )
  const [empty, busy] = [await open(), await open()]
  const get = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n'
  let bytes = 0
  for (let i = 1; i <= 4; i++) {
    empty.socket.write('\r\n')
    bytes += 2
    await until('the empty line is there', () => sockets[0]!.bytesRead === bytes)
    busy.socket.write(get)
    await until('it has its answer', () => busy.text().match(/yes/g)?.length === i)
    later(IDLE_MS / 3)
  }
  await empty.closed
  assert.equal(connections.ended.idle, 1)
  later(0)
  later(IDLE_MS - 1)
  assert.equal(connections.ended.idle, 1)
  later(1)
  assert.equal(connections.ended.idle, 2)
  await busy.closed
})

test('a client whose body is not read is not idle', async t => {
  const arrived = Promise.withResolvers<void>()
  let whole = false
  let read = () => {}
  const { connections, open, later } = await listen(t, (request, response) => {
    read = () =>
      void request.resume().on('end', () => {
        whole = true
        response.end()
      })
    request.once('readable', () => arrived.resolve())
  })
  const client = await open(PUT)
  client.socket.write('half')
  await arrived.promise
  for (let i = 0; i < 3; i++) later(IDLE_MS)
  assert.equal(connections.open, 1)
  read()
  client.socket.write('rest')
  await until('the body is whole', () => whole)
  // From here on the connection is idle, and Node's server ends it.
  for (let i = 0; i < 3; i++) later(IDLE_MS)
  assert.equal(connections.open, 1)
})

test('after the answer, the rest of a body must arrive within the timeout, however slowly it drips', async t => {
  const { connections, open, later } = await listen(t, (_request, response) => {
    response.end('no')
  })
  const client = await open(`${PUT}ha`)
  await client.until('no')
  later(0)
  later(IDLE_MS / 2)
  client.socket.write('l')
  assert.equal(connections.open, 1)
  later(IDLE_MS / 2)
  await client.closed
  assert.equal(connections.ended['body-idle'], 1)
})

test('a client that reads nothing of its answer is disconnected, and one that reads a little is not', async t => {
  const piece = Buffer.alloc(65_536)
  const { connections, sockets, open, later } = await listen(t, (_request, response) => {
    response.on('error', () => {})
    const fill = () => {
      while (response.write(piece));
    }
    response.on('drain', fill)
    fill()
  })
  const client = await open('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
  client.socket.pause()
  await until('it is accepted', () => sockets.length === 1)
  const [socket] = sockets
  await untilFull(socket!)
  later(0)
  later(IDLE_MS - 1)
  const before = takenBy(socket!)
  client.socket.resume()
  await until('something is read', () => takenBy(socket!) > before)
  client.socket.pause()
  await untilFull(socket!)
  later(1)
  assert.equal(connections.open, 1)
  later(IDLE_MS - 1)
  assert.equal(connections.open, 1)
  later(1)
  await until('it is gone', () => connections.open === 0)
  assert.deepEqual(connections.ended, { ...NONE_ENDED, 'send-idle': 1 })
})

/** Returns the number of written bytes that the system has taken from a connection. */
function takenBy(socket: Socket): number {
  const { _handle: handle } = socket as Socket & {
    _handle: { readonly bytesWritten: number; readonly writeQueueSize: number }
  }
  return handle.bytesWritten - handle.writeQueueSize
}

/** Resolves when the system takes no more of the bytes written to a connection. */
async function untilFull(socket: Socket): Promise<void> {
  let taken = -1
  let still = 0
  await until('the system takes no more', () => {
    still = takenBy(socket) === taken ? still + 1 : 0
    taken = takenBy(socket)
    return still === 5
  })
}

const RATE = { minBytesPerSecond: 240, minRateGraceMs: 5_000 }
const DRIP_MS = 1_000

/** A server that reads bodies, and a client that has sent a head for a body of `length` bytes and its first `sent` bytes. */
async function uploading(t: TestContext, sent: number, options: Partial<ClientConnectionOptions> = RATE) {
  let bytes = 0
  const scene = await listen(
    t,
    request => {
      request.on('data', (piece: Buffer) => {
        bytes += piece.length
      })
      request.on('error', () => {})
    },
    options,
  )
  const client = await scene.open(
    `PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n${'x'.repeat(sent)}`,
  )
  await until('the beginning is there', () => bytes === sent)
  scene.later(0)
  return {
    ...scene,
    client,
    /** Sends more of the body. */
    async drip(size: number) {
      const wanted = bytes + size
      client.socket.write('y'.repeat(size))
      await until('the drip is there', () => bytes === wanted)
    },
  }
}

test('a client that drips its body byte by byte is disconnected after the grace time', async t => {
  const { connections, client, drip, later } = await uploading(t, 1)
  for (let i = 0; i < 5; i++) {
    assert.equal(connections.open, 1)
    await drip(1)
    later(DRIP_MS)
  }
  later(DRIP_MS)
  await client.closed
  assert.deepEqual(connections.ended, { ...NONE_ENDED, 'body-slow': 1 })
})

test('a client that sends its body at the minimum rate is never disconnected', async t => {
  const { connections, drip, later } = await uploading(t, 1)
  for (let i = 0; i < 60; i++) {
    await drip(240)
    later(DRIP_MS)
  }
  assert.equal(connections.open, 1)
})

test('a fast beginning pays for a pause, and not for hours of dripping', async t => {
  const { connections, client, drip, later } = await uploading(t, 1_000_000)
  // The silence that bodyIdleTimeoutMs allows.
  later(IDLE_MS - 1)
  assert.equal(connections.open, 1)
  await drip(1)
  later(DRIP_MS)
  await client.closed
  assert.deepEqual(connections.ended, { ...NONE_ENDED, 'body-slow': 1 })
})

test('the time in which a body is not read does not count against its client', async t => {
  let read = () => {}
  const arrived = Promise.withResolvers<void>()
  const { connections, open, later } = await listen(
    t,
    (request, response) => {
      read = () => void request.resume().on('end', () => response.end('whole'))
      arrived.resolve()
    },
    RATE,
  )
  // The client sends nothing before it is asked to.
  const client = await open(PUT)
  await arrived.promise
  for (let i = 0; i < 40; i++) later(DRIP_MS)
  assert.equal(connections.open, 1)
  read()
  later(DRIP_MS)
  client.socket.write('12345678')
  await client.until('whole')
})

/** A server that writes an answer as fast as its client reads, and a client that has stopped reading it. */
async function downloading(
  t: TestContext,
  headers: Record<string, string>,
  onRequest: (request: IncomingMessage) => void = () => {},
) {
  const scene = await listen(
    t,
    (request, response) => {
      onRequest(request)
      response.on('error', () => {})
      response.writeHead(200, headers)
      const fill = () => {
        while (response.write(Buffer.alloc(65_536)));
      }
      response.on('drain', fill)
      fill()
    },
    { ...RATE, sendIdleTimeoutMs: 0 },
  )
  const client = await scene.open('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
  client.socket.pause()
  await until('it is accepted', () => scene.sockets.length === 1)
  await untilFull(scene.sockets[0]!)
  return scene
}

test('a client that reads its answer too slowly is disconnected, without a limit on silence too', async t => {
  const { connections, later } = await downloading(t, {})
  later(0)
  later(RATE.minRateGraceMs)
  assert.equal(connections.open, 1)
  later(1)
  await until('it is gone', () => connections.open === 0)
  assert.deepEqual(connections.ended, { ...NONE_ENDED, 'send-slow': 1 })
})

test('readers of event streams, and clients of exempted requests, may be slow', async t => {
  for (const scene of [
    await downloading(t, { 'content-type': 'text/event-stream; charset=utf-8' }),
    await downloading(t, {}, allowSlowClient),
  ]) {
    for (let i = 0; i < 60; i++) scene.later(DRIP_MS)
    assert.equal(scene.connections.open, 1)
  }
})

test('a connection without a parser, which carries a WebSocket, has no minimum rate', async t => {
  let tunnel: Socket | undefined
  const { connections, open, later } = await listen(t, () => {}, {
    ...RATE,
    sendIdleTimeoutMs: 0,
    onServer: server =>
      server.on('upgrade', (_request, socket: Socket) => {
        tunnel = socket
        socket.on('error', () => {}).write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
        while (socket.write(Buffer.alloc(65_536)));
      }),
  })
  const client = await open('GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n')
  client.socket.pause()
  await until('it is a tunnel', () => tunnel !== undefined)
  await untilFull(tunnel!)
  for (let i = 0; i < 60; i++) later(DRIP_MS)
  assert.equal(connections.open, 1)
})

test('connections are limited, in total and by address', async t => {
  for (const limits of [{ maxConnections: 2 }, { maxConnectionsPerAddress: 2 }]) {
    const reason = 'maxConnections' in limits ? 'total' : 'address'
    const { connections, refused, open } = await listen(t, (_request, response) => response.end('ok'), limits)
    const [first, second] = [await open('GET / HTTP/1.1\r\nHost: h\r\n\r\n'), await open()]
    await first.until('ok')
    await until('both are there', () => connections.open === 2)
    for (let i = 0; i < 3; i++) assert.equal(await (await open()).closed, '')
    assert.equal(connections.refused[reason], 3)
    // Reported once, so that an attacker cannot fill the log.
    assert.deepEqual(refused, [reason])
    second.socket.destroy()
    await until('one has left', () => connections.open === 1)
    await (await open('GET / HTTP/1.1\r\nHost: h\r\n\r\n')).until('ok')
  }
})

test('at the limit, the oldest connection that is idle makes room for a new one', async t => {
  const waiting: ServerResponse[] = []
  const { connections, refused, open, later } = await listen(
    t,
    (request, response) => {
      if (request.url === '/wait') waiting.push(response)
      else response.end('ok')
    },
    { maxConnections: 3, idleTimeoutMs: 75_000 },
  )
  const busy = await open('GET /wait HTTP/1.1\r\nHost: h\r\n\r\n')
  const used = await open('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
  await used.until('ok')
  await until('one waits', () => waiting.length === 1)
  for (let i = 0; i < 2; i++) later(1_000)
  const silent = await open()
  await until('all are there', () => connections.open === 3)
  // The request of the last one may be on its way: only `used` has been idle for long.
  later(1_000)
  await (await open('GET /wait HTTP/1.1\r\nHost: h\r\n\r\n')).until('')
  await used.closed
  await until('the new one waits', () => waiting.length === 2)
  assert.equal(await (await open()).closed, '')
  assert.deepEqual(
    [connections.open, connections.ended, refused],
    [3, { ...NONE_ENDED, displaced: 1 }, ['total']],
  )
  later(1_000)
  await (await open('GET / HTTP/1.1\r\nHost: h\r\n\r\n')).until('ok')
  await silent.closed
  assert.equal(connections.ended.displaced, 2)
  waiting[0]!.end('ok')
  await busy.until('ok')
})

test('the address of a trusted proxy is not limited', async t => {
  const { connections, open } = await listen(t, () => {}, {
    maxConnectionsPerAddress: 1,
    isTrustedProxy: address => address === '127.0.0.1',
  })
  await Promise.all([open(), open(), open()])
  await until('all are there', () => connections.open === 3)
})
