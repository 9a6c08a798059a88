import cluster from 'node:cluster'
import type { HealthNews } from '../gateway/live-health.ts'
import type { PageQuestion, ToPrimary, ToWorker } from './messages.ts'

/** Why a worker ends: another worker has replaced it, the whole gateway shuts down, or the primary is gone. */
export type WorkerEnd = 'retire' | 'drain' | 'orphaned'
export type Start = Extract<ToWorker, { readonly type: 'start' }>

/** The worker's end of the messages between a worker and its primary. */
export class PrimaryLink {
  readonly start: Promise<Start>
  /** Resolves with the first reason to end. */
  readonly end: Promise<WorkerEnd>
  /** Aborts when ending must no longer wait for clients: the gateway shuts down, or the primary is gone. */
  readonly hurry: AbortSignal
  /** Builds a page, and calls `answer` with each part of it. Until it is set, pages have no parts. */
  onAsk: (page: PageQuestion, answer: (part: unknown) => void) => Promise<void> = async () => {}
  /** Called when this worker is to run the health checks, or to run them no longer. */
  onCheck: (isWanted: boolean) => void = () => {}
  /** Called with the verdicts of the worker that runs the health checks. */
  onHealth: (news: HealthNews) => void = () => {}
  /** Called when other requests are to be told of; with undefined when nobody watches anymore. */
  onWatch: (filters: readonly string[] | undefined) => void = () => {}
  /** Called with the reason why a page could not be built. */
  onError: (error: unknown) => void = () => {}

  constructor() {
    const start = Promise.withResolvers<Start>()
    const end = Promise.withResolvers<WorkerEnd>()
    const hurry = new AbortController()
    this.start = start.promise
    this.end = end.promise
    this.hurry = hurry.signal
    const endBy = (reason: WorkerEnd) => {
      end.resolve(reason)
      if (reason !== 'retire') hurry.abort()
    }
    process.on('message', (message: ToWorker) => {
      switch (message.type) {
        case 'start':
          return start.resolve(message)
        case 'ask':
          return void this.#answer(message.id, message.page)
        case 'watch':
          return this.onWatch(message.filters)
        case 'check':
          return this.onCheck(message.isWanted)
        case 'health':
          return this.onHealth(message.news)
        case 'retire':
        case 'drain':
          return endBy(message.type)
        default:
          return message satisfies never
      }
    })
    const worker = cluster.worker!
    worker.once('disconnect', () => {
      // Node exits a worker at once when its primary is gone, unless it believes that the exit was requested.
      worker.exitedAfterDisconnect = true
      endBy('orphaned')
    })
  }

  /** Resolves when the message has been sent, or cannot be sent because the primary is gone. */
  send(message: ToPrimary): Promise<void> {
    if (!process.connected) return Promise.resolve()
    return new Promise(resolve => process.send!(message, undefined, undefined, () => resolve()))
  }

  async #answer(id: number, page: PageQuestion | undefined): Promise<void> {
    try {
      if (page !== undefined) await this.onAsk(page, part => void this.send({ type: 'part', id, part }))
    } catch (error) {
      // A failed page must not end a process that serves requests. The primary goes on without this answer.
      this.onError(error)
      return
    }
    await this.send({ type: 'answered', id })
  }
}
