/** A process says that it lives, or that it leaves. */
export interface HeartbeatQuestion {
  readonly service: string
  /** That of the node. */
  readonly id: string
  /** What the process registers as, in JSON. Absent or empty: it only renews what is there. */
  readonly body?: unknown
  /** Whether it is refused unless the node is there already, because the caller has registered as many as it may. */
  readonly mustExist?: boolean
  /** The name of the caller. */
  readonly by: string
}

/** The JSON with which a heartbeat is answered, unless it is refused. */
export interface RegisteredPage {
  readonly service: string
  readonly id: string
  readonly outcome: 'registered' | 'updated' | 'renewed' | 'removed'
  /** How long the node stays without another heartbeat; absent when it was removed. */
  readonly leftSeconds?: number
}

/** What became of a heartbeat. */
export type HeartbeatPage =
  | { readonly outcome: RegisteredPage['outcome']; readonly leftSeconds?: number }
  | {
      /** Why it was refused; `detail` says it for people. */
      readonly outcome: 'invalid' | 'expired' | 'full' | 'taken' | 'read-only' | 'unreachable'
      readonly detail: string
    }

/** Registers nodes for processes that call the API. Any process of a gateway may be asked, any number of times. */
export interface NodeHeartbeats {
  heartbeat(question: HeartbeatQuestion): Promise<HeartbeatPage>
  farewell(question: Omit<HeartbeatQuestion, 'body' | 'mustExist'>): Promise<HeartbeatPage>
}
