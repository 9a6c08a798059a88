/**
 * The nodes of the benchmark: as many ports as the argument says, in one process, so that a gateway with several nodes and
 * one with a single node wake the same process. Prints the ports. A second argument says after how many milliseconds an idle
 * connection is closed, 0 for never; else Node decides.
 *
 *   GET /bytes/N     N bytes in one piece; any other path: 110 bytes of JSON
 *   GET /json/N      about N bytes of JSON in one piece: a list of objects that differ
 *   GET /stream/N    N bytes in pieces of 64 KiB, as fast as they are read
 *   POST             when the whole body has arrived, the 110 bytes, or the body itself if it is JSON; 400 when there is none
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'

const small = Buffer.from(JSON.stringify({ message: 'x'.repeat(96) }))
const piece = Buffer.alloc(65_536, 'x')
const blobs = new Map<number, Buffer>()
const lists = new Map<number, Buffer>()

const server = createServer((request, response) => {
  if (request.method === 'POST') return receive(request, response)
  const [, kind, size] = /^\/(bytes|json|stream)\/(\d+)(?:$|\?)/.exec(request.url!) ?? []
  if (kind === 'json') return send(response, list(Number(size)), 'application/json')
  if (kind === 'stream') return stream(response, Number(size))
  if (kind === 'bytes') return send(response, blob(Number(size)), 'application/octet-stream')
  send(response, small, 'application/json')
})

function send(response: ServerResponse, body: Buffer, type: string): void {
  response.writeHead(200, { 'content-type': type, 'content-length': body.length })
  response.end(body)
}

function blob(size: number): Buffer {
  const body = blobs.get(size) ?? Buffer.alloc(size, 'x')
  blobs.set(size, body)
  return body
}

function list(size: number): Buffer {
  let body = lists.get(size)
  if (body === undefined) {
    const item = (i: number) => ({
      id: i * 7_919,
      name: `task ${i % 31}`,
      done: i % 3 === 0,
      due: 1_795_000_000 + i * 613,
    })
    body = Buffer.from(JSON.stringify(Array.from({ length: Math.ceil(size / 66) }, (_, i) => item(i))))
    lists.set(size, body)
  }
  return body
}

function receive(request: IncomingMessage, response: ServerResponse): void {
  const isJson = request.headers['content-type'] === 'application/json'
  const chunks: Buffer[] = []
  request.on('data', chunk => chunks.push(chunk))
  request.once('end', () => {
    if (chunks.length > 0) return send(response, isJson ? Buffer.concat(chunks) : small, 'application/json')
    response.writeHead(400).end()
  })
}

function stream(response: ServerResponse, size: number): void {
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size })
  let left = size
  const write = () => {
    while (left > 0) {
      const next = left < piece.length ? piece.subarray(0, left) : piece
      left -= next.length
      if (!response.write(next) && left > 0) return void response.once('drain', write)
    }
    response.end()
  }
  write()
}

if (process.argv[3] !== undefined) server.keepAliveTimeout = Number(process.argv[3])
const ports = Array.from({ length: Number(process.argv[2]) }, async () => {
  // One HTTP server for all ports, because a thousand servers would have a thousand timers.
  const listener = createTcpServer(socket => server.emit('connection', socket))
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  return (listener.address() as AddressInfo).port
})
console.log((await Promise.all(ports)).join(' '))
