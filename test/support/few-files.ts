import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { askHttp2 } from './http2-client.ts'
import { openRegistry } from './registry.ts'
import { startService } from './service.ts'
import { until } from './until.ts'
import { startGateway } from './waygate.ts'

export interface FewFilesOptions {
  /** How many files the gateway may have open. */
  readonly files: number
  /** How many clients there are, each of which asks again and again. */
  readonly clients: number
  /** How many clients share an HTTP/2 connection; 0 = each has an HTTP/1 connection of its own. */
  readonly sharing: number
  readonly floodMs: number
}

export interface FewFilesReport {
  /** Requests by what became of them: a status with its code, or the error of a connection that was refused. */
  readonly outcomes: Readonly<Record<string, number>>
  /** Pages of the admin listener during the flood, and the slowest. All were answered. */
  readonly pages: number
  readonly slowestPageMs: number
  /** Time from the end of the flood until 20 new clients were all answered. */
  readonly recoveryMs: number
  readonly metrics: string
  /** The messages about limits that were logged, each at most once a minute. */
  readonly messages: readonly string[]
}

/** How long a node takes to answer, so that many requests are in flight at the same time. */
const ANSWER_MS = 150
const LIMIT_MESSAGE = /^(fewer client connections|client connections refused|out of file descriptors)/

/**
 * Floods a gateway that may have only a few files open with more clients than that. First they send nothing. Then each asks
 * again and again. Checks that nothing breaks: another client is answered beside the silent ones, the admin listener answers
 * at all times, no node is blamed, and new clients are answered when the flood is over.
 */
export async function runFewFiles(options: FewFilesOptions): Promise<FewFilesReport> {
  const { files, clients, sharing, floodMs } = options
  await using service = await startService('hello', (request, response) => {
    request.resume()
    setTimeout(() => response.end('hello'), ANSWER_MS)
  })
  await using gateway = await startGateway({
    // On a busy machine, turns of the event loop take long whatever the gateway does.
    config: { accessLog: false, overload: { loopDelayMs: 0 } },
    runner: ['sh', '-c', `ulimit -n ${files}; exec "$@"`, 'sh'],
  })
  const { port } = gateway
  const startedAt = performance.now()
  using registry = openRegistry(gateway.etcd)
  const ids = ['n0', 'n1', 'n2']
  for (const id of ids) await registry.putNode('hello', id, service)
  await gateway.untilNodes('hello', ids)

  const silent = Array.from({ length: clients }, () => connect(port, '127.0.0.1').on('error', () => {}))
  await Promise.all(silent.map(socket => once(socket, 'connect')))
  await until('a client is answered beside silent ones', async () => (await ask(port)) === '200')
  for (const socket of silent) socket.destroy()

  const outcomes: Record<string, number> = {}
  let isOver = false
  const loop = async (askOnce: () => Promise<string>) => {
    while (!isOver) {
      const outcome = await askOnce()
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
      await delay(outcome === '200' ? 100 : 300)
    }
  }
  const agent = new Agent({ keepAlive: true })
  const sessions = Array.from({ length: sharing && clients / sharing }, () => connectHttp2(gateway.url))
  const askShared = (session: (typeof sessions)[number]) => async () => {
    const { status, text } = await askHttp2(session, { ':path': '/hello/x' })
    return describeAnswer(status, text)
  }
  const flood = Promise.all(
    Array.from({ length: clients }, (_, i) =>
      loop(sharing > 0 ? askShared(sessions[i % sessions.length]!) : () => ask(port, agent)),
    ),
  )
  const end = delay(floodMs)
  let pages = 0
  let slowestPageMs = 0
  let metrics = ''
  for (let over = false; !over; pages++) {
    const begun = performance.now()
    const page = await fetch(`${gateway.admin}/metrics`, { headers: { connection: 'close' } })
    assert.equal(page.status, 200)
    metrics = await page.text()
    slowestPageMs = Math.max(slowestPageMs, performance.now() - begun)
    over = await Promise.race([end.then(() => true), delay(200).then(() => false)])
  }
  isOver = true
  await flood
  agent.destroy()
  for (const session of sessions) session.destroy()

  const begun = performance.now()
  await until('20 new clients are answered', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(port)))
    return answers.every(answer => answer === '200')
  })
  const recoveryMs = performance.now() - begun
  for (const { id, breaker, failures } of await gateway.nodes('hello')) {
    assert.deepEqual([id, breaker, failures], [id, 'closed', 0])
  }
  assert.equal(gateway.stderr(), '')
  assert.equal(gateway.hasExited(), false)
  await gateway.logged(({ msg }) => msg.startsWith(sharing > 0 ? 'out of file' : 'client connections'))
  const lines = gateway.log().filter(({ msg }) => LIMIT_MESSAGE.test(msg))
  const messages = [...new Set(lines.map(({ msg }) => msg))].sort()
  const minutes = Math.ceil((performance.now() - startedAt) / 60_000)
  assert.ok(lines.length <= messages.length * minutes)
  return { outcomes, pages, slowestPageMs, recoveryMs, metrics, messages }
}

export function describeReport({ outcomes, pages, slowestPageMs, recoveryMs }: FewFilesReport): string {
  const counts = Object.entries(outcomes).map(([outcome, count]) => `${count} × ${outcome}`)
  return (
    `${counts.join(', ')}; ${pages} pages of the admin listener, the slowest in ${Math.round(slowestPageMs)} ms; ` +
    `20 new clients answered after ${Math.round(recoveryMs)} ms`
  )
}

/** Resolves with what `describeAnswer` says, or with the code of an error. */
function ask(port: number, agent?: Agent): Promise<string> {
  return new Promise(resolve => {
    const fail = (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message)
    get({ host: '127.0.0.1', port, path: '/hello/x', agent: agent ?? false }, response => {
      let text = ''
      response
        .on('data', piece => {
          text += piece
        })
        .on('error', fail)
        .on('end', () => resolve(describeAnswer(response.statusCode, text)))
    }).on('error', fail)
  })
}

function describeAnswer(status: number | undefined, text: string): string {
  const [, code] = /"code":"(\w+)"/.exec(text) ?? []
  return code === undefined ? String(status) : `${status} ${code}`
}
