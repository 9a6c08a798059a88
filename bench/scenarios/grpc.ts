import { encodeTask, STREAM, UNARY } from '../http2/echo-service.ts'
import type { Load } from '../load.ts'
import type { Contender, Scenario } from '../scenario.ts'
import { signTokens } from '../tokens.ts'
import { grpcWaygate, peer } from './peers.ts'

const message = (bytes: Buffer) => ({ type: 'application/grpc', text: bytes.toString('latin1') })

const load: Load = {
  path: UNARY,
  connections: 8,
  method: 'POST',
  body: message(encodeTask({ id: 7, title: 'read the README now' })),
  tokens: signTokens(1),
  http2: { streams: 8, isGrpc: true },
}
const contenders = (): readonly Contender[] => [
  peer('nginx', 'nginx.ts', 'grpc'),
  grpcWaygate,
  peer('node:http2', 'node-http2.ts', 'grpc'),
]
/** What any proxy in Node takes at least. */
const floor = peer('node:net, bytes only', 'node-net.ts', 'grpc')

/** gRPC calls, passed on to gRPC nodes. */
export const grpc: readonly Scenario[] = [
  { name: 'grpc-8x8', title: 'gRPC, unary calls with a message of 23 bytes each way', load, contenders },
  {
    name: 'grpc-1x1',
    title: 'gRPC, one unary call at a time with a message of 23 bytes each way',
    load: { ...load, connections: 1, http2: { streams: 1, isGrpc: true } },
    contenders: () => [...contenders(), floor],
  },
  {
    name: 'grpc-stream',
    title: 'gRPC, an answer of 1,000 messages of 1 KiB',
    load: { ...load, path: STREAM },
    contenders: () => [...contenders(), floor],
  },
  {
    name: 'grpc-1mb',
    title: 'gRPC, unary calls with a message of 1 MiB each way',
    load: { ...load, body: message(Buffer.alloc(1 << 20, 'x')), http2: { streams: 1, isGrpc: true } },
    contenders,
  },
]
