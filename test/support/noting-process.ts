import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sayReady } from './say-ready.ts'

// A process with many nodes, each on its own port, that records when requests arrive at which of them.
const count = Number(process.argv[2])

const seen: (readonly [port: number, atMs: number])[] = []
const servers = Array.from({ length: count }, () => {
  const server = createServer((request, response) => {
    seen.push([port, Number(process.hrtime.bigint()) / 1e6])
    request.resume().on('end', () => response.end('here'))
  })
  server.listen(0, '127.0.0.1')
  let port = 0
  server.once('listening', () => {
    port = (server.address() as AddressInfo).port
  })
  return server
})
await Promise.all(servers.map(server => once(server, 'listening')))
process.on('message', () => process.send?.(seen.splice(0)))
sayReady(servers.map(server => (server.address() as AddressInfo).port))
