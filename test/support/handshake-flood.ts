import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { startTlsGateway, type TlsGatewayOptions } from './tls-gateway.ts'

export interface HandshakeFloodOptions extends Pick<TlsGatewayOptions, 'config'> {
  readonly handshakesPerSecond: number
  /** Requests on connections that are open before the flood. */
  readonly requestsPerSecond: number
  readonly seconds: number
}

export interface HandshakeFloodReport {
  /** Connections on which a handshake was begun. */
  readonly begun: number
  /** Of these, how many the gateway has answered with its certificate and signature. */
  readonly answered: number
  readonly requests: number
  /** Why requests have failed, with how many. */
  readonly failures: ReadonlyMap<string, number>
  /** Time from when a request was due until its answer. */
  readonly p50Ms: number
  readonly p99Ms: number
}

const CONNECTIONS = 50
const FLOODER = join(import.meta.dirname, 'handshake-flood-process.ts')

/**
 * Begins handshakes at a gateway and gives each up when the gateway has signed, which costs the gateway the most and the
 * client the least. Meanwhile others send requests on open connections.
 */
export async function floodWithHandshakes(options: HandshakeFloodOptions): Promise<HandshakeFloodReport> {
  const { handshakesPerSecond, requestsPerSecond, seconds, config = {} } = options
  await using server = await startTlsGateway({ config })
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS, ca: readFileSync(server.authority.ca) })
  const failures = new Map<string, number>()
  const times: number[] = []
  const ask = async (dueAt: number) => {
    const failure = await get(agent, server.port)
    times.push(performance.now() - dueAt)
    if (failure !== undefined) failures.set(failure, (failures.get(failure) ?? 0) + 1)
  }
  try {
    await Promise.all(Array.from({ length: CONNECTIONS }, () => ask(performance.now())))
    times.length = 0
    const flooder = spawn(process.execPath, [FLOODER, String(server.port), String(handshakesPerSecond)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const lines = createInterface({ input: flooder.stdout })
    await once(lines, 'line')
    const under: Promise<void>[] = []
    const startedAt = performance.now()
    for (let n = 0; n < seconds * requestsPerSecond; n++) {
      const dueAt = startedAt + (n * 1_000) / requestsPerSecond
      await delay(Math.max(0, dueAt - performance.now()))
      under.push(ask(dueAt))
    }
    await Promise.all(under)
    const told = once(lines, 'line')
    flooder.stdin.end()
    const { begun, answered } = JSON.parse((await told)[0]) as { begun: number; answered: number }
    const sorted = times.toSorted((a, b) => a - b)
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
    return { begun, answered, requests: times.length, failures, p50Ms: at(0.5), p99Ms: at(0.99) }
  } finally {
    agent.destroy()
  }
}

/** Resolves with undefined after an answer with 200, otherwise with the reason of the failure. */
function get(agent: Agent, port: number): Promise<string | undefined> {
  return new Promise(resolve => {
    request({ host: 'localhost', port, path: '/echo/x', agent }, response => {
      response.resume()
      response.once('error', error => resolve(String(error)))
      response.once('end', () =>
        resolve(response.statusCode === 200 ? undefined : String(response.statusCode)),
      )
    })
      .once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
      .end()
  })
}
