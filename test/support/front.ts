import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { Call } from '../../internal/call.ts'
import { createRequestHeadReader } from '../../internal/http/request-head.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { Upstream } from '../../internal/upstream.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { http1Bodies } from '../../middleware/connection/http1-body.ts'
import { Http1Response } from '../../routes/public/http1/response.ts'
import type { CircuitBreakerOptions } from '../../wrappers/breaker/circuit-breaker-options.ts'
import { type PeerOptions, UpstreamPeer } from '../../wrappers/node/upstream-peer.ts'
import { noTls } from './node-tls.ts'
import { testNode } from './peer.ts'
import { testRoute } from './route.ts'
import { sessionOptions } from './sessions.ts'

export interface Front {
  readonly port: number
  readonly calls: readonly Call[]
  /** The reasons why calls failed, in order. */
  readonly failures: readonly unknown[]
  /** The server's response objects, in order. */
  readonly responses: readonly ServerResponse[]
  /** Resolves when `count` calls have failed. */
  failed(count: number): Promise<void>
}

/** Starts a minimal server in front of an upstream: no Fastify, no routing. A failure is answered with 599. */
export async function startFront(
  t: TestContext,
  upstream: Upstream,
  route: Partial<Route> = {},
): Promise<Front> {
  const calls: Call[] = []
  const failures: unknown[] = []
  const responses: ServerResponse[] = []
  let onFailure = () => {}
  const readHead = createRequestHeadReader([])
  const server = createServer({ ServerResponse: Http1Response }, (request, response) => {
    const head = readHead(request.rawHeaders)
    const call = new Call(`id-${calls.length}`, request.method!, request.url!, performance.now())
    call.route = testRoute(route)
    calls.push(call)
    responses.push(response)
    response.once('close', () => {
      if (!response.writableFinished) call.end(new UpstreamFailure('aborted'))
    })
    const hasBody = head.chunked || Number(head.contentLength ?? 0) > 0
    const length = head.chunked ? undefined : Number(head.contentLength ?? 0)
    if (hasBody && !head.chunked) head.headers.push('content-length', head.contentLength!)
    upstream(
      {
        route: call.route,
        service: call.route.service,
        method: call.method,
        target: call.target,
        headers: head.headers,
        interim: response,
        body: hasBody ? http1Bodies.open(request, { maxBytes: 0, length, onPiece: () => {} }) : null,
      },
      call,
    ).then(
      answer => {
        response.writeHead(answer.status, [...answer.headers])
        answer.sendBody(response)
      },
      error => {
        failures.push(error)
        onFailure()
        const { code, kind } = error as { code?: string; kind?: string }
        response.writeHead(599)
        response.end(code ?? kind ?? String(error))
      },
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  })
  return {
    port: (server.address() as AddressInfo).port,
    calls,
    failures,
    responses,
    failed: count =>
      new Promise(resolve => {
        onFailure = () => {
          if (failures.length >= count) resolve()
        }
        onFailure()
      }),
  }
}

/** A breaker that never opens. */
const NEVER_OPENS = { failureRatio: 1, minimumRequests: 1_000_000, windowMs: 10_000, openMs: 5_000 }

/** Creates a peer with real connections to a loopback port. Disposed of after the test. */
export function realPeer(
  t: TestContext,
  port: number,
  {
    id = 'n1',
    weight = 1,
    connection = {},
    host,
    protocol,
    session,
    circuit = {},
    mayEject,
    failingOf,
    tlsOf = noTls,
  }: {
    readonly id?: string
    readonly weight?: number
    readonly connection?: Partial<PeerOptions['connection']>
    /** Default: 127.0.0.1. */
    readonly host?: string
    /** Default: HTTP/1.1. */
    readonly protocol?: string | undefined
    readonly session?: Partial<PeerOptions['session']>
    readonly circuit?: Partial<CircuitBreakerOptions>
    readonly mayEject?: NonNullable<PeerOptions['mayEject']>
    readonly failingOf?: NonNullable<PeerOptions['failingOf']>
    /** Needed when the protocol uses TLS. */
    readonly tlsOf?: PeerOptions['tlsOf']
  } = {},
): UpstreamPeer {
  const peer = new UpstreamPeer(testNode({ id, port, weight, protocol, ...(host && { host }) }), {
    onPiece: () => {},
    connection: {
      ...{ connectTimeoutMs: 2_000, bodyIdleTimeoutMs: 0, keepAliveMs: 4_000, answerHeadBytes: 16_384 },
      ...connection,
    },
    session: sessionOptions(session),
    tlsOf,
    circuit: () => ({ ...NEVER_OPENS, ...circuit }),
    onBreaker: () => {},
    ...(mayEject && { mayEject }),
    ...(failingOf && { failingOf }),
  })
  t.after(() => {
    peer.circuit.close()
    return peer.transport.destroy()
  })
  return peer
}
