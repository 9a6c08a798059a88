import { type Health, type HealthCheck, HealthStreak } from '../../internal/nodes/health.ts'
import { type Node, usesTls } from '../../internal/nodes/node.ts'
import { NodeTls, type TlsSettings } from '../transport/node-tls.ts'
import { type CheckOptions, type CheckResult, checkNode } from './check-node.ts'

export interface NodeCheckOptions extends Omit<CheckOptions, 'tls'> {
  /** Returns the present settings of TLS with the nodes of a service. */
  readonly tlsOf: (service: string) => TlsSettings
  /** What earlier checks have found. */
  readonly health: Health
  /** How long to wait before the first check. */
  readonly firstAfterMs: number
  /** Is called when the node's health changes. */
  readonly onChange: (health: Health, result: CheckResult) => void
  /** Is called after every check. */
  readonly onChecked: (passed: boolean) => void
}

/** Random deviation of the interval, as a share of it, so that several gateways do not check in step. */
const JITTER = 0.1
/** When the last check contradicts the node's health, the next one follows within this time. */
const IN_DOUBT_MS = 1_000

/** Checks one node again and again, until `stop()`. */
export class NodeCheck {
  readonly node: Node
  readonly check: HealthCheck
  readonly #options: NodeCheckOptions
  readonly #streak: HealthStreak
  readonly #tls: NodeTls | undefined
  #timer: NodeJS.Timeout
  #cancel: () => void = () => {}

  constructor(options: NodeCheckOptions) {
    this.node = options.node
    this.check = options.check
    this.#options = options
    const { node, tlsOf } = options
    this.#tls = usesTls(node) ? new NodeTls(node, () => tlsOf(node.service)) : undefined
    this.#streak = new HealthStreak(options.check, options.health)
    this.#timer = setTimeout(this.#run, options.firstAfterMs).unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#cancel()
  }

  readonly #run = (): void => {
    const { names, allows } = this.#options
    this.#cancel = checkNode({ node: this.node, check: this.check, tls: this.#tls, names, allows }, result =>
      this.#checked(result),
    )
  }

  #checked(result: CheckResult): void {
    const { check, onChange, onChecked } = this.#options
    const isVoid = result.isVoid === true
    if (!isVoid) onChecked(result.passed)
    const changed = !isVoid && this.#streak.note(result.passed)
    const waitMs = this.#streak.isInDoubt ? Math.min(check.intervalMs, IN_DOUBT_MS) : check.intervalMs
    this.#timer = setTimeout(this.#run, waitMs * (1 - JITTER + 2 * JITTER * Math.random())).unref()
    if (changed) onChange(this.#streak.health, result)
  }
}
