import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { freePort } from '../support/free-port.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { type Program, startNodeProgram, startProgram } from '../support/waygate.ts'
import type { Journal } from './journal.ts'
import type { NodeProcessOptions } from './node-process.ts'

const PROGRAM = join(import.meta.dirname, 'node-process.ts')
const TTL_SECONDS = 6

export interface ChaosNodeOptions {
  readonly service: string
  readonly id: string
  readonly protocol: 'http' | 'grpc'
  /** What registers it: its own process, or a sidecar that runs it. */
  readonly by: 'sdk' | 'sidecar'
  readonly postedFile: string
  /** URLs of etcd, separated by commas. */
  readonly etcd: string
  readonly journal: Journal
}

/** A node as the run knows it: its process, the fault that it has at the moment, and since when it is good. */
export class ChaosNode {
  readonly service: string
  readonly protocol: 'http' | 'grpc'
  /** `service/id` */
  readonly name: string
  /** Between gateway and node, for nodes that register themselves. */
  readonly proxy: TcpProxy | undefined
  /** The port that is registered. */
  readonly address: number
  readonly #options: ChaosNodeOptions
  /** Where the node really listens. */
  readonly #port: number
  #program: Program | undefined
  /** Whether a fault has it at the moment. */
  isBusy = false
  /** Until when a fault that may cost requests that are sent once has had it. */
  roughUntil = Number.NEGATIVE_INFINITY
  /** Whether etcd has its key, with its address. */
  isRegistered = false
  /** Since when it runs without a fault and is registered, in a way that the gateway could hear of. */
  goodSince = Number.POSITIVE_INFINITY

  private constructor(options: ChaosNodeOptions, port: number, proxy: TcpProxy | undefined) {
    this.service = options.service
    this.protocol = options.protocol
    this.name = `${options.service}/${options.id}`
    this.proxy = proxy
    this.address = proxy?.port ?? port
    this.#options = options
    this.#port = port
  }

  static async create(options: ChaosNodeOptions): Promise<ChaosNode> {
    const port = await freePort()
    // A sidecar refuses an address where something listens already, as the proxy does.
    const proxy = options.by === 'sdk' ? await startTcpProxy(port) : undefined
    const node = new ChaosNode(options, port, proxy)
    await node.start()
    return node
  }

  /** Starts the process, which registers the node as soon as it can. Resolves when it listens, and so handles SIGTERM. */
  async start(): Promise<void> {
    const { service, id, protocol, by, postedFile, etcd, journal } = this.#options
    const kind = protocol === 'http' ? { path: '/healthz' } : { grpc: true }
    const healthCheck = JSON.stringify({ ...kind, intervalMs: 1_000 })
    const options: NodeProcessOptions = {
      ...{ id, protocol, port: this.#port, postedFile },
      registration:
        by === 'sidecar'
          ? undefined
          : {
              ...{ name: service, id, protocol, host: '127.0.0.1', port: this.address },
              ...{ metadata: { healthCheck }, ttlSeconds: TTL_SECONDS, etcd: etcd.split(',') },
            },
    }
    const args = [JSON.stringify(options)]
    const about = ['--name', service, '--id', id, '--address', `127.0.0.1:${this.#port}`]
    const how = ['--protocol', protocol, '--ttl', String(TTL_SECONDS), '--etcd', etcd]
    const meta = ['--meta', `healthCheck=${healthCheck}`]
    const program =
      by === 'sdk'
        ? await startNodeProgram({ file: PROGRAM, args, detached: true })
        : await startProgram({
            args: ['register', ...about, ...how, ...meta, '--', process.execPath, PROGRAM, ...args],
            detached: true,
          })
    this.#program = program
    journal.watch(this.name, program)
    void program.exited.then(({ code, signal }) => {
      if (this.#program === program) journal.fail(`${this.name} ended by itself: ${code ?? signal}`)
    })
    await until(`${this.name} listens`, () => accepts(this.#port), { withinMs: 60_000 })
  }

  /** Sends a signal to the process, and to the sidecar if there is one. */
  async signal(signal: 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    process.kill(-this.#program!.pid, signal)
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    const program = this.#program
    if (program === undefined) return
    this.#program = undefined
    if (!program.hasExited()) process.kill(-program.pid, 'SIGKILL')
    await program.stop()
  }

  /** Ends it with SIGTERM. */
  async leave(): Promise<void> {
    const program = this.#program!
    this.#program = undefined
    await endGently(this.name, program)
  }

  /** Changes how it answers from now on. */
  async answer({ delayMs = 0, status = 200 }: { delayMs?: number; status?: number } = {}): Promise<void> {
    await fetch(`http://127.0.0.1:${this.#port}/control?delayMs=${delayMs}&status=${status}`, {
      headers: { connection: 'close' },
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    await this.proxy?.[Symbol.asyncDispose]()
  }
}

async function accepts(port: number): Promise<true> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect').finally(() => socket.destroy())
  return true
}

/**
 * Ends a program with SIGTERM.
 *
 * @throws Error when it has not ended after a minute, or not with 0
 */
export async function endGently(name: string, program: Program): Promise<void> {
  program.child.kill('SIGTERM')
  await until(`${name} ends after SIGTERM`, () => program.hasExited(), { withinMs: 60_000 }).finally(
    program.stop,
  )
  const { code, signal } = await program.exited
  if (code !== 0) throw new Error(`${name} ended with ${code ?? signal} after SIGTERM`)
}
