import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { keepTime } from './metronome.ts'

export interface OpenLoopOptions {
  readonly url: string
  /** Undefined = no `authorization`. */
  readonly token?: string | undefined
  readonly requestsPerSecond: number
  readonly seconds: number
  /** Connections opened beforehand. More are opened when all of them wait for answers. */
  readonly connections: number
}

export interface OpenLoopResult {
  /** Time from the moment a request was due to the last byte of its answer, in milliseconds, sorted. */
  readonly latenciesMs: Float64Array
  /** Delay with which requests were sent, in milliseconds, sorted. It is the generator's own part of the latencies. */
  readonly lateMs: Float64Array
  /** Number of answers that were not 200 and of connections that ended. */
  readonly failed: number
}

const LEAD_MS = 200
const now = () => performance.timeOrigin + performance.now()

/**
 * Sends requests at a constant rate, whether or not earlier ones have been answered, and measures from the moment each was
 * due. A generator that waits for answers sends less while the server is slow, and so omits the requests that would have
 * waited longest (coordinated omission).
 */
export async function runOpenLoop(options: OpenLoopOptions): Promise<OpenLoopResult> {
  const { url, token, requestsPerSecond, seconds, connections } = options
  const { hostname, port, pathname } = new URL(url)
  const credentials = token === undefined ? '' : `authorization: Bearer ${token}\r\n`
  const request = Buffer.from(`GET ${pathname} HTTP/1.1\r\nhost: ${hostname}:${port}\r\n${credentials}\r\n`)
  const count = requestsPerSecond * seconds
  const intervalMs = 1_000 / requestsPerSecond
  const latenciesMs = new Float64Array(count)
  const lateMs = new Float64Array(count)
  const idle: Connection[] = []
  const all: Connection[] = []
  let answered = 0
  let failed = 0
  let finish = () => {}
  const finished = new Promise<void>(resolve => {
    finish = resolve
  })

  const settle = (dueAt: number, isGood: boolean) => {
    if (!isGood) failed++
    latenciesMs[answered++] = now() - dueAt
    if (answered === count) finish()
  }
  const open = () => {
    const connection = new Connection(connect(Number(port), hostname), settle, idle)
    all.push(connection)
    return connection
  }
  for (let i = 0; i < connections; i++) {
    const connection = open()
    await once(connection.socket, 'connect')
    idle.push(connection)
  }

  const startsAt = now() + LEAD_MS
  let sent = 0
  const sendDue = () => {
    for (; sent < count; sent++) {
      const dueAt = startsAt + sent * intervalMs
      const late = now() - dueAt
      if (late < 0) return
      lateMs[sent] = late
      const connection = idle.pop() ?? open()
      connection.send(request, dueAt)
    }
  }
  try {
    await keepTime(intervalMs, count, startsAt, sendDue)
    // The last beat may arrive a fraction of a millisecond before the last request is due.
    while (sent < count) {
      await new Promise(resolve => setImmediate(resolve))
      sendDue()
    }
    await finished
  } finally {
    for (const { socket } of all) socket.destroy()
  }
  return { latenciesMs: latenciesMs.sort(), lateMs: lateMs.sort(), failed }
}

/** A connection with one request at a time. It is in `idle` between requests. */
class Connection {
  readonly socket: Socket
  readonly #settle: (dueAt: number, isGood: boolean) => void
  readonly #idle: Connection[]
  /** When the request in flight was due; undefined between requests. */
  #dueAt: number | undefined
  #received = ''

  constructor(socket: Socket, settle: (dueAt: number, isGood: boolean) => void, idle: Connection[]) {
    this.socket = socket.setNoDelay(true).setEncoding('latin1')
    this.#settle = settle
    this.#idle = idle
    socket.on('data', text => this.#receive(text as unknown as string))
    socket.on('error', () => {})
    socket.on('close', () => this.#leave())
  }

  send(request: Buffer, dueAt: number): void {
    this.#dueAt = dueAt
    this.#received = ''
    this.socket.write(request)
  }

  #receive(text: string): void {
    this.#received += text
    if (this.#dueAt === undefined || !isWhole(this.#received)) return
    const dueAt = this.#dueAt
    this.#dueAt = undefined
    this.#idle.push(this)
    this.#settle(dueAt, this.#received.startsWith('HTTP/1.1 200 '))
  }

  #leave(): void {
    const at = this.#idle.indexOf(this)
    if (at >= 0) this.#idle.splice(at, 1)
    if (this.#dueAt !== undefined) this.#settle(this.#dueAt, false)
    this.#dueAt = undefined
  }
}

/** Returns whether an answer with `content-length` has arrived completely. */
function isWhole(answer: string): boolean {
  const end = answer.indexOf('\r\n\r\n')
  if (end < 0) return false
  const length = /\r\ncontent-length: *(\d+)/i.exec(answer)?.[1]
  return answer.length >= end + 4 + Number(length ?? 0)
}
