import { Agent } from 'node:http'
import { type ClientHttp2Session, connect } from 'node:http2'
import { setTimeout as delay } from 'node:timers/promises'
import { ECHO } from '../support/grpc-echo.ts'
import { sendOne } from '../support/load.ts'
import { ANSWER_HAD_BEGUN, callOnce, REFUSED } from '../support/unary-load.ts'
import type { Call, Oracle } from './oracle.ts'

/** Calls of one kind to one service, each client waiting for its answer before it sends again. */
interface Lane {
  readonly kind: Call['kind']
  readonly service: string
  readonly clients: number
}

const LANES: readonly Lane[] = [
  { kind: 'GET', service: 'sdk', clients: 4 },
  { kind: 'GET', service: 'car', clients: 4 },
  { kind: 'POST', service: 'sdk', clients: 1 },
  { kind: 'POST', service: 'car', clients: 1 },
  { kind: 'RPC', service: 'calls', clients: 3 },
]
/** Pause of a client between two calls. */
const EVERY_MS = 100
/** No answer within this time is a failure. */
const PATIENCE_MS = 15_000

type Outcome = Pick<Call, 'failure' | 'isBroken' | 'hasBegun'>

const FINE: Outcome = { failure: undefined, isBroken: false, hasBegun: false }

/** Clients of the gateway, over HTTP/1 and gRPC, until they are closed. */
export class ChaosClients {
  readonly #port: () => number
  readonly #oracle: Oracle
  #paused: PromiseWithResolvers<void> | undefined
  #inFlight = 0
  #isClosed = false
  #kept = new Agent({ keepAlive: true })
  #sent = 0
  /** Bodies of the POSTs that were answered with 200. */
  readonly answered = new Set<string>()

  /** @param port returns the port of the gateway that gets new requests */
  constructor(port: () => number, oracle: Oracle) {
    this.#port = port
    this.#oracle = oracle
    for (const lane of LANES) {
      // Every fourth client opens a new connection for each request.
      for (let index = 0; index < lane.clients; index++) void this.#drive(lane, index % 4 === 3)
    }
  }

  /** Stops sending. Resolves when no call is in flight and no connection is open. */
  async pause(): Promise<void> {
    this.#paused = Promise.withResolvers()
    while (this.#inFlight > 0) await delay(20)
    this.#kept.destroy()
    this.#kept = new Agent({ keepAlive: true })
  }

  resume(): void {
    this.#paused?.resolve()
    this.#paused = undefined
  }

  /** Resolves when the last call has ended. */
  async close(): Promise<void> {
    await this.pause()
    this.#isClosed = true
    this.resume()
    this.#kept.destroy()
  }

  async #drive({ kind, service }: Lane, isFresh: boolean): Promise<void> {
    const connection = new Connection()
    while (!this.#isClosed) {
      if (this.#paused) {
        connection.close()
        await this.#paused.promise
        continue
      }
      const fromMs = performance.now()
      const port = this.#port()
      this.#inFlight++
      const call = kind === 'RPC' ? this.#callRpc(connection, port) : this.#send(kind, service, port, isFresh)
      const outcome = await Promise.race([call, outOfPatience()])
      this.#inFlight--
      this.#oracle.judge({ kind, service, fromMs, ...outcome })
      await delay(EVERY_MS)
    }
    connection.close()
  }

  async #send(method: 'GET' | 'POST', service: string, port: number, isFresh: boolean): Promise<Outcome> {
    const nonce = method === 'POST' ? `p${++this.#sent}` : ''
    const agent = isFresh ? new Agent() : this.#kept
    try {
      const request = { port, path: `/${service}/`, method, body: () => nonce }
      const { status, body, headers } = await sendOne(request, agent, 0)
      if (status !== 200) {
        const code = /"code":"(\w+)"/.exec(body)?.[1] ?? ''
        return { failure: `${status} ${code} ${headers['x-request-id']}`, isBroken: false, hasBegun: false }
      }
      if (method === 'POST') this.answered.add(nonce)
      return FINE
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      return { failure: code ?? message, isBroken: code !== 'ECONNREFUSED', hasBegun: false }
    }
  }

  async #callRpc(connection: Connection, port: number): Promise<Outcome> {
    const call = () => callOnce(connection.to(port), `/${ECHO}/Unary`, `chaos-${++this.#sent}`)
    let end = await call()
    // Refused: it was on its way when the connection ended. gRPC libraries send it again themselves (gRFC A6).
    if (end === REFUSED) end = await call()
    if (/^0(:|$)/.test(end)) return FINE
    return { failure: end, isBroken: end.startsWith('reset'), hasBegun: end.endsWith(ANSWER_HAD_BEGUN) }
  }
}

/** The HTTP/2 connection of a client, replaced when it ends or another gateway takes new requests. */
class Connection {
  #session: ClientHttp2Session | undefined
  #port = 0

  to(port: number): ClientHttp2Session {
    if (
      this.#session === undefined ||
      this.#session.closed ||
      this.#session.destroyed ||
      this.#port !== port
    ) {
      this.close()
      this.#session = connect(`http://127.0.0.1:${port}`).on('error', () => {})
      this.#port = port
    }
    return this.#session
  }

  close(): void {
    this.#session?.close()
    this.#session = undefined
  }
}

async function outOfPatience(): Promise<Outcome> {
  await delay(PATIENCE_MS, undefined, { ref: false })
  return { failure: 'no answer', isBroken: false, hasBegun: false }
}
