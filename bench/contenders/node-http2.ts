/** node:http2 on both sides, with streams instead of request and response objects, and three connections to the node. */
import {
  type ClientHttp2Stream,
  connect,
  createServer,
  type Http2Stream,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { announce } from './announce.ts'

const sessions = Array.from({ length: 3 }, () => connect(`http://127.0.0.1:${process.argv[2]}`))
let next = 0

/** Passes bodies on, no faster than they are taken. */
function pass(from: Http2Stream, to: Http2Stream): void {
  from.on('data', chunk => {
    if (!to.write(chunk)) from.pause()
  })
  to.on('drain', () => from.resume())
}

const server = createServer()
server.on('stream', (stream: ServerHttp2Stream, headers) => {
  const node: ClientHttp2Stream = sessions[next++ % sessions.length]!.request(headers)
  let trailers: IncomingHttpHeaders = {}
  node
    .on('response', answer => {
      stream.respond(answer, { waitForTrailers: true })
      pass(node, stream)
    })
    .on('trailers', fields => {
      trailers = fields
    })
    .on('end', () => stream.end())
    .on('error', () => stream.close())
  pass(stream, node)
  stream
    .on('end', () => node.end())
    .on('wantTrailers', () => stream.sendTrailers(trailers))
    .on('error', () => node.close())
})
server.listen(0, '127.0.0.1', () =>
  announce((server.address() as AddressInfo).port, process.version.slice(1)),
)
