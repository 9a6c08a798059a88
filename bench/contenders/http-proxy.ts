/**
 * Bare @fastify/http-proxy in front of one node: no routes, no tokens, no balancing. It has its defaults: its undici pool
 * keeps connections, and Fastify logs nothing.
 */
import type { AddressInfo } from 'node:net'
import httpProxy from '@fastify/http-proxy'
import Fastify from 'fastify'
import { announce, versionOf } from './announce.ts'

const app = Fastify()
await app.register(httpProxy, { upstream: `http://127.0.0.1:${process.argv[2]}`, prefix: '/' })
await app.listen({ host: '127.0.0.1', port: 0 })
announce((app.server.address() as AddressInfo).port, versionOf('@fastify/http-proxy'))
