import { UNARY } from '../http2/echo-service.ts'
import type { Scenario } from '../scenario.ts'
import { signTokens } from '../tokens.ts'
import { grpcWaygate, peer, waygate } from './peers.ts'

/** In the order of `echo.proto`, so that it comes back byte for byte. */
const task = {
  id: '9007199254740993',
  title: 'read the README and try it',
  state: 'OPEN',
  tags: ['documentation', 'first steps', 'shell'],
  labels: { team: 'gateway', milestone: '2026-12' },
  owner: 'users/ada.lovelace',
  urgent: true,
  estimate: 2.5,
}

/** What JSON in front of gRPC costs. */
export const transcode: Scenario = {
  name: 'transcode',
  title: 'POST of 230 bytes of JSON, which come back: a gRPC node, or one that takes JSON',
  load: {
    path: UNARY,
    connections: 64,
    method: 'POST',
    body: { type: 'application/json', text: JSON.stringify(task) },
    tokens: signTokens(1),
  },
  contenders: () => [
    { ...waygate, name: 'Waygate: JSON to a node that takes JSON' },
    { ...grpcWaygate, name: 'Waygate: JSON to a gRPC node' },
    peer('node:http and grpc-js', 'grpc-js-json.ts', 'grpc'),
  ],
}
