import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { EmbeddedEtcdOptions } from '../../discovery/embedded-etcd/server.ts'
import { freePort } from './free-port.ts'

const PROGRAM = join(import.meta.dirname, 'durable-etcd-process.ts')

/** A durable embedded etcd in a process of its own, which is killed and started again on the same port. */
export class DurableEtcd implements AsyncDisposable {
  readonly url: string
  readonly #options: EmbeddedEtcdOptions
  #next: ChildProcess
  #running: ChildProcess | undefined

  private constructor(options: EmbeddedEtcdOptions) {
    this.#options = options
    this.url = `http://127.0.0.1:${options.port}`
    this.#next = load()
  }

  /** Starts one with its data in `dataFolder`. */
  static async start(options: Omit<EmbeddedEtcdOptions, 'port'>): Promise<DurableEtcd> {
    const etcd = new DurableEtcd({ ...options, port: await freePort() })
    await etcd.start()
    return etcd
  }

  /** @throws Error with what the process said when it cannot start */
  async start(): Promise<void> {
    const child = this.#next
    // The next one loads its modules while this one runs.
    this.#next = load()
    this.#running = child
    child.send(this.#options)
    const [answer] = await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code, signal]) => [{ error: `ended with ${code ?? signal}` }]),
    ])
    if (answer !== 'listening') throw new Error(answer.error)
  }

  /** Ends it as nothing but a power cut does more suddenly. */
  async kill(): Promise<void> {
    const child = this.#running
    this.#running = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    this.#next.kill('SIGKILL')
  }
}

function load(): ChildProcess {
  return fork(PROGRAM, {
    execArgv: ['--conditions=waygate-source'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}
