// Why this folder has a client of its own: a gRPC call takes a sixth of the CPU that it takes with node:http2, and the
// calls of clients that do not know each other share a connection. So whatever one of them does must not end it:
// cancellations are counted, windows are given back as each client reads, and GOAWAY is read exactly.

import type { Call } from '../../internal/call.ts'
import type { Peer } from '../../internal/nodes/peer.ts'
import type { Transport, UpstreamRequest, UpstreamResponse } from '../../internal/upstream.ts'
import { GrpcTry } from './grpc-try.ts'
import { Http2Try, type Http2TryOptions } from './http2-try.ts'
import { SessionPool, type SessionPoolOptions } from './session-pool.ts'

export interface Http2TransportOptions
  extends Omit<SessionPoolOptions, 'onSessions'>,
    Omit<Http2TryOptions, 'pool' | 'scheme'> {}

/** Sends requests to one node over HTTP/2: over TLS, or in cleartext by prior knowledge. */
export class Http2Transport implements Transport {
  readonly #peer: Peer
  readonly #pool: SessionPool
  readonly #tryOptions: Http2TryOptions

  /** @param peer the node, whose counters the transport keeps */
  constructor(peer: Peer, options: Http2TransportOptions) {
    peer.sessions = 0
    this.#peer = peer
    this.#pool = new SessionPool({
      ...options,
      onSessions: count => {
        peer.sessions = count
      },
    })
    const { bodyIdleTimeoutMs, onPiece } = options
    this.#tryOptions = {
      pool: this.#pool,
      scheme: options.tls ? 'https' : 'http',
      bodyIdleTimeoutMs,
      onPiece,
    }
  }

  send(request: UpstreamRequest, call: Call): Promise<UpstreamResponse> {
    return new Promise((resolve, reject) => {
      const Try = request.rpc === undefined ? Http2Try : GrpcTry
      new Try(request, call, this.#peer, this.#tryOptions, resolve, reject).start()
    })
  }

  notifyHung(): void {
    this.#pool.notifyHung()
  }

  close(): Promise<void> {
    return this.#pool.close()
  }

  destroy(): Promise<void> {
    return this.#pool.destroy()
  }
}
