import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { requireEtcd } from './etcd.ts'
import { freePort } from './free-port.ts'
import { freeze } from './processes.ts'
import { until } from './until.ts'

const execute = promisify(execFile)

/** Skips the running test where no Redis is installed, and fails it in CI: `if (!requireRedis(t)) return`. */
export function requireRedis(t: TestContext): boolean {
  return requireEtcd(t, ['redis-server', 'redis-cli'])
}

export interface RedisOptions {
  /** Additional arguments of `redis-server`, such as `--requirepass x`, also used for restarts. */
  readonly args?: readonly string[]
  /** Arguments that `redis-cli` needs to connect, such as `-a x`. */
  readonly cliArgs?: readonly string[]
  /** Speak TLS alone, and demand a certificate of clients: paths of PEM files. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string }
}

/** A real Redis on loopback, with a folder of its own and without persistence. The caller stops it, or uses `await using`. */
export interface TestRedis extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** Runs a command with redis-cli, and resolves with what it prints. */
  cli(...command: readonly string[]): Promise<string>
  /** Sends a signal, such as SIGSTOP and SIGCONT; for one that ends the process, resolves when it has exited. */
  kill(signal: NodeJS.Signals): Promise<void>
  /** Ends it if it runs, and starts it again at the same port, empty; resolves when it answers. */
  restart(): Promise<void>
  /** Ends it. Safe to call twice. */
  stop(): Promise<void>
}

/** Starts a Redis on a free port, and resolves when it answers. Rejects with its last output when it does not. */
export async function startRedis({ args = [], cliArgs = [], tls }: RedisOptions = {}): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'waygate-redis-'))
  const port = await freePort()
  let child: ChildProcess
  let output = ''
  const serverArgs = tls
    ? [
        ...['--port', '0', '--tls-port', String(port), '--tls-cluster', 'no'],
        ...['--tls-cert-file', tls.cert, '--tls-key-file', tls.key, '--tls-ca-cert-file', tls.ca],
      ]
    : ['--port', String(port)]
  const clientArgs = tls ? ['--tls', '--cert', tls.cert, '--key', tls.key, '--cacert', tls.ca] : []
  const hasExited = () => child.exitCode !== null || child.signalCode !== null
  const cli = async (...command: readonly string[]) =>
    (await execute('redis-cli', ['-p', String(port), ...clientArgs, ...cliArgs, ...command])).stdout.trim()
  const start = async () => {
    output = ''
    child = spawn(
      'redis-server',
      [
        ...['--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'],
        ...serverArgs,
        ...args,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-4_000)
      })
    }
    await until('Redis answers', async () => {
      if (hasExited()) return true
      // An error is an answer as well, such as NOAUTH.
      return (await cli('ping')) !== ''
    })
    if (hasExited()) throw new Error(`redis-server has exited: ${output}`)
  }
  const end = async (signal: NodeJS.Signals) => {
    if (hasExited()) return
    const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
    child.kill(signal)
    child.kill('SIGCONT')
    await exited
  }
  // A test run that is cut short must leave no Redis behind.
  const onExit = () => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', onExit)
  const stop = async () => {
    process.off('exit', onExit)
    await end('SIGKILL')
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  await start().catch(async error => {
    await stop()
    throw error
  })
  return {
    url: `${tls ? 'rediss' : 'redis'}://127.0.0.1:${port}`,
    port,
    cli,
    async kill(signal) {
      if (signal === 'SIGSTOP') await freeze(child.pid!)
      else if (signal === 'SIGCONT') child.kill(signal)
      else await end(signal)
    },
    async restart() {
      await end('SIGKILL')
      await start()
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
