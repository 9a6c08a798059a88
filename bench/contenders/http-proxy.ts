/** Bare @fastify/http-proxy in front of one node: no routes, no tokens, no balancing. Prints its port. */
import type { AddressInfo } from 'node:net'
import httpProxy from '@fastify/http-proxy'
import Fastify from 'fastify'

const app = Fastify()
await app.register(httpProxy, { upstream: `http://127.0.0.1:${process.argv[2]}`, prefix: '/' })
await app.listen({ host: '127.0.0.1', port: 0 })
console.log((app.server.address() as AddressInfo).port)
