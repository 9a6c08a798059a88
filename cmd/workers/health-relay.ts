import { HealthVerdicts } from '../gateway/health-verdicts.ts'
import type { HealthNews } from '../gateway/live-health.ts'
import type { WorkerProcess } from './worker-process.ts'

/** Assigns the health checks to one worker, and relays its verdicts to the others. */
export class HealthRelay {
  #verdicts = new HealthVerdicts()
  #checker: WorkerProcess | undefined
  /** The workers that have all current verdicts. */
  #informed = new Set<WorkerProcess>()

  /**
   * Sends the verdicts to new workers, and moves the checks to another worker if the present one has stopped serving or
   * does not answer.
   */
  update(serving: readonly WorkerProcess[], answering: readonly WorkerProcess[] = serving): void {
    this.#informed = new Set(serving.filter(worker => this.#informed.has(worker)))
    for (const worker of serving) {
      if (this.#informed.has(worker)) continue
      this.#informed.add(worker)
      worker.sendHealth({ verdicts: this.#verdicts.all(), isAll: true })
    }
    const isChecked = this.#checker !== undefined && this.#informed.has(this.#checker)
    if (isChecked && (answering.includes(this.#checker!) || answering.length === 0)) return
    // The next worker starts from the known verdicts, and reports at once which of them no longer apply.
    const next = answering.find(worker => worker.isLoaded) ?? answering[0] ?? serving[0]
    // One that does not answer now may go on later. Two that check would tell different things, of which only one is heard.
    if (isChecked) this.#checker!.check(false)
    this.#checker = next
    if (!next) return
    next.onHealth = news => this.#relay(next, news)
    next.check(true)
  }

  #relay(from: WorkerProcess, news: HealthNews): void {
    if (from !== this.#checker) return
    if (news.isAll) this.#verdicts = new HealthVerdicts()
    for (const verdict of news.verdicts) this.#verdicts.put(verdict)
    for (const worker of this.#informed) if (worker !== from) worker.sendHealth(news)
  }
}
