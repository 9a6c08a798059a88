import { status } from '@grpc/grpc-js'
import { type Answer, RawClient, type RawStream, type Service } from './raw-client.ts'

/**
 * Talks to an etcd and writes down every answer in a form that two servers can agree on: revisions are
 * counted from the start of the conversation, ids of cluster and member are only there or not.
 */
export class Conversation implements AsyncDisposable {
  readonly transcript: unknown[] = []
  readonly #restart: (() => Promise<string>) | undefined
  #url: string
  #client: RawClient
  #hasStreams = false
  readonly #base: bigint

  private constructor(
    url: string,
    client: RawClient,
    base: bigint,
    restart: (() => Promise<string>) | undefined,
  ) {
    this.#url = url
    this.#client = client
    this.#base = base
    this.#restart = restart
  }

  /**
   * Starts with a store without keys.
   *
   * @param restart is called before each call, as long as there is no stream, and returns the URL that the server has from then on
   */
  static async open(url: string, restart?: () => Promise<string>): Promise<Conversation> {
    const client = new RawClient(url)
    await client.call('KV', 'Put', { key: b('x') })
    const { header } = await client.call('KV', 'DeleteRange', { key: b('\0'), range_end: b('\0') })
    return new Conversation(url, client, BigInt(header.revision), restart)
  }

  /** The URL of the server now. */
  get url(): string {
    return this.#url
  }

  /** Returns the revision `n` after the start. */
  at(n: number): string {
    return String(this.#base + BigInt(n))
  }

  /** Makes a call and records the answer or the error. `hide` names fields that differ between runs. */
  async call(service: Service, method: string, request: object = {}, hide: string[] = []): Promise<Answer> {
    if (this.#restart && !this.#hasStreams) {
      this.#client[Symbol.dispose]()
      this.#url = await this.#restart()
      this.#client = new RawClient(this.#url)
    }
    try {
      const answer = await this.#client.call(service, method, request)
      this.note(method, answer, hide)
      return answer
    } catch (error) {
      const { code, details } = error as { code: status; details: string }
      if (code === undefined) throw error
      this.transcript.push({ [method]: `${status[code]}: ${details}` })
      return undefined
    }
  }

  /** Makes a call and records nothing. */
  ask(service: Service, method: string, request: object = {}): Promise<Answer> {
    return this.#client.call(service, method, request)
  }

  put(key: string, value: string, more: object = {}): Promise<Answer> {
    return this.call('KV', 'Put', { key: b(key), value: b(value), ...more })
  }

  range(key: string, more: object = {}): Promise<Answer> {
    return this.call('KV', 'Range', { key: b(key), ...more })
  }

  delete(key: string, more: object = {}): Promise<Answer> {
    return this.call('KV', 'DeleteRange', { key: b(key), ...more })
  }

  txn(compare: object[], success: object[], failure: object[] = []): Promise<Answer> {
    return this.call('KV', 'Txn', { compare, success, failure })
  }

  compact(n: number): Promise<Answer> {
    return this.call('KV', 'Compact', { revision: this.at(n) })
  }

  grant(ID: number, TTL = 600): Promise<Answer> {
    return this.call('Lease', 'LeaseGrant', { ID, TTL })
  }

  /** Opens a watch stream, creates its first watch, and records the answer. */
  async watch(create: object): Promise<RecordedStream> {
    this.#hasStreams = true
    const stream = new RecordedStream(this, this.#client.watch())
    stream.send({ create_request: { key: b('\0'), range_end: b('\0'), ...create } })
    await stream.next()
    return stream
  }

  keepAlive(): RecordedStream {
    this.#hasStreams = true
    return new RecordedStream(this, this.#client.stream('Lease', 'LeaseKeepAlive'))
  }

  note(what: string, answer: unknown, hide: string[] = []): void {
    this.transcript.push({ [what]: this.#comparable(answer, hide) })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { leases = [] } = await this.#client.call('Lease', 'LeaseLeases')
    for (const { ID } of leases) {
      await this.#client.call('Lease', 'LeaseRevoke', { ID }).catch(error => {
        // A short lease may have expired by itself in the meantime.
        if (error.code !== status.NOT_FOUND) throw error
      })
    }
    this.#client[Symbol.dispose]()
  }

  #comparable(value: unknown, hide: string[]): unknown {
    if (Buffer.isBuffer(value)) return value.length > 40 ? `${value.length} bytes` : value.toString()
    if (Array.isArray(value)) return value.map(item => this.#comparable(item, hide))
    if (typeof value !== 'object' || value === null) return value
    if ('cluster_id' in value) return this.#head(value as Record<string, string>, hide)
    // A server may send the default of a field or omit it. Both mean the same.
    const fields = Object.entries(value).filter(([, field]) => !isDefault(field))
    return Object.fromEntries(
      fields.map(([name, field]) => {
        if (hide.includes(name)) return [name, 'hidden']
        if (/revision$/.test(name)) return [name, this.#relative(field as string)]
        return [name, this.#comparable(field, hide)]
      }),
    )
  }

  /** Reduces a header to its revision, and marks it when it does not say who answered. */
  #head({ revision, cluster_id, member_id, raft_term }: Record<string, string>, hide: string[]): string {
    const anonymous = [cluster_id, member_id, raft_term].some(isDefault) ? ', anonymous' : ''
    return hide.includes('revision') ? `hidden${anonymous}` : `${this.#relative(revision!)}${anonymous}`
  }

  #relative(revision: string): string {
    const n = BigInt(revision) - this.#base
    return BigInt(revision) <= 0n ? revision : `start${n < 0n ? n : `+${n}`}`
  }
}

export class RecordedStream implements Disposable {
  readonly #conversation: Conversation
  readonly #stream: RawStream

  constructor(conversation: Conversation, stream: RawStream) {
    this.#conversation = conversation
    this.#stream = stream
  }

  send(request: object): void {
    this.#stream.send(request)
  }

  /** Ends the sending side. */
  end(): void {
    this.#stream.call.end()
  }

  async next(hide: string[] = []): Promise<Answer> {
    const answer = await this.#stream.next()
    this.#conversation.note('message', answer, hide)
    return answer
  }

  /** Records that many messages, ordered by watch id, because there is no order between watches. */
  async nextOfEach(count: number): Promise<void> {
    const answers: Answer[] = []
    while (answers.length < count) answers.push(await this.#stream.next())
    answers.sort((one, other) => Number(one.watch_id ?? 0) - Number(other.watch_id ?? 0))
    for (const answer of answers) this.#conversation.note('message', answer)
  }

  /** Records that many events, in any number of messages. */
  async events(count: number): Promise<void> {
    this.#conversation.note('events', await this.#stream.events(count))
  }

  [Symbol.dispose](): void {
    this.#stream[Symbol.dispose]()
  }
}

function isDefault(field: unknown): boolean {
  return !field || field === '0' || ((Buffer.isBuffer(field) || Array.isArray(field)) && field.length === 0)
}

/** Returns the bytes of a key or value. */
export function b(text: string): Buffer {
  return Buffer.from(text)
}
