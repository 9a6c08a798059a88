import { getOrMake } from '../../internal/get-or-make.ts'
import type { HealthVerdict } from '../../internal/nodes/health.ts'

/** The latest health verdict of each checked node, by service and node id. */
export class HealthVerdicts {
  readonly #services = new Map<string, Map<string, HealthVerdict>>()

  get(service: string, id: string): HealthVerdict | undefined {
    return this.#services.get(service)?.get(id)
  }

  /** Replaces the verdict of a node; `unchecked` removes it. */
  put(verdict: HealthVerdict): void {
    const { service, id, health } = verdict
    if (health !== 'unchecked') {
      getOrMake(this.#services, service, () => new Map<string, HealthVerdict>()).set(id, verdict)
      return
    }
    const verdicts = this.#services.get(service)
    if (verdicts?.delete(id) && verdicts.size === 0) this.#services.delete(service)
  }

  /** Returns a copy of the verdicts of one service. */
  of(service: string): readonly HealthVerdict[] {
    return [...(this.#services.get(service)?.values() ?? [])]
  }

  /** Returns a copy of all verdicts. */
  all(): readonly HealthVerdict[] {
    return [...this.#services.values()].flatMap(verdicts => [...verdicts.values()])
  }
}
