import assert from 'node:assert/strict'
import { setMaxListeners } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

export interface TrafficOptions {
  /** Ports of the gateways; each gets the full traffic. */
  readonly ports: readonly number[]
  readonly paths: readonly string[]
  /** Maximum requests per second for each path of each gateway. Default 50. */
  readonly perSecond?: number
}

/** Traffic that continues until it is finished or disposed of. */
export interface Traffic extends AsyncDisposable {
  /** Ends the traffic. Resolves with the number of requests; rejects if one has failed. */
  finish(): Promise<number>
}

/** Maximum of one lane; more lanes are used for more requests. */
const LANE_PER_SECOND = 25

/**
 * Sends GET requests at a steady pace, each of which must be answered with 200. Each lane waits for its answer before
 * it sends again, so on a busy machine there is less traffic rather than ever more requests in flight.
 */
export function startTraffic({ ports, paths, perSecond = 50 }: TrafficOptions): Traffic {
  const stopping = new AbortController()
  // Every lane adds a listener.
  setMaxListeners(0, stopping.signal)
  const agent = new Agent({ keepAlive: true })
  const failures = new Map<string, number>()
  let sent = 0
  const lanes = Math.max(2, Math.ceil(perSecond / LANE_PER_SECOND))
  const intervalMs = (1_000 * lanes) / perSecond
  const drive = async (port: number, path: string, firstAfterMs: number) => {
    await pause(firstAfterMs, stopping.signal)
    while (!stopping.signal.aborted) {
      const begunAt = performance.now()
      sent++
      const failure = await get(agent, port, path)
      if (failure !== undefined) failures.set(failure, (failures.get(failure) ?? 0) + 1)
      await pause(intervalMs - (performance.now() - begunAt), stopping.signal)
    }
  }
  const driving = ports.flatMap(port =>
    paths.flatMap(path =>
      Array.from({ length: lanes }, (_, lane) => drive(port, path, (intervalMs / lanes) * lane)),
    ),
  )
  const stop = async () => {
    stopping.abort()
    await Promise.all(driving)
    agent.destroy()
  }
  return {
    async finish() {
      await stop()
      assert.deepEqual([...failures], [], 'every request was answered 200')
      return sent
    },
    [Symbol.asyncDispose]: stop,
  }
}

/** Resolves with undefined after a complete answer with 200, otherwise with the reason of the failure. */
function get(agent: Agent, port: number, path: string): Promise<string | undefined> {
  return new Promise(resolve => {
    const fail = (error: NodeJS.ErrnoException) => resolve(`${path}: ${error.code ?? error.message}`)
    httpRequest({ host: '127.0.0.1', port, path, agent }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece
      })
      response.on('error', fail)
      response.on('end', () => {
        const { statusCode } = response
        if (statusCode === 200) resolve(undefined)
        else resolve(`${path}: ${statusCode} ${/"code":"(\w+)"/.exec(text)?.[1]}`)
      })
    })
      .on('error', fail)
      .end()
  })
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return ms > 0 ? delay(ms, undefined, { signal }).catch(() => {}) : Promise.resolve()
}
