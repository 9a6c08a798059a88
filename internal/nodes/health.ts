/** What active checks say of a node. `unchecked`: nothing yet, or nobody checks it. */
export type Health = 'unchecked' | 'healthy' | 'unhealthy'

/** How the nodes of a service are checked. Immutable. */
export interface HealthCheck {
  /** The target of a GET; undefined = a connection is enough. */
  readonly path: string | undefined
  /** Host header of the request; undefined = the node's address. */
  readonly host: string | undefined
  /** Statuses of a node that is well; undefined = 200 to 399. */
  readonly statuses: readonly number[] | undefined
  readonly intervalMs: number
  /** For the connection and the head of the answer together. */
  readonly timeoutMs: number
  /** Checks in a row that an unhealthy node has to pass. */
  readonly healthyAfter: number
  /** Checks in a row that a healthy node has to fail. */
  readonly unhealthyAfter: number
}

/** What has been found of a node. */
export interface HealthVerdict {
  readonly service: string
  readonly id: string
  /** Where it was checked: a node with the same id at another address is another one. */
  readonly address: string
  readonly health: Health
  /** What the last check has shown, for people. */
  readonly reason: string
  /** Whether the node takes connections and says nothing. */
  readonly isHung: boolean
}

/**
 * Counts the checks of one node. The first decides alone, either way; later it takes several in a row to change what
 * is believed (HAProxy's `rise` and `fall`).
 */
export class HealthStreak {
  readonly #check: HealthCheck
  #health: Health
  /** Checks in a row that spoke against what is believed. */
  #against = 0

  /** @param health what is known of it already */
  constructor(check: HealthCheck, health: Health = 'unchecked') {
    this.#check = check
    this.#health = health
  }

  get health(): Health {
    return this.#health
  }

  /** Whether the last check spoke against what is believed. */
  get isInDoubt(): boolean {
    return this.#against > 0
  }

  /** @returns whether the node's health has changed by this check */
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
