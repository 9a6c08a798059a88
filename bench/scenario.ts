import type { Budget } from './budgets.ts'
import type { Load } from './load.ts'
import type { Running, Scene } from './scene.ts'

/** One line of a table. */
export interface Contender {
  readonly name: string
  start(scene: Scene): Promise<Running>
  /** Replaces parts of the scenario's load. */
  readonly load?: Partial<Load>
  /** What it may cost more than the first contender. The run prints whether it does. */
  readonly budget?: Budget
  /** Whether it is the first contender once more. What the two differ in is the noise of the run. */
  readonly isControl?: boolean
  /** Number of connections that made one request and are idle while the load runs. */
  readonly idleConnections?: number
  /**
   * Begins what goes on beside the load, such as a viewer, before each turn of the contender. Resolves with the function that
   * ends it after the turn.
   */
  beside?(running: Running): Promise<() => void>
}

/** One table: the same load on several contenders, which are compared with the first one. */
export interface Scenario {
  /** The name for `--scenario`. */
  readonly name: string
  /** One line that describes the load. */
  readonly title: string
  readonly load: Load
  /** The number of nodes. Default: 3. */
  readonly nodes?: number
  contenders(): readonly Contender[]
}
