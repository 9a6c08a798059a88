import { HealthVerdicts } from '../gateway/health-verdicts.ts'
import type { HealthNews } from '../gateway/live-health.ts'
import type { WorkerProcess } from './worker-process.ts'

/** Has one worker check the nodes, and tells the others what it finds. */
export class HealthRelay {
  #verdicts = new HealthVerdicts()
  #checker: WorkerProcess | undefined
  /** Those that know what is known. */
  #told = new Set<WorkerProcess>()

  /** @param serving the workers that get connections, now */
  update(serving: readonly WorkerProcess[]): void {
    this.#told = new Set(serving.filter(worker => this.#told.has(worker)))
    for (const worker of serving) {
      if (this.#told.has(worker)) continue
      this.#told.add(worker)
      worker.tellHealth({ verdicts: this.#verdicts.all(), isAll: true })
    }
    if (this.#checker && this.#told.has(this.#checker)) return
    // The next goes on with what is known, and says at once what of it is no longer true.
    const next = serving.find(worker => worker.isLoaded) ?? serving[0]
    this.#checker = next
    if (!next) return
    next.onHealth = news => this.#heard(next, news)
    next.check()
  }

  #heard(from: WorkerProcess, news: HealthNews): void {
    if (from !== this.#checker) return
    if (news.isAll) this.#verdicts = new HealthVerdicts()
    for (const verdict of news.verdicts) this.#verdicts.put(verdict)
    for (const worker of this.#told) if (worker !== from) worker.tellHealth(news)
  }
}
