/** http-proxy-3 on node:http. It gets an agent that keeps connections, because its default agent closes each after one answer. */
import { Agent, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import httpProxy from 'http-proxy-3'
import { announce, versionOf } from './announce.ts'

const proxy = httpProxy.createProxyServer({
  target: `http://127.0.0.1:${process.argv[2]}`,
  agent: new Agent({ keepAlive: true }),
})
proxy.on('error', (_error, _request, response) => response.destroy())
const server = createServer((request, response) => proxy.web(request, response))
server.listen(0, '127.0.0.1', () =>
  announce((server.address() as AddressInfo).port, versionOf('http-proxy-3')),
)
