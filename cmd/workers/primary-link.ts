import cluster from 'node:cluster'
import type { HealthNews } from '../gateway/live-health.ts'
import type { PageName, ToPrimary, ToWorker } from './messages.ts'

/** Why a worker ends: another took its place, the whole gateway ends, or its primary is gone. */
export type WorkerEnd = 'retire' | 'drain' | 'orphaned'
export type Start = Extract<ToWorker, { readonly type: 'start' }>

/** A worker's side of what is said between it and its primary. */
export class PrimaryLink {
  readonly start: Promise<Start>
  /** The first reason to end. */
  readonly end: Promise<WorkerEnd>
  /** Whether the end must not wait for clients any longer: the gateway ends, or the primary is gone. */
  readonly hurry: AbortSignal
  /** Resolves when no connection comes any more, or the primary is gone. */
  readonly leave: Promise<void>
  /** Asked for a page: calls `answer` with each part of it. Until it is set, pages have no parts. */
  onAsk: (page: PageName, answer: (part: unknown) => void) => Promise<void> = async () => {}
  /** Asked to check nodes. */
  onCheck: () => void = () => {}
  /** Told what another worker has found of nodes. */
  onHealth: (news: HealthNews) => void = () => {}
  /** Told why a page could not be made. */
  onError: (error: unknown) => void = () => {}

  constructor() {
    const start = Promise.withResolvers<Start>()
    const end = Promise.withResolvers<WorkerEnd>()
    const hurry = new AbortController()
    const leave = Promise.withResolvers<void>()
    this.start = start.promise
    this.end = end.promise
    this.hurry = hurry.signal
    this.leave = leave.promise
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
        case 'check':
          return this.onCheck()
        case 'health':
          return this.onHealth(message.news)
        case 'retire':
        case 'drain':
          return endBy(message.type)
        case 'leave':
          return leave.resolve()
        default:
          return message satisfies never
      }
    })
    const worker = cluster.worker!
    worker.once('disconnect', () => {
      // Node ends a worker whose primary is gone at once, unless it believes that it was asked to go.
      worker.exitedAfterDisconnect = true
      endBy('orphaned')
      leave.resolve()
    })
  }

  /** Resolves when the message is on its way, or cannot be sent because nobody is there. */
  send(message: ToPrimary): Promise<void> {
    if (!process.connected) return Promise.resolve()
    return new Promise(resolve => process.send!(message, undefined, undefined, () => resolve()))
  }

  async #answer(id: number, page: PageName | undefined): Promise<void> {
    try {
      if (page !== undefined) await this.onAsk(page, part => void this.send({ type: 'part', id, part }))
    } catch (error) {
      // A page is not worth the requests of this process; the primary goes on without it.
      this.onError(error)
      return
    }
    await this.send({ type: 'answered', id })
  }
}
