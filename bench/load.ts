import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { OTHER_CORE } from './cores.ts'
import { onPath } from './on-path.ts'
import { runOpenLoop } from './open-loop.ts'
import { percentile } from './percentile.ts'
import { pinned } from './process.ts'

const execute = promisify(execFile)

/** The requests that every connection sends, one after the other. */
export interface Load {
  /** Path below the base URL of the measured program. */
  readonly path: string
  readonly connections: number
  readonly method?: 'GET' | 'POST'
  readonly body?: Body
  /** Tokens that requests use in turn; over HTTP/2, the first one. None = no `authorization`. */
  readonly tokens?: readonly string[]
  /** More header lines of each request. Only for `wrk`, and not with a body or several tokens. */
  readonly headers?: readonly string[]
  /** Absent: HTTP/1.1, one request at a time on each connection. */
  readonly http2?: Http2Load
  /** Each request has a new connection with TLS, with a full handshake or with one that resumes a session. */
  readonly handshakes?: 'full' | 'resumed'
  /**
   * Requests are sent at this share of what a contender takes in its warm-up, whether or not earlier ones have been
   * answered. Absent: each connection sends its next request when it has its answer. Only for GET over HTTP/1.1 without TLS.
   */
  readonly share?: number
  /** Whose warm-up that is: that of the first contender for all of them, or each one's own. */
  readonly shareOf?: 'the first' | 'its own'
}

export interface Body {
  /** The content type. */
  readonly type: string
  /** One byte a character; of a gRPC call, the message without its length. */
  readonly text: string
}

export interface Http2Load {
  /** Requests at a time on each connection. */
  readonly streams: number
  /** Whether the requests are gRPC calls, which fail unless their status is 0. */
  readonly isGrpc: boolean
}

export interface LoadOptions extends Load {
  readonly base: string
  /** The file of the certificates to trust, when `base` is https. `wrk` trusts everybody. */
  readonly ca?: string | undefined
  readonly seconds: number
  /** A folder for files that the load generator reads. */
  readonly folder: string
}

/**
 * Runs a load at a constant rate: with `h2load` where it is installed (Debian: `nghttp2-client`), since a generator in this process
 * sends no more than some 10,000 requests a second.
 */
export function runAtRate(options: LoadOptions, requestsPerSecond: number): Promise<LoadResult> {
  return onPath('h2load') ? runH2load(options, requestsPerSecond) : runHere(options, requestsPerSecond)
}

/** The connections of a thread of h2load send at the same moment, so several threads share them. */
const GENERATORS = 16

/** Each connection has its part of the rate. Times count from when a request is sent, which is late when its connection is busy. */
async function runH2load(
  { base, path, connections, seconds, tokens: [token] = [], folder }: LoadOptions,
  requestsPerSecond: number,
): Promise<LoadResult> {
  const log = join(folder, 'h2load.log')
  rmSync(log, { force: true })
  await run([
    ...['h2load', '--h1', `-t${GENERATORS}`, `-c${connections}`],
    ...[`-D${seconds}`, `--rps=${requestsPerSecond / connections}`],
    ...[`--log-file=${log}`, ...(token ? ['-H', `authorization: Bearer ${token}`] : []), base + path],
  ])
  const answers = readFileSync(log, 'latin1')
    .trim()
    .split('\n')
    .map(line => line.split('\t').map(Number))
  const latenciesMs = Float64Array.from(answers, ([, , micros]) => micros! / 1_000).sort()
  return {
    requests: answers.length,
    requestsPerSecond: answers.length / seconds,
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
    failed: answers.filter(([, status]) => !(status! >= 200 && status! < 400)).length,
  }
}

async function runHere(
  { base, path, connections, seconds, tokens: [token] = [] }: LoadOptions,
  requestsPerSecond: number,
): Promise<LoadResult> {
  const options = { url: base + path, token, requestsPerSecond, seconds, connections }
  const { latenciesMs, failed } = await runOpenLoop(options)
  return {
    requests: latenciesMs.length,
    requestsPerSecond,
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
    failed,
  }
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
export const LOAD_TOOL = onPath('wrk') ? 'wrk' : 'autocannon'

/** Runs a load. Never blocks this process, because the embedded etcd in it has to answer meanwhile. */
export function runLoad(options: LoadOptions): Promise<LoadResult> {
  if (options.http2) return runOwn('http2/load.ts', options)
  if (options.handshakes) return runOwn('tls/load.ts', options)
  return LOAD_TOOL === 'wrk' ? runWrk(options) : runAutocannon(options)
}

async function runWrk(options: LoadOptions): Promise<LoadResult> {
  const {
    base,
    path,
    connections,
    seconds,
    tokens = [],
    headers = [],
    method = 'GET',
    body,
    folder,
  } = options
  // With a script, the load generator makes a call for each request. A fixed header costs nothing.
  const isPlain = method === 'GET' && tokens.length < 2
  const { stdout: output } = await run([
    ...['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '--timeout', '10s'],
    ...(isPlain
      ? [...tokens.map(token => `authorization: Bearer ${token}`), ...headers]
          .flatMap(line => ['-H', line])
          .concat(base + path)
      : ['-s', join(import.meta.dirname, 'load.lua'), base + path, '--', method]),
    ...(isPlain ? [] : body ? [body.type, textFile(folder, body.text)] : ['', '']),
    ...(isPlain || tokens.length === 0 ? [] : [textFile(folder, `${tokens.join('\n')}\n`)]),
  ])
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

/** Writes a text to a file, unless that file exists. Returns its path. */
function textFile(folder: string, text: string): string {
  const file = join(folder, `${createHash('sha256').update(text).digest('hex').slice(0, 16)}.txt`)
  if (!existsSync(file)) writeFileSync(file, text, 'latin1')
  return file
}

/**
 * Runs an own client, because wrk has no HTTP/2 and resumes no sessions, and h2load does not read the status of a gRPC call.
 */
async function runOwn(program: string, options: LoadOptions): Promise<LoadResult> {
  const file = join(options.folder, 'load.json')
  writeFileSync(file, JSON.stringify(options))
  const { stdout } = await run([process.execPath, join(import.meta.dirname, program), file])
  return JSON.parse(stdout)
}

async function runAutocannon(options: LoadOptions): Promise<LoadResult> {
  const file = join(options.folder, 'autocannon.json')
  writeFileSync(file, JSON.stringify(options))
  const { stdout } = await run([process.execPath, join(import.meta.dirname, 'autocannon.ts'), file])
  const result = JSON.parse(stdout)
  return {
    requests: result.requests.total,
    requestsPerSecond: result.requests.average,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    failed: result.non2xx + result.errors,
  }
}

function run(command: readonly string[]): Promise<{ stdout: string }> {
  const [file, ...args] = pinned(OTHER_CORE, command)
  return execute(file!, args)
}
