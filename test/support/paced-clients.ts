import assert from 'node:assert/strict'
import { Agent, request as httpRequest } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

export interface PacedClientsOptions {
  /** Ports of the gateways, in the order in which clients use them. */
  readonly ports: readonly number[]
  readonly path: string
  /** Maximum of all clients together: each waits for its answer before it sends again. */
  readonly perSecond: number
  /** Default 50. */
  readonly clients?: number
  /** Share of clients, 0..1, that use a new connection for each request. Default 0. */
  readonly fresh?: number
}

export interface ClientsReport {
  readonly gets: number
  readonly posts: number
  /** Bodies of the POSTs that were answered with 200. */
  readonly answered: readonly string[]
  /** Number of failures by reason. */
  readonly failures: ReadonlyMap<string, number>
  readonly perSecond: number
}

/** Why a client moved: an answer said `Connection: close`, an idle connection was closed, or a new one was refused. */
export type Move = 'told' | 'closed' | 'refused'

/** Clients that send until they are disposed of or finished. */
export interface PacedClients extends AsyncDisposable {
  /** Number of answers so far. */
  count(): number
  /** Resolves when this many more requests have been answered. */
  more(answers: number): Promise<void>
  /** Returns why clients moved to another gateway. */
  moves(): readonly Move[]
  finish(): Promise<ClientsReport>
}

/**
 * Sends GETs and POSTs in turn, every POST with a unique id as its body. Each client has one connection, and moves to
 * the next gateway when an answer says `Connection: close`, when its idle connection is closed, or when a new one is
 * refused. A request on a connection that ends without an answer counts as failed, whatever its method: nothing is
 * repeated here.
 */
export function startClients(options: PacedClientsOptions): PacedClients {
  const { ports, path, perSecond, clients: count = 50, fresh = 0 } = options
  const stopping = new AbortController()
  const failures = new Map<string, number>()
  const answered: string[] = []
  const sent = { GET: 0, POST: 0 }
  let answers = 0
  const startedAt = performance.now()
  const clients = Array.from({ length: count }, (_, index) => new Client(ports, index < fresh * count))
  const intervalMs = (1_000 * count) / perSecond

  async function drive(client: Client, index: number): Promise<void> {
    await pause((intervalMs / count) * index, stopping.signal)
    for (let n = 0; !stopping.signal.aborted; n++) {
      const begunAt = performance.now()
      const method = (n + index) % 2 === 0 ? 'GET' : 'POST'
      const id = `${index}-${n}`
      sent[method]++
      const failure = await client.ask(method, path, id)
      if (failure !== undefined) failures.set(failure, (failures.get(failure) ?? 0) + 1)
      else if (method === 'POST') answered.push(id)
      answers++
      await pause(intervalMs - (performance.now() - begunAt), stopping.signal)
    }
  }

  const driving = clients.map(drive)
  const stop = async () => {
    stopping.abort()
    await Promise.all(driving)
    for (const client of clients) client.close()
  }
  return {
    count: () => answers,
    async more(wanted) {
      for (const from = answers; answers - from < wanted; ) await delay(5)
    },
    moves: () => clients.flatMap(client => client.moves),
    async finish() {
      const seconds = (performance.now() - startedAt) / 1_000
      await stop()
      return { gets: sent.GET, posts: sent.POST, answered, failures, perSecond: answers / seconds }
    },
    [Symbol.asyncDispose]: stop,
  }
}

/**
 * Checks that no request failed, and that each POST was received once, by one node.
 *
 * @param seen the bodies of POSTs that all nodes received
 */
export function assertUnnoticed({ failures, answered, posts }: ClientsReport, seen: readonly string[]): void {
  assert.deepEqual([...failures], [], 'every request was answered 200')
  assert.equal(answered.length, posts)
  assert.equal(new Set(seen).size, seen.length, 'no POST was seen twice')
  assert.deepEqual(new Set(seen), new Set(answered), 'what was seen is what was answered')
}

/** A client with one connection at a time. */
class Client {
  readonly #ports: readonly number[]
  readonly #isFresh: boolean
  readonly #agent: Agent
  readonly #known = new WeakSet<Socket>()
  readonly moves: Move[] = []
  #at = 0

  constructor(ports: readonly number[], isFresh: boolean) {
    this.#ports = ports
    this.#isFresh = isFresh
    this.#agent = new Agent({ keepAlive: !isFresh, maxSockets: 1 })
  }

  get port(): number {
    return this.#ports[this.#at]!
  }

  /** Returns undefined after an answer with 200, otherwise the reason of the failure. */
  async ask(method: 'GET' | 'POST', path: string, body: string): Promise<string | undefined> {
    for (;;) {
      const { port } = this
      const { failure, wasRefused } = await this.#send(port, method, path, body)
      // The connection was refused, so nothing was sent.
      if (wasRefused && port !== this.#ports.at(-1)) this.#leave(port, 'refused')
      else return failure && `${method} ${failure}`
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  #leave(port: number, move: Move): void {
    if (port !== this.port || this.#at === this.#ports.length - 1) return
    this.#at++
    this.moves.push(move)
  }

  #send(port: number, method: 'GET' | 'POST', path: string, body: string): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>()
    const agent = this.#agent
    const headers = method === 'POST' ? { 'content-length': Buffer.byteLength(body) } : {}
    const request = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent }, response => {
      if (!this.#isFresh && response.headers.connection === 'close') this.#leave(port, 'told')
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece
      })
      response.on('error', onError)
      response.on('end', () => {
        const { statusCode } = response
        resolve({
          failure: statusCode === 200 ? undefined : `${statusCode} ${/"code":"(\w+)"/.exec(text)?.[1]}`,
        })
      })
    })
    const onError = ({ code, message }: NodeJS.ErrnoException) =>
      resolve({ failure: code ?? message, wasRefused: code === 'ECONNREFUSED' })
    request.on('error', onError)
    request.on('socket', socket => {
      if (this.#isFresh || this.#known.has(socket)) return
      this.#known.add(socket)
      socket.once('close', () => this.#leave(port, 'closed'))
    })
    request.end(method === 'POST' ? body : undefined)
    return promise
  }
}

interface Outcome {
  readonly failure: string | undefined
  readonly wasRefused?: boolean
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return ms > 0 ? delay(ms, undefined, { signal }).catch(() => {}) : Promise.resolve()
}
