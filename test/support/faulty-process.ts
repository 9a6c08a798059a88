import type { Etcd3 } from 'etcd3'
import { createEtcdClient } from '../../discovery/etcd/client.ts'
import { Registrar } from '../../discovery/etcd/registrar.ts'
import { silentLogger } from '../../discovery/logger.ts'
import { type ClientFaults, makeFaulty } from './faulty-client.ts'
import { JumpingClock } from './jumping-clock.ts'

/** The shortest that a registrar takes. */
const TTL_SECONDS = 6

/** What a process wants its node to be. */
export interface OwnValues {
  readonly weight: number
  readonly metadata: Record<string, string>
  readonly draining: boolean
}

export interface FaultyProcessOptions {
  readonly url: string
  readonly name: string
  readonly id: string
  readonly port: number
  readonly own: OwnValues
  readonly random: () => number
  note(what: string): void
}

/** Registers `user/<id>` through a client whose calls fail or come late. The caller calls `leave()`, and `close()` after it. */
export class FaultyProcess {
  readonly name: string
  readonly port: number
  readonly faults: ClientFaults
  readonly #client: Etcd3
  readonly #clock = new JumpingClock()
  readonly #registrar: Registrar
  readonly #note: (what: string) => void
  #own: OwnValues
  #updating = 0
  #left: Promise<void> | undefined

  constructor({ url, name, id, port, own, random, note }: FaultyProcessOptions) {
    this.name = name
    this.port = port
    this.#own = own
    this.#note = note
    this.#client = createEtcdClient({ endpoints: [url] })
    this.faults = makeFaulty(this.#client, random)
    const logger = {
      ...silentLogger,
      warn: (about: object, message: string) => note(`${name} warns: ${message} ${JSON.stringify(about)}`),
      info: (_: object, message: string) => note(`${name} says: ${message}`),
    }
    const { weight, metadata } = own
    this.#registrar = new Registrar({
      ...{ client: this.#client, key: `/services/user/${id}`, ttlSeconds: TTL_SECONDS },
      ...{
        clock: this.#clock,
        logger,
        node: { service: 'user', id, host: '10.0.0.7', port, weight, metadata },
      },
    })
    note(`${name} starts on ${port} with ${weight}`)
    this.#registrar.start().catch(() => {})
  }

  /** The values of the last update. */
  get own(): OwnValues {
    return this.#own
  }

  /** Whether an update has not settled yet. */
  get isUpdating(): boolean {
    return this.#updating > 0
  }

  get hasLeft(): boolean {
    return this.#left !== undefined
  }

  update(changes: Partial<OwnValues>): void {
    if (this.hasLeft) return
    this.#own = { ...this.#own, ...changes }
    this.#updating++
    this.#note(`${this.name} updates ${JSON.stringify(this.#own)}`)
    void this.#registrar.update(this.#own).then(() => this.#updating--)
  }

  /** Lets its lease run out, as it sees it. */
  pause(): void {
    this.#note(`${this.name} was paused`)
    this.#clock.jump(TTL_SECONDS * 1_000 + 1_000)
  }

  leave(): Promise<void> {
    if (!this.#left) this.#note(`${this.name} leaves`)
    this.#left ??= this.#registrar.unregister()
    return this.#left
  }

  close(): void {
    this.#client.close()
  }
}
