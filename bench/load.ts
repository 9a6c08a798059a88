import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pinned } from './process.ts'

export interface LoadOptions {
  readonly url: string
  readonly token: string
  readonly connections: number
  readonly seconds: number
  /** The core that the load generator is bound to. */
  readonly core: number
}

export interface LoadResult {
  readonly requests: number
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers that were not 2xx or 3xx, and socket errors. */
  readonly failed: number
}

/** `wrk` where it is installed (Debian: `wrk`), which leaves more of the machine to what is measured. */
export const LOAD_TOOL = existsSync('/usr/bin/wrk') ? 'wrk' : 'autocannon'

/** Runs a load and waits for it. */
export function runLoad(options: LoadOptions): LoadResult {
  return LOAD_TOOL === 'wrk' ? runWrk(options) : runAutocannon(options)
}

function runWrk({ url, token, connections, seconds, core }: LoadOptions): LoadResult {
  const command = [
    'wrk',
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--latency',
    '-H',
    `authorization: Bearer ${token}`,
    url,
  ]
  const [file, ...args] = pinned(core, command)
  const output = execFileSync(file!, args, { encoding: 'utf8' })
  const number = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? 0)
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output)
  return {
    requests: number(/(\d+) requests in/),
    requestsPerSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p50Ms: milliseconds(/50%\s+([\d.]+)(us|ms|s)/.exec(output)),
    p99Ms: milliseconds(/99%\s+([\d.]+)(us|ms|s)/.exec(output)),
    failed:
      number(/Non-2xx or 3xx responses: (\d+)/) +
      (errors ? errors.slice(1).reduce((sum, n) => sum + Number(n), 0) : 0),
  }
}

function milliseconds(match: RegExpExecArray | null): number {
  if (!match) return Number.NaN
  return Number(match[1]) * { us: 0.001, ms: 1, s: 1000 }[match[2] as 'us' | 'ms' | 's']
}

function runAutocannon({ url, token, connections, seconds, core }: LoadOptions): LoadResult {
  const bin = findAutocannon()
  const args = [
    '-j',
    '-c',
    String(connections),
    '-d',
    String(seconds),
    '-H',
    `authorization=Bearer ${token}`,
    url,
  ]
  const [file, ...rest] = pinned(core, [process.execPath, bin, ...args])
  const result = JSON.parse(
    execFileSync(file!, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  )
  return {
    requests: result.requests.total,
    requestsPerSecond: result.requests.average,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    failed: result.non2xx + result.errors,
  }
}

function findAutocannon(): string {
  try {
    return createRequire(import.meta.url).resolve('autocannon/autocannon.js')
  } catch (cause) {
    throw new Error('there is nothing to make load with: install wrk, or run `npm ci --prefix bench`', {
      cause,
    })
  }
}
