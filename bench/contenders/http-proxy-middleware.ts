/** http-proxy-middleware on Express, with an agent that keeps connections. Without a logger it logs nothing. */
import { Agent } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { createProxyMiddleware } from 'http-proxy-middleware'
import { announce, versionOf } from './announce.ts'

const app = express()
app.disable('x-powered-by')
app.use(
  createProxyMiddleware({
    target: `http://127.0.0.1:${process.argv[2]}`,
    agent: new Agent({ keepAlive: true }),
  }),
)
const server = app.listen(0, '127.0.0.1', () =>
  announce(
    (server.address() as AddressInfo).port,
    `${versionOf('http-proxy-middleware')} on Express ${versionOf('express')}`,
  ),
)
