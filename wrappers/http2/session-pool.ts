import { noConnection, UpstreamFailure } from '../../internal/upstream-failure.ts'
import { NodeName, type NodeNameOptions } from '../transport/node-name.ts'
import { type Swept, sweeper } from '../transport/sweeper.ts'
import {
  NodeSession,
  type NodeSessionOptions,
  type RetiredReason,
  type SessionOwner,
} from './node-session.ts'
import type { PooledCall } from './try-stream.ts'

/** What the sessions of all nodes have come to, since the start of the process. */
export interface SessionCounts {
  /** GOAWAY frames of nodes. */
  goaways: number
  /** Sessions that take no further calls, by the reason. */
  readonly retired: Record<RetiredReason, number>
}

export function createSessionCounts(): SessionCounts {
  return { goaways: 0, retired: { goaway: 0, cancels: 0, ids: 0, address: 0, age: 0, flood: 0 } }
}

/** The streams that a node is expected to allow. The RFC asks it to allow at least as many. */
const STREAMS_BEFORE_SETTINGS = 100

export interface SessionPoolOptions extends Omit<NodeSessionOptions, 'onGoaway'>, NodeNameOptions {
  /** Sessions that take new calls; undefined = as many as the calls need. */
  readonly maxSessions?: number | undefined
  /** How long an idle session is kept, milliseconds. */
  readonly keepAliveMs: number
  readonly counts: SessionCounts
  /** Called with the number of open sessions when it changes. */
  readonly onSessions: (count: number) => void
}

/**
 * The HTTP/2 connections to one node. Each call gets the least busy session that has room for it, or else a new one, or
 * else waits its turn. The owner calls `close()` or `destroy()`.
 */
export class SessionPool implements SessionOwner, Swept {
  readonly #options: SessionPoolOptions
  readonly #sessionOptions: NodeSessionOptions
  readonly #name: NodeName
  /** Those that take calls; some may not be connected yet. */
  readonly #sessions: NodeSession[] = []
  /** Those that take no further calls: they finish the ones that they have, or are being closed. */
  readonly #retired = new Set<NodeSession>()
  /** In order of arrival. */
  readonly #waiting = new Set<PooledCall>()
  #open = 0
  /** Streams that the node allowed on the session that has heard of it last. */
  #streamLimit = STREAMS_BEFORE_SETTINGS
  #isClosing = false
  #onEmpty: () => void = () => {}

  constructor(options: SessionPoolOptions) {
    this.#options = options
    this.#sessionOptions = { ...options, onGoaway: () => void options.counts.goaways++ }
    this.#name = new NodeName(options)
  }

  /** Hands the call a session as soon as one has room, or fails it when there will be none. */
  request(call: PooledCall): void {
    if (this.#isClosing) {
      call.onFailure(new UpstreamFailure('connect', new Error('the node was removed')))
      return
    }
    const session = this.#waiting.size === 0 ? this.#pick() : undefined
    if (session) session.take(call)
    else this.#waiting.add(call)
  }

  /** Removes a call that has no session yet. */
  forget(call: PooledCall): void {
    // A session that takes no further calls may not be connected yet, and calls still wait for it.
    if (!this.#waiting.delete(call)) for (const session of this.#all()) session.forget(call)
    this.#checkEmpty()
  }

  /** Notifies every call that has no head of an answer yet that the node hangs. */
  notifyHung(): void {
    for (const call of [...this.#waiting]) call.onHung()
    for (const session of this.#all()) session.notifyHung()
  }

  /** Refuses new calls. Resolves when the present ones have ended and no session is left. */
  close(): Promise<void> {
    this.#isClosing = true
    return new Promise(resolve => {
      this.#onEmpty = resolve
      for (const session of this.#all()) if (session.isIdle) session.end()
      this.#checkEmpty()
    })
  }

  /** Fails all calls and closes all sessions. Resolves when no session is left. */
  destroy(): Promise<void> {
    const closed = this.close()
    this.#failWaiting(new Error('the pool was closed'))
    for (const session of this.#all())
      session.destroy(new UpstreamFailure('reset', new Error('the gateway closed the connection')))
    return closed
  }

  closeExpired(now: number): boolean {
    let hasIdle = false
    for (const session of this.#all()) {
      if (!session.isIdle) continue
      if (now - session.idleSince >= this.#options.keepAliveMs) session.end()
      else hasIdle = true
    }
    return hasIdle
  }

  closeOldest(): boolean {
    const [oldest] = this.#all()
      .filter(({ isIdle }) => isIdle)
      .sort((a, b) => a.idleSince - b.idleSince)
    oldest?.destroy()
    return oldest !== undefined
  }

  followName(now: number): boolean {
    if (!this.#name.isFollowed || this.#sessions.length === 0) return false
    this.#name.follow(now, addresses => {
      for (const session of [...this.#sessions]) {
        if (session.address !== undefined && !addresses.includes(session.address)) session.retire('address')
      }
    })
    for (const session of [...this.#sessions]) if (now >= session.usableUntil) session.retire('age')
    return true
  }

  onOpen(): void {
    this.#options.onSessions(++this.#open)
    if (this.#name.isFollowed) sweeper.watch(this)
  }

  onLimit(streams: number): void {
    this.#streamLimit = streams === 0 ? STREAMS_BEFORE_SETTINGS : Math.min(streams, STREAMS_BEFORE_SETTINGS)
  }

  onRoom(): void {
    for (const call of this.#waiting) {
      const session = this.#pick()
      if (session === undefined) return
      this.#waiting.delete(call)
      session.take(call)
    }
  }

  onIdle(session: NodeSession): void {
    if (this.#isClosing || this.#retired.has(session)) session.end()
    else sweeper.watch(this)
  }

  onRetired(session: NodeSession, reason: RetiredReason): void {
    this.#options.counts.retired[reason]++
    this.#remove(session)
    this.#retired.add(session)
    this.onRoom()
  }

  onOver(session: NodeSession): void {
    this.#remove(session)
    this.#retired.add(session)
    // The calls beyond `maxSessions` have nothing to wait for when the only attempt to connect has failed.
    if (!session.wasOpen && this.#sessions.length === 0) this.#failWaiting(session.failure?.cause)
    this.onRoom()
  }

  onClosed(session: NodeSession): void {
    this.#retired.delete(session)
    if (session.wasOpen) this.#options.onSessions(--this.#open)
    this.#checkEmpty()
  }

  /** Returns the session for the next call, a new one if need be; undefined when the call has to wait. */
  #pick(): NodeSession | undefined {
    let best: NodeSession | undefined
    let mayGrow = this.#sessions.length < (this.#options.maxSessions ?? Number.POSITIVE_INFINITY)
    for (const session of this.#sessions) {
      // A node that allows no stream at all wants to be left alone, and not to be asked again on another connection.
      if (session.limit === 0) mayGrow = false
      if (session.hasRoom && (best === undefined || isBetter(session, best))) best = session
    }
    return best ?? (mayGrow ? this.#connect() : undefined)
  }

  #connect(): NodeSession {
    const session = new NodeSession(
      this.#sessionOptions,
      this,
      this.#streamLimit,
      this.#name.usableUntil(performance.now()),
    )
    this.#sessions.push(session)
    return session
  }

  #remove(session: NodeSession): void {
    const index = this.#sessions.indexOf(session)
    if (index !== -1) this.#sessions.splice(index, 1)
  }

  #failWaiting(cause: unknown): void {
    for (const call of this.#waiting) {
      this.#waiting.delete(call)
      call.onFailure(noConnection(cause))
    }
  }

  #all(): NodeSession[] {
    return [...this.#sessions, ...this.#retired]
  }

  #checkEmpty(): void {
    const isEmpty = this.#sessions.length === 0 && this.#retired.size === 0 && this.#waiting.size === 0
    if (this.#isClosing && isEmpty) this.#onEmpty()
  }
}

/** Whether a session should get the next call rather than another one: an open one, and of those the less busy one. */
function isBetter(session: NodeSession, other: NodeSession): boolean {
  return session.isOpen === other.isOpen ? session.calls < other.calls : session.isOpen
}
