import type { HealthVerdict } from '../../internal/nodes/health.ts'

/** What is known of the health of nodes, by service and id; unchecked ones are not in it. */
export class HealthVerdicts {
  readonly #services = new Map<string, Map<string, HealthVerdict>>()

  get(service: string, id: string): HealthVerdict | undefined {
    return this.#services.get(service)?.get(id)
  }

  /** Takes the place of what was known; a verdict of `unchecked` means that nothing is. */
  put(verdict: HealthVerdict): void {
    const { service, id, health } = verdict
    let verdicts = this.#services.get(service)
    if (health !== 'unchecked') {
      if (!verdicts) {
        verdicts = new Map()
        this.#services.set(service, verdicts)
      }
      verdicts.set(id, verdict)
    } else if (verdicts?.delete(id) && verdicts.size === 0) this.#services.delete(service)
  }

  /** A copy. */
  of(service: string): readonly HealthVerdict[] {
    return [...(this.#services.get(service)?.values() ?? [])]
  }

  /** A copy. */
  all(): readonly HealthVerdict[] {
    return [...this.#services.values()].flatMap(verdicts => [...verdicts.values()])
  }
}
