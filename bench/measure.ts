import { readFileSync } from 'node:fs'
import { type IncomingMessage, request as requestPlain } from 'node:http'
import { request as requestSecure } from 'node:https'
import { askHttp2 } from './http2/ask.ts'
import { openIdle } from './idle.ts'
import { type Load, type LoadResult, runAtRate, runLoad } from './load.ts'
import { cpuMicros } from './process.ts'
import type { Contender, Scenario } from './scenario.ts'
import { openScene, type Running, type Scene } from './scene.ts'

/** The result of one contender in one round. */
export interface Round extends LoadResult {
  /** CPU time per request; NaN without /proc. */
  readonly cpuMicrosPerRequest: number
}

/**
 * How long each round loads its contender before it is measured. While the others had their turns, V8 has collected the heap
 * of an idle process, dropped compiled code that referred to what was collected, and needs some 40,000 requests to compile
 * it again.
 */
const LEAD_IN_SECONDS = 3

/** A contender and its rounds, which ran interleaved with those of the others. */
export interface Measured {
  readonly name: string
  readonly version?: string
  readonly rounds: readonly Round[]
}

export interface Measurement {
  readonly measured: readonly Measured[]
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[]
}

export interface Effort {
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
}

interface Entry {
  readonly contender: Contender
  readonly running: Running
  readonly load: Load
  readonly rounds: Round[]
  /** What it took in its warm-up. */
  mostPerSecond: number
}

/**
 * Starts all contenders, checks that each really forwards, and warms them up. Then it runs the load against one after the
 * other, round by round, so that other work of the machine affects all of them alike. A contender that does not start or
 * does not forward is left out.
 */
export async function measure(scenario: Scenario, effort: Effort): Promise<Measurement> {
  const scene = await openScene(scenario.nodes)
  try {
    const entries = new Set<Entry>()
    const leftOut: { name: string; reason: string }[] = []
    const attempt = async ({ name }: Contender, act: () => Promise<unknown>): Promise<boolean> => {
      try {
        await act()
        return true
      } catch (error) {
        const reason = (error as Error).message
        console.error(`${name} is left out: ${reason}`)
        leftOut.push({ name, reason })
        return false
      }
    }
    for (const contender of scenario.contenders()) {
      await attempt(contender, async () => {
        const load = { ...scenario.load, ...contender.load }
        const running = await contender.start(scene)
        await checkForwards(running, load, scene)
        entries.add({ contender, running, load, rounds: [], mostPerSecond: Number.NaN })
      })
    }
    let first: Entry | undefined
    for (let i = 0; i <= effort.rounds; i++) {
      const seconds = i === 0 ? effort.warmUpSeconds : effort.seconds
      if (seconds === 0) continue
      for (const entry of [...entries]) {
        const isDone = await attempt(entry.contender, async () => {
          const { share, shareOf = 'the first' } = entry.load
          first ??= entry
          const { mostPerSecond } = shareOf === 'the first' ? first : entry
          const rate = i === 0 || share === undefined ? undefined : Math.round(share * mostPerSecond)
          const round = await turn(scene, entry, seconds, rate)
          if (i > 0) entry.rounds.push(round)
          else entry.mostPerSecond = round.requestsPerSecond
        })
        if (!isDone) entries.delete(entry)
      }
      console.error(`${scenario.name}: ${i === 0 ? 'warmed up' : `round ${i} of ${effort.rounds}`}`)
    }
    const measured = [...entries].map(({ contender, running: { version }, rounds }) => ({
      name: contender.name,
      ...(version !== undefined && { version }),
      rounds,
    }))
    return { measured, leftOut }
  } finally {
    await scene.close()
  }
}

async function turn(
  scene: Scene,
  { contender, running, load }: Entry,
  seconds: number,
  rate: number | undefined,
): Promise<Round> {
  const { base, ca, process } = running
  await runLoad({ ...load, base, ca, seconds: LEAD_IN_SECONDS, folder: scene.folder })
  const endBeside = await contender.beside?.(running)
  const closeIdle = await openIdle(contender.idleConnections ?? 0, base + load.path, load.tokens?.[0])
  try {
    const before = cpuMicros(process.pid)
    const options = { ...load, base, ca, seconds, folder: scene.folder }
    const result = await (rate === undefined ? runLoad(options) : runAtRate(options, rate))
    const cpuMicrosPerRequest = (cpuMicros(process.pid) - before) / result.requests
    return { ...result, cpuMicrosPerRequest, failed: result.failed + closeIdle() }
  } finally {
    closeIdle()
    endBeside?.()
  }
}

/** @throws Error when the answer is not the one of the node */
async function checkForwards({ base, ca }: Running, load: Load, scene: Scene): Promise<void> {
  const isGrpc = load.http2?.isGrpc
  const [askNode, askContender] = [isGrpc ? askHttp2 : ask, load.http2 ? askHttp2 : ask]
  const expected = await askNode((isGrpc ? scene.grpcNodeUrl : scene.nodeUrl) + load.path, load)
  const given = await askContender(base + load.path, load, ca === undefined ? undefined : readFileSync(ca))
  if (given.status !== 200) throw new Error(`it answers ${given.status}`)
  if (!given.body.equals(expected.body)) throw new Error("it does not answer with the node's body")
}

async function ask(
  url: string,
  { method = 'GET', body, tokens: [token] = [] }: Load,
  ca?: Buffer,
): Promise<{ status: number; body: Buffer }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body && { 'content-length': body.text.length, 'content-type': body.type }),
    }
    const options = { method, headers, agent: false, timeout: 10_000 } as const
    const sent = ca ? requestSecure(url, { ...options, ca }, resolve) : requestPlain(url, options, resolve)
    sent
      .once('timeout', () => reject(new Error('it does not answer')))
      .once('error', reject)
      .end(body?.text, 'latin1')
  })
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  return { status: response.statusCode!, body: Buffer.concat(chunks) }
}
