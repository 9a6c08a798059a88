import { execFile, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Toolchain } from '../foreign/toolchain.ts'
import { onPath } from './etcd.ts'
import { ECHO } from './grpc-echo.ts'
import { runUnaryLoad } from './unary-load.ts'

/** What a client that calls again and again has come to. */
export interface LoopReport {
  readonly calls: number
  readonly failures: readonly string[]
}

/** Starts a client that makes unary calls until the signal is aborted. */
export type Loop = (signal: AbortSignal) => Promise<LoopReport>

const FOREIGN = join(import.meta.dirname, '../foreign')
const PATH = `/${ECHO}/Unary`
const NGHTTP = 'nghttp'
const NGHTTP_CALLS = 20

/**
 * Returns clients of a port by name: node:http2, and those in other languages that can be had here. Each gets a new
 * connection when its own is ended by GOAWAY, but `nghttp`, which has one for 20 calls.
 *
 * @param folder for files
 */
export function foreignLoops(
  { set, python, go }: Toolchain,
  port: number,
  folder: string,
): Readonly<Record<string, Loop>> {
  const address = `127.0.0.1:${port}`
  const program = join(FOREIGN, 'clients/loop.py')
  return {
    Node: signal =>
      runUnaryLoad({
        ...{ port, path: PATH, signal },
        ...{ connections: 4, streams: 4, perSecond: 200, repeatsRefused: true },
      }),
    ...(python && { Python: signal => runLoop(python, [program, set, address], signal) }),
    ...(go && { Go: signal => runLoop(go.loop, [address], signal) }),
    ...(onPath(NGHTTP) && { nghttp: signal => runNghttp(`http://${address}${PATH}`, folder, signal) }),
  }
}

/** Runs a program that calls until its input ends, and then prints a {@link LoopReport}. */
async function runLoop(file: string, args: readonly string[], signal: AbortSignal): Promise<LoopReport> {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  signal.addEventListener('abort', () => child.stdin.end())
  let text = ''
  for await (const piece of child.stdout.setEncoding('utf8')) text += piece
  return JSON.parse(text) as LoopReport
}

async function runNghttp(url: string, folder: string, signal: AbortSignal): Promise<LoopReport> {
  const body = join(folder, 'message')
  await writeFile(body, Buffer.alloc(5))
  const fields = [':method: POST', 'content-type: application/grpc', 'te: trailers']
  const args = ['-n', '-v', '-m', String(NGHTTP_CALLS), '-d', body, ...fields.flatMap(each => ['-H', each])]
  const failures: string[] = []
  let calls = 0
  while (!signal.aborted) {
    const text = await new Promise<string>(resolve => {
      execFile(NGHTTP, [...args, url], { maxBuffer: 1 << 24 }, (error, stdout) =>
        resolve(`${stdout}${error ?? ''}`),
      )
    })
    calls += NGHTTP_CALLS
    const good = text.match(/grpc-status: 0\b/g)?.length ?? 0
    if (good < NGHTTP_CALLS)
      failures.push(`${NGHTTP_CALLS - good} calls of one connection: ${text.slice(-2_000)}`)
  }
  return { calls, failures }
}
