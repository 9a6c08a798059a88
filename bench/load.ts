import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { pinned } from './process.ts'

const execute = promisify(execFile)

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

/** Runs a load. Whoever waits goes on serving: the embedded etcd of the same process must not look dead. */
export function runLoad(options: LoadOptions): Promise<LoadResult> {
  return LOAD_TOOL === 'wrk' ? runWrk(options) : runAutocannon(options)
}

async function runWrk({ url, token, connections, seconds, core }: LoadOptions): Promise<LoadResult> {
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
  const { stdout: output } = await execute(file!, args)
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

async function runAutocannon({ url, token, connections, seconds, core }: LoadOptions): Promise<LoadResult> {
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
  const { stdout } = await execute(file!, rest)
  const result = JSON.parse(stdout)
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
