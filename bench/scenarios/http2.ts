import type { Load } from '../load.ts'
import type { Contender, Scenario } from '../scenario.ts'
import { signTokens } from '../tokens.ts'
import { peer, waygate } from './peers.ts'

const overHttp2: Partial<Load> = { connections: 8, http2: { streams: 8, isGrpc: false } }

const clientsSpeakHttp2 = (contender: Contender): Contender => ({
  ...contender,
  name: `${contender.name}: HTTP/2, 8 connections with 8 streams`,
  load: overHttp2,
})

/** What HTTP/2 costs in front of nodes that speak HTTP/1.1. */
export const http2: Scenario = {
  name: 'http2',
  title: 'GET, an answer of 110 bytes, over HTTP/1.1 and over HTTP/2',
  load: { path: '/x', connections: 64, tokens: signTokens(1) },
  contenders: () => [
    { ...waygate, name: 'Waygate: HTTP/1.1' },
    clientsSpeakHttp2(waygate),
    peer('nginx: HTTP/1.1', 'nginx.ts'),
    clientsSpeakHttp2(peer('nginx', 'nginx.ts', 'http2')),
  ],
}
