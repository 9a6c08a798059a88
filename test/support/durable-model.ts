import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { type Answer, RawClient } from '../discovery/embedded-etcd/raw-client.ts'
import { until } from './until.ts'

const b = (text: string) => Buffer.from(text)
const ALL = { key: b('\0'), range_end: b('\0') }
const LONG_TTL = 3_600
const SHORT_TTL = 2

/** What a key holds; undefined when it does not exist. */
type Value = { readonly value: string; readonly revision: bigint } | undefined

/** What a call would change, whose answer is not known. */
type Unknown = ReadonlyMap<string, string | undefined>

/**
 * Changes an etcd at random over many of its lives, and knows after each what must be there: everything that was acknowledged, and
 * of each call that was cut off all or nothing. A watch follows along, over all lives.
 */
export class DurableModel {
  readonly #random: () => number
  readonly #known = new Map<string, Value>()
  readonly #leases = new Map<string, 'granted' | 'unknown'>()
  readonly #unknown: Unknown[] = []
  readonly #watched = new Map<string, { version: bigint; value: string }>()
  #nextWatched = 1n
  #revision = 0n
  #clusterId: string | undefined
  #counter = 0
  acknowledged = 0
  refused = 0
  cutOff = 0
  cutOffAndKept = 0
  watchedEvents = 0

  constructor(random: () => number) {
    this.#random = random
  }

  /** Compares everything with an etcd that has just started. */
  async check(url: string): Promise<void> {
    using client = new RawClient(url)
    const { header, kvs } = await client.call('KV', 'Range', ALL)
    this.#clusterId ??= header.cluster_id
    assert.equal(header.cluster_id, this.#clusterId, 'it is the same cluster')
    assert.ok(
      BigInt(header.revision) >= this.#revision,
      `revision ${header.revision} after ${this.#revision}`,
    )
    const present = new Map<string, Value>(
      kvs.map(({ key, value, mod_revision }: Answer) => [
        String(key),
        { value: String(value), revision: BigInt(mod_revision) },
      ]),
    )
    for (const call of this.#unknown.splice(0)) this.#settle(call, present)
    const lasting = ([key]: [string, Value]) => key.startsWith('/w')
    const expected = [...this.#known]
      .filter(([, value]) => value)
      .filter(lasting)
      .sort()
    assert.deepEqual([...present].filter(lasting).sort(), expected)
    const { leases } = await client.call('Lease', 'LeaseLeases')
    const ids = new Set(leases.map(({ ID }: Answer) => ID))
    for (const [id, state] of this.#leases) {
      if (state === 'granted') assert.ok(ids.has(id), `lease ${id} is there`)
      else this.#leases.delete(id)
    }
  }

  /** Changes things until the etcd is gone. */
  async change(url: string, workers: number): Promise<void> {
    const client = new RawClient(url)
    const working = Array.from({ length: workers }, (_, worker) => this.#work(client, worker))
    await Promise.all([...working, this.#watch(client)])
    client[Symbol.dispose]()
  }

  /** Resolves when so many calls more have been answered. */
  async untilAnswers(count: number): Promise<void> {
    const enough = this.acknowledged + this.refused + count
    await until('calls are answered', () => this.acknowledged + this.refused >= enough, {
      withinMs: 60_000,
      everyMs: 1,
    })
  }

  /** Checks that the watch has seen what there is, and that leases which nobody renewed have ended with their keys. */
  async finish(url: string): Promise<void> {
    await this.check(url)
    using client = new RawClient(url)
    const watching = this.#watch(client)
    const deadline = performance.now() + 30_000
    for (;;) {
      const { kvs } = await client.call('KV', 'Range', ALL)
      const present = kvs.map(({ key, value }: Answer) => [String(key), String(value)]).sort()
      const watched = [...this.#watched].map(([key, { value }]) => [key, value]).sort()
      const isShort = present.some(([key]: [string]) => key.startsWith('/short/'))
      if (!isShort && JSON.stringify(present) === JSON.stringify(watched)) break
      if (performance.now() > deadline) assert.deepEqual(watched, present, 'the watch has seen what there is')
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    for (const [ID] of this.#leases) {
      const { TTL, grantedTTL } = await client.call('Lease', 'LeaseTimeToLive', { ID })
      assert.ok(
        Number(TTL) > 0 && Number(TTL) <= Number(grantedTTL),
        `lease ${ID} has ${TTL} of ${grantedTTL} s`,
      )
    }
    client[Symbol.dispose]()
    await watching
  }

  /** Decides what a call has done whose answer was lost: all that it was to do, or nothing. */
  #settle(call: Unknown, present: ReadonlyMap<string, Value>): void {
    const done = [...call].filter(([key, value]) => present.get(key)?.value === value)
    const isDone = done.length === call.size
    if (!isDone) {
      for (const [key] of call) {
        assert.deepEqual(present.get(key), this.#known.get(key), `${key}: done in part: ${[...call.keys()]}`)
      }
      return
    }
    this.cutOffAndKept++
    for (const [key] of call) this.#known.set(key, present.get(key))
  }

  async #work(client: RawClient, worker: number): Promise<void> {
    for (;;) {
      const code = await this.#one(client, `/w${worker}`).catch(error => {
        if (error.code === undefined) throw error
        return error.code as status
      })
      if (code !== status.OK && code !== status.RESOURCE_EXHAUSTED) return
    }
  }

  async #one(client: RawClient, prefix: string): Promise<status> {
    const one = `${prefix}/${Math.floor(this.#random() * 8)}`
    const other = `${prefix}/other-${Math.floor(this.#random() * 4)}`
    const value = `${++this.#counter}${'.'.repeat(Math.floor(this.#random() ** 3 * 3_000))}`
    const draw = this.#random()
    if (draw < 0.5) return this.#call(client, 'Put', { key: b(one), value: b(value) }, [[one, value]])
    if (draw < 0.65) return this.#call(client, 'DeleteRange', { key: b(one) }, [[one, undefined]])
    if (draw < 0.8) {
      const success = [
        { request_put: { key: b(one), value: b(value) } },
        { request_put: { key: b(other), value: b(value) } },
      ]
      return this.#call(client, 'Txn', { success }, [
        [one, value],
        [other, value],
      ])
    }
    const ID = String(1_000_000 + ++this.#counter)
    const isShort = draw > 0.95
    await this.#grant(client, ID, isShort ? SHORT_TTL : LONG_TTL)
    if (isShort) {
      const key = `/short/${ID}`
      return this.#call(client, 'Put', { key: b(key), value: b(value), lease: ID }, [[key, value]])
    }
    const code = await this.#call(client, 'Put', { key: b(one), value: b(value), lease: ID }, [[one, value]])
    if (draw < 0.9 || code !== status.OK) return code
    // Its key goes with it.
    this.#leases.set(ID, 'unknown')
    return this.#call(client, 'LeaseRevoke', { ID }, [[one, undefined]])
  }

  async #grant(client: RawClient, ID: string, TTL: number): Promise<void> {
    if (TTL === LONG_TTL) this.#leases.set(ID, 'unknown')
    try {
      this.#saw(await client.call('Lease', 'LeaseGrant', { ID, TTL }))
    } catch (error) {
      if ((error as { code: status }).code === status.RESOURCE_EXHAUSTED) {
        this.refused++
        this.#leases.delete(ID)
      }
      throw error
    }
    if (TTL === LONG_TTL) this.#leases.set(ID, 'granted')
  }

  async #call(
    client: RawClient,
    method: string,
    request: object,
    changes: readonly [string, string | undefined][],
  ): Promise<status> {
    try {
      const answer = await client.call(method === 'LeaseRevoke' ? 'Lease' : 'KV', method, request)
      this.#saw(answer)
      this.acknowledged++
      const revision = BigInt(answer.header.revision)
      for (const [key, value] of changes)
        this.#known.set(key, value === undefined ? undefined : { value, revision })
      return status.OK
    } catch (error) {
      const { code } = error as { code?: status }
      if (code === status.RESOURCE_EXHAUSTED) {
        this.refused++
        const ID = (request as { ID?: string }).ID
        if (ID !== undefined) this.#leases.set(ID, 'granted')
        return code
      }
      if (code === undefined) throw error
      this.cutOff++
      this.#unknown.push(new Map(changes))
      return code
    }
  }

  #saw({ header }: Answer): void {
    const revision = BigInt(header.revision)
    if (revision > this.#revision) this.#revision = revision
  }

  /** Follows all keys until the connection is gone: each change once, in order, without a gap. */
  async #watch(client: RawClient): Promise<void> {
    using stream = client.watch()
    stream.send({ create_request: { ...ALL, start_revision: String(this.#nextWatched) } })
    for (;;) {
      const answer = await stream.next().catch(() => undefined)
      if (answer === undefined) return
      assert.equal(
        answer.canceled,
        false,
        `the watch goes on: ${answer.cancel_reason} ${answer.compact_revision}`,
      )
      this.#saw(answer)
      for (const { type, kv } of answer.events) {
        this.watchedEvents++
        const revision = BigInt(kv.mod_revision)
        assert.ok(revision >= this.#nextWatched, `revision ${revision} is seen once`)
        const before = this.#watched.get(String(kv.key))?.version ?? 0n
        if (type === 'Delete') this.#watched.delete(String(kv.key))
        else {
          assert.equal(BigInt(kv.version), before + 1n, `no change of ${kv.key} is missing`)
          this.#watched.set(String(kv.key), { version: BigInt(kv.version), value: String(kv.value) })
        }
      }
      if (answer.events.length > 0) this.#nextWatched = BigInt(answer.events.at(-1).kv.mod_revision) + 1n
    }
  }
}
