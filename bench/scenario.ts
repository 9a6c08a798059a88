import type { Load } from './load.ts'
import type { Running, Scene } from './scene.ts'

/** One line of a table. */
export interface Contender {
  readonly name: string
  start(scene: Scene): Promise<Running>
  /** Where its load differs from the scenario's. */
  readonly load?: Partial<Load>
  /** Connections that made one request and lie idle while the load runs. */
  readonly idleConnections?: number
}

/** One table: the same load on several contenders, the first of which the others are compared with. */
export interface Scenario {
  /** As `--scenario` has it. */
  readonly name: string
  /** One line that says what is sent. */
  readonly title: string
  readonly load: Load
  /** How many nodes there are. Default 3. */
  readonly nodes?: number
  contenders(): readonly Contender[]
}
