import { join } from 'node:path'
import { freePort } from '../support/free-port.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
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
  readonly id: string
  readonly protocol: 'http' | 'grpc'
  /** Where the node really listens. */
  readonly port: number
  /** Between gateway and node, for nodes that register themselves. */
  readonly proxy: TcpProxy | undefined
  readonly #options: ChaosNodeOptions
  #program: Program | undefined
  /** Whether a fault has it at the moment. */
  isBusy = false
  /** Whether that fault, or one that ended since, may cost requests that are sent once; its end. */
  roughUntil = Number.NEGATIVE_INFINITY
  /** Whether etcd has its key, with its address. */
  isRegistered = false
  /** Since when it runs without a fault and is registered, in a way that the gateway could hear of. */
  goodSince = Number.POSITIVE_INFINITY

  private constructor(options: ChaosNodeOptions, port: number, proxy: TcpProxy | undefined) {
    this.service = options.service
    this.id = options.id
    this.protocol = options.protocol
    this.port = port
    this.proxy = proxy
    this.#options = options
  }

  static async create(options: ChaosNodeOptions): Promise<ChaosNode> {
    const port = await freePort()
    // A sidecar refuses an address where something listens already, as the proxy does.
    const proxy = options.by === 'sdk' ? await startTcpProxy(port) : undefined
    const node = new ChaosNode(options, port, proxy)
    await node.start()
    return node
  }

  get name(): string {
    return `${this.service}/${this.id}`
  }

  /** The port that is registered. */
  get address(): number {
    return this.proxy?.port ?? this.port
  }

  /** Starts the process, which registers the node as soon as it can. */
  async start(): Promise<void> {
    const { service, id, protocol, by, postedFile, etcd, journal } = this.#options
    const check =
      protocol === 'http' ? { path: '/healthz', intervalMs: 1_000 } : { grpc: true, intervalMs: 1_000 }
    const metadata = { healthCheck: JSON.stringify(check) }
    const options: NodeProcessOptions = {
      ...{ service, id, protocol, port: this.port, advertisedPort: this.address, metadata, postedFile },
      ...{ etcd: by === 'sdk' ? etcd : undefined, ttlSeconds: TTL_SECONDS },
    }
    const args = [JSON.stringify(options)]
    const about = ['--name', service, '--id', id, '--address', `127.0.0.1:${this.port}`]
    const how = ['--protocol', protocol, '--ttl', String(TTL_SECONDS), '--etcd', etcd]
    const meta = ['--meta', `healthCheck=${metadata.healthCheck}`]
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
  }

  /** Sends a signal to the process, and to the sidecar if there is one. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
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
    program.child.kill('SIGTERM')
    const { code, signal } = await program.exited
    await program.stop()
    if (code !== 0) throw new Error(`${this.name} ended with ${code ?? signal} after SIGTERM`)
  }

  /** Changes how it answers from now on. */
  async answer({ delayMs = 0, status = 200 }: { delayMs?: number; status?: number } = {}): Promise<void> {
    await fetch(`http://127.0.0.1:${this.port}/control?delayMs=${delayMs}&status=${status}`, {
      headers: { connection: 'close' },
    })
  }

  async close(): Promise<void> {
    await this.kill()
    await this.proxy?.[Symbol.asyncDispose]()
  }
}
