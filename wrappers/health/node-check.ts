import { type Health, type HealthCheck, HealthStreak } from '../../internal/nodes/health.ts'
import type { Node } from '../../internal/nodes/node.ts'
import { type CheckResult, checkNode } from './check-node.ts'

export interface NodeCheckOptions {
  readonly node: Node
  readonly check: HealthCheck
  /** Whether a connection may be made to an IP address. Default: to all. */
  readonly allows?: ((address: string, port: number) => boolean) | undefined
  /** What is known of it already. */
  readonly health: Health
  /** Until the first check. */
  readonly firstAfterMs: number
  /** Told when the node's health has changed. */
  readonly onChange: (health: Health, result: CheckResult) => void
  /** Told of every check. */
  readonly onChecked: (passed: boolean) => void
}

/** How far from its time a check may be, as a share of the interval: gateways must not check in step. */
const JITTER = 0.1
/** When what is believed is in doubt, the next check comes at least so soon. */
const IN_DOUBT_MS = 1_000

/** Checks one node again and again, until `stop()`. */
export class NodeCheck {
  readonly node: Node
  readonly check: HealthCheck
  readonly #options: NodeCheckOptions
  readonly #streak: HealthStreak
  #timer: NodeJS.Timeout
  #cancel: () => void = () => {}

  constructor(options: NodeCheckOptions) {
    this.node = options.node
    this.check = options.check
    this.#options = options
    this.#streak = new HealthStreak(options.check, options.health)
    this.#timer = setTimeout(this.#run, options.firstAfterMs).unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#cancel()
  }

  readonly #run = (): void => {
    const { allows } = this.#options
    this.#cancel = checkNode({ node: this.node, check: this.check, allows }, result => this.#checked(result))
  }

  #checked(result: CheckResult): void {
    const { check, onChange, onChecked } = this.#options
    onChecked(result.passed)
    const changed = this.#streak.note(result.passed)
    const waitMs = this.#streak.isInDoubt ? Math.min(check.intervalMs, IN_DOUBT_MS) : check.intervalMs
    this.#timer = setTimeout(this.#run, waitMs * (1 - JITTER + 2 * JITTER * Math.random())).unref()
    if (changed) onChange(this.#streak.health, result)
  }
}
