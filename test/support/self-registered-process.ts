import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { register } from '../../discovery/register.ts'
import { sayReady } from './say-ready.ts'

// A service that registers itself, so a signal that stops the service also stops its registrar.
const [name = '', id = '', etcd = '', ttlSeconds = ''] = process.argv.slice(2)

const server = createServer((_request, response) => {
  response.setHeader('content-type', 'text/plain')
  response.end(id)
})
server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address() as AddressInfo
  await register({ name, id, host: '127.0.0.1', port, etcd, ttlSeconds: Number(ttlSeconds) })
  sayReady('registered')
})
