import assert from 'node:assert/strict'
import { type LoadResult, runLoad } from './load.ts'

export interface TrafficOptions {
  /** Of the gateways; each gets all of it. */
  readonly ports: readonly number[]
  readonly paths: readonly string[]
  /** Requests per second for each path of each gateway. Default 50. */
  readonly perSecond?: number
}

/** Traffic that goes on until it is finished. */
export interface Traffic extends AsyncDisposable {
  /** Ends it. Resolves with how many requests were sent, none of which failed. */
  finish(): Promise<number>
}

/** GET requests at a steady pace, every one of which must be answered 200. */
export function startTraffic({ ports, paths, perSecond = 50 }: TrafficOptions): Traffic {
  const stopping = new AbortController()
  const { signal } = stopping
  const loads = ports.flatMap(port =>
    paths.map(async path => {
      const result = await runLoad({ port, path, perSecond, durationMs: Number.POSITIVE_INFINITY, signal })
      return { path, result }
    }),
  )
  const stop = () => {
    stopping.abort()
    return Promise.all(loads)
  }
  return {
    async finish() {
      const results = await stop()
      const failures = results.flatMap(({ path, result }) => describeFailures(path, result))
      assert.deepEqual(failures, [], 'every request was answered 200')
      return results.reduce((sum, { result }) => sum + result.sent, 0)
    },
    async [Symbol.asyncDispose]() {
      await stop()
    },
  }
}

function describeFailures(path: string, { statuses, errors, bodies }: LoadResult): readonly string[] {
  const all = [...statuses].filter(([status]) => status !== 200)
  return [...all, ...errors].map(
    ([what, times]) => `${path}: ${times} times ${what} (${[...bodies.keys()].join(' ').slice(0, 300)})`,
  )
}
