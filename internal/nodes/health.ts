import type { Lane } from './node.ts'

/** The health of a node by active checks. `unchecked`: no check has ended yet, or there is none. */
export type Health = 'unchecked' | 'healthy' | 'unhealthy'

/** How the nodes of a service are checked. Immutable. */
export interface HealthCheck {
  /** The target of a GET. Without it and `grpc`, a connection is enough. */
  readonly path: string | undefined
  /** The service that grpc.health.v1 is asked about; empty = the whole server, undefined = it is not asked. */
  readonly grpc?: string | undefined
  /** Host header of the request; undefined = the node's address. */
  readonly host: string | undefined
  /** Statuses that pass the check; undefined = 200 to 399. */
  readonly statuses: readonly number[] | undefined
  readonly intervalMs: number
  /** Covers the connection and the head of the answer. */
  readonly timeoutMs: number
  /** Consecutive checks that an unhealthy node has to pass to become healthy. */
  readonly healthyAfter: number
  /** Consecutive checks that a healthy node has to fail to become unhealthy. */
  readonly unhealthyAfter: number
}

/** Whether nodes of a lane can be checked like that. The two lanes of a service may have one rule. */
export function isCheckable(lane: Lane | undefined, { path, grpc }: HealthCheck): boolean {
  if (grpc !== undefined) return lane === 'grpc'
  return path === undefined ? lane !== undefined : lane === 'http'
}

/** The result of checking a node. */
export interface HealthVerdict {
  readonly service: string
  readonly id: string
  /** Where the node was checked. A node with the same id at another address is another node. */
  readonly address: string
  readonly health: Health
  /** The result of the last check, human-readable. */
  readonly reason: string
  /** Whether the node accepts connections and does not answer. */
  readonly isHung: boolean
}

/**
 * Derives the health of one node from its checks. The first check decides alone, either way. Later it takes several
 * consecutive checks to change the health (HAProxy's `rise` and `fall`).
 */
export class HealthStreak {
  readonly #check: HealthCheck
  #health: Health
  /** Consecutive checks that contradicted the current health. */
  #against = 0

  /** @param health the result of earlier checks */
  constructor(check: HealthCheck, health: Health = 'unchecked') {
    this.#check = check
    this.#health = health
  }

  get health(): Health {
    return this.#health
  }

  /** Whether the last check contradicted the current health. */
  get isInDoubt(): boolean {
    return this.#against > 0
  }

  /** Counts a check. @returns whether it changed the health of the node */
  note(passed: boolean): boolean {
    const shown = passed ? 'healthy' : 'unhealthy'
    if (shown === this.#health) {
      this.#against = 0
      return false
    }
    this.#against++
    if (this.#health !== 'unchecked' && this.#against < this.#needed(passed)) return false
    this.#health = shown
    this.#against = 0
    return true
  }

  #needed(passed: boolean): number {
    return passed ? this.#check.healthyAfter : this.#check.unhealthyAfter
  }
}
