import type { Etcd3 } from 'etcd3'
import { createEtcdClient } from '../../discovery/etcd/client.ts'
import type { ClusterMember } from '../support/etcd-cluster.ts'
import type { Journal } from './journal.ts'
import type { ChaosNode } from './node.ts'

/** How long a node must have been good before requests may rely on it: checks, breakers and watches have noticed by then. */
const GRACE_MS = 10_000
/** How long after a worker was killed its connections may be found broken. */
const CRASH_MS = 1_000
/** A failure counts when the keys of etcd have been read again and the node is still good. */
const SECOND_LOOK_MS = 1_500
/** The log line that explains an answer may be read this much later than the answer. */
const LATE_LINE_MS = 250
/** How long a stall of the machine may show in calls: tries that took too long open breakers. */
const STALL_SHOWS_MS = 5_000
const READ_EVERY_MS = 250

/** A call of a client that is over. */
export interface Call {
  /** `RPC` = a gRPC call of an idempotent method. */
  readonly kind: 'GET' | 'POST' | 'RPC'
  readonly service: string
  readonly fromMs: number
  /** What came instead of a good answer; undefined = nothing. */
  readonly failure: string | undefined
  /** Whether an established connection ended without an answer. */
  readonly isBroken: boolean
  /** Whether the client already had a part of an answer that then failed. No gateway can repeat such a call. */
  readonly hasBegun: boolean
}

/** What the oracle needs to know of a node, and what it keeps of it. */
export type JudgedNode = Pick<
  ChaosNode,
  'service' | 'name' | 'address' | 'isBusy' | 'roughUntil' | 'isRegistered' | 'goodSince'
>

/** Counts of calls. */
export interface CallCounts {
  total: number
  /** Failed, but not against the rules: no good node, or a fault that a request that is sent once cannot survive. */
  excused: number
}

/**
 * Decides which failures must not happen. A GET or an idempotent gRPC call must succeed if a node of its service is good from
 * {@link GRACE_MS} before it until its end. Good = its process runs without a fault, and etcd has its key with its address.
 * A node that becomes good while etcd or the way to it has a fault counts from when that is over, because the gateway cannot
 * have heard of it. A POST, which is sent once, must succeed unless a node of its service had a fault that may cost it, or etcd
 * had one; so must a call whose answer had begun. A call may fail when most nodes of its service had a fault at the same time
 * and the gateway has said that the retries are used up. A connection may break when a worker is killed, and only then. Nothing
 * of this holds while the machine stalls.
 */
export class Oracle {
  readonly #nodes: readonly JudgedNode[]
  readonly #journal: Journal
  /** One per member; the one that answered last comes first. */
  readonly #clients: Etcd3[]
  readonly #revisions = new Map<string, string>()
  readonly #reading: NodeJS.Timeout
  #isReading = false
  #etcdFaults = 0
  #etcdWellSince = Number.NEGATIVE_INFINITY
  #workerKilledAt = Number.NEGATIVE_INFINITY
  readonly counts: Record<Call['kind'], CallCounts> = {
    GET: { total: 0, excused: 0 },
    POST: { total: 0, excused: 0 },
    RPC: { total: 0, excused: 0 },
  }

  constructor(nodes: readonly JudgedNode[], members: readonly ClusterMember[], journal: Journal) {
    this.#nodes = nodes
    this.#journal = journal
    this.#clients = members.map(({ url }) => createEtcdClient({ endpoints: [url] }))
    this.#reading = setInterval(() => void this.#readKeys(), READ_EVERY_MS)
  }

  get isEtcdWell(): boolean {
    return this.#etcdFaults === 0
  }

  beginEtcdFault(): void {
    this.#etcdFaults++
    this.#etcdWellSince = Number.POSITIVE_INFINITY
    // The gateway may not have heard of the latest nodes yet.
    for (const node of this.#nodes) {
      if (node.goodSince > performance.now() - GRACE_MS) node.goodSince = Number.POSITIVE_INFINITY
    }
  }

  endEtcdFault(): void {
    if (--this.#etcdFaults === 0) this.#etcdWellSince = performance.now()
  }

  workerKilled(): void {
    this.#workerKilledAt = performance.now()
  }

  /** Returns the nodes that a request of this moment may rely on. */
  goodNodes(service: string, fromMs = performance.now()): readonly JudgedNode[] {
    return this.#nodes.filter(node => node.service === service && node.goodSince + GRACE_MS <= fromMs)
  }

  judge(call: Call): void {
    const { kind, service, fromMs, failure, isBroken, hasBegun } = call
    const counts = this.counts[kind]
    counts.total++
    if (failure === undefined) return
    const now = performance.now()
    const good = this.goodNodes(service, fromMs)
    const isCrash = isBroken && now >= this.#workerKilledAt && fromMs <= this.#workerKilledAt + CRASH_MS
    const isSentOnce = kind === 'POST' || hasBegun
    const mayFail = isSentOnce ? this.#mayCost(service, fromMs) : this.#hasNoRetries(service, fromMs)
    if (isCrash || good.length === 0 || mayFail) {
      counts.excused++
      return
    }
    const told = `${kind} to ${service}: ${failure} after ${Math.round(now - fromMs)} ms`
    const since = good.map(node => node.goodSince)
    setTimeout(() => {
      const still = good.filter((node, index) => node.goodSince === since[index])
      const isExplained = !isSentOnce && this.#hasNoRetries(service, fromMs, now + LATE_LINE_MS)
      if (still.length === 0 || isExplained) counts.excused++
      else
        this.#journal.fail(
          `${told} (${SECOND_LOOK_MS} ms ago); good: ${still.map(({ name }) => name)}`,
          fromMs - STALL_SHOWS_MS,
        )
    }, SECOND_LOOK_MS)
  }

  close(): void {
    clearInterval(this.#reading)
    for (const client of this.#clients) client.close()
  }

  /** Whether a fault may have cost a request that is sent once. */
  #mayCost(service: string, fromMs: number): boolean {
    const since = fromMs - GRACE_MS
    if (this.#etcdWellSince > since || this.#workerKilledAt > since) return true
    return this.#nodes.some(node => node.service === service && node.roughUntil > since)
  }

  /** Whether retries were used up by a fault of most nodes, by log lines read until `untilMs`. */
  #hasNoRetries(service: string, fromMs: number, untilMs?: number): boolean {
    const nodes = this.#nodes.filter(node => node.service === service)
    const rough = nodes.filter(({ roughUntil }) => roughUntil > fromMs - GRACE_MS)
    const line = ['retry budget exhausted', `"service":"${service}"`]
    return (
      rough.length * 2 > nodes.length &&
      this.#journal.hasLogged({ fromMs: fromMs - GRACE_MS, untilMs }, ...line)
    )
  }

  /** Reads which nodes are registered. While no member answers, what was read last counts. */
  async #readKeys(): Promise<void> {
    if (this.#isReading) return
    this.#isReading = true
    const range = { key: Buffer.from('/services/'), range_end: Buffer.from('/services0') }
    for (const client of [...this.#clients]) {
      const answer = await client.kv.range(range, { deadline: Date.now() + 500 }).catch(() => undefined)
      if (answer === undefined) {
        this.#clients.push(this.#clients.shift()!)
        continue
      }
      const values = new Map(answer.kvs.map(kv => [String(kv.key), kv]))
      for (const node of this.#nodes) {
        const kv = values.get(`/services/${node.name}`)
        const isRegistered = kv !== undefined && portOf(String(kv.value)) === node.address
        const isSame = isRegistered && this.#revisions.get(node.name) === kv.create_revision
        if (isRegistered) this.#revisions.set(node.name, kv.create_revision)
        this.#update(node, isRegistered, isSame)
      }
      break
    }
    this.#isReading = false
  }

  #update(node: JudgedNode, isRegistered: boolean, isSame: boolean): void {
    node.isRegistered = isRegistered
    if (!isSame || node.isBusy) node.goodSince = Number.POSITIVE_INFINITY
    if (isRegistered && !node.isBusy && this.isEtcdWell && node.goodSince === Number.POSITIVE_INFINITY) {
      node.goodSince = performance.now()
    }
  }
}

function portOf(value: string): number | undefined {
  try {
    return (JSON.parse(value) as { port: number }).port
  } catch {
    return undefined
  }
}
