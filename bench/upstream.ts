/**
 * Nodes that answer every GET with 110 bytes of JSON: as many ports as the argument says, in one process, so
 * that a gateway with several nodes and one with a single node wake the same process. Prints the ports.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const body = Buffer.from(JSON.stringify({ message: 'x'.repeat(96) }))
const ports = Array.from({ length: Number(process.argv[2]) }, async () => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
    response.end(body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
})
console.log((await Promise.all(ports)).join(' '))
