import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { accessSync, constants, rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from './free-port.ts'

/** Whether a program of this name is on PATH. */
export function onPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some(folder => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Whether a real etcd can be started here. */
export const etcdAvailable: boolean = onPath('etcd')

/**
 * Skips the running test where no etcd is installed, so that `npm test` works on any machine. In CI (`CI`
 * is set) a missing etcd is a failure instead: there, a skipped test would hide that nothing was tested.
 *
 * @returns true when the test may go on: `if (!requireEtcd(t)) return`.
 */
export function requireEtcd(t: TestContext, programs: readonly string[] = ['etcd']): boolean {
  const missing = programs.filter(program => !onPath(program))
  if (missing.length === 0) return true
  if (process.env.CI) throw new Error(`CI needs ${missing.join(' and ')} on PATH`)
  t.skip(`${missing.join(' and ')} not on PATH`)
  return false
}

export interface EtcdOptions {
  /** More flags for the `etcd` program; they stay for later restarts. */
  readonly args?: readonly string[]
  /** How long to wait until it is healthy. Default 20,000. */
  readonly startTimeoutMs?: number
}

export interface RestartOptions {
  /** Start with an empty data directory: a new cluster at the same address. Default false. */
  readonly wipe?: boolean
}

/** A real etcd of one member, on loopback. Whoever started it calls `stop()` or lets `await using` do it. */
export interface TestEtcd extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** It has a data directory of its own, removed by `stop()`. */
  readonly dataDir: string
  /** The present process; undefined while it is down. */
  readonly pid: number | undefined
  /** Ends it and removes its data. Safe to call twice. */
  stop(): Promise<void>
  /** Sends a signal: SIGSTOP and SIGCONT to hang it; resolves after its end for one that ends it. */
  kill(signal: NodeJS.Signals): Promise<void>
  /** Ends it when it runs, then starts it at the same port with the same data; resolves when it is healthy. */
  restart(options?: RestartOptions): Promise<void>
}

/**
 * A running, healthy etcd on free loopback ports. Lease times below etcd's own minimum are raised by it: 1 s
 * here, where an election takes 100 ms instead of the usual second.
 *
 * @throws Error with etcd's own last words when it does not become healthy.
 */
export async function startEtcd(options: EtcdOptions = {}): Promise<TestEtcd> {
  const { args = [], startTimeoutMs = 20_000 } = options
  const root = await mkdtemp(join(tmpdir(), 'waygate-etcd-'))
  const dataDir = join(root, 'data')
  let member: Member
  let port = 0
  let peerPort = 0
  for (let attempt = 1; ; attempt++) {
    port = await freePort()
    peerPort = await freePort()
    try {
      member = await startMember(port, peerPort, dataDir, args, startTimeoutMs)
      break
    } catch (error) {
      // Between our look for a free port and etcd's bind, someone else may have taken it.
      const lostTheRace = error instanceof Error && error.message.includes('address already in use')
      await rm(dataDir, { recursive: true, force: true })
      if (lostTheRace && attempt < 5) continue
      await rm(root, { recursive: true, force: true })
      throw error
    }
  }
  // A test run that ends early must leave neither an etcd nor its data behind.
  const onExit = () => {
    member.child.kill('SIGKILL')
    rmSync(root, { recursive: true, force: true, maxRetries: 5 })
  }
  process.once('exit', onExit)

  const stop = async () => {
    process.off('exit', onExit)
    await member.end('SIGKILL')
    await rm(root, { recursive: true, force: true, maxRetries: 5 })
  }
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    dataDir,
    get pid() {
      return member.ended() ? undefined : member.child.pid
    },
    stop,
    async kill(signal) {
      if (signal === 'SIGSTOP' || signal === 'SIGCONT') member.child.kill(signal)
      else await member.end(signal)
    },
    async restart({ wipe = false } = {}) {
      await member.end('SIGKILL')
      if (wipe) await rm(dataDir, { recursive: true, force: true, maxRetries: 5 })
      member = await startMember(port, peerPort, dataDir, args, startTimeoutMs)
    },
    [Symbol.asyncDispose]: stop,
  }
}

/** What `etcdctl` prints on stdout when run against `url`. Rejects with its stderr when it fails. */
export function etcdctl(url: string, ...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      'etcdctl',
      [`--endpoints=${url}`, ...args],
      { env: { ...process.env, ETCDCTL_API: '3' }, timeout: 30_000, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error) reject(new Error(`etcdctl ${args.join(' ')}: ${stderr || stdout || error.message}`))
        else resolve(stdout)
      },
    )
  })
}

interface Member {
  readonly child: ChildProcess
  ended(): boolean
  end(signal: NodeJS.Signals): Promise<void>
}

async function startMember(
  port: number,
  peerPort: number,
  dataDir: string,
  args: readonly string[],
  startTimeoutMs: number,
): Promise<Member> {
  const client = `http://127.0.0.1:${port}`
  const peer = `http://127.0.0.1:${peerPort}`
  const child = spawn(
    'etcd',
    [
      ...['--name', 'test', '--data-dir', dataDir],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...['--initial-cluster', `test=${peer}`],
      ...['--heartbeat-interval', '10', '--election-timeout', '100'],
      ...['--logger', 'zap', '--log-outputs', 'stderr', '--log-level', 'error'],
      ...args,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let lastWords = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-4_000)
  })
  const gone = new Promise<void>(resolve => {
    child.once('exit', () => resolve())
    child.once('error', error => {
      lastWords += error.message
      resolve()
    })
  })
  const member: Member = {
    child,
    ended: () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined,
    async end(signal) {
      if (!member.ended()) {
        child.kill(signal)
        // A stopped process takes no SIGTERM until it goes on.
        child.kill('SIGCONT')
      }
      await gone
    },
  }
  const deadline = Date.now() + startTimeoutMs
  while (!(await healthy(port))) {
    if (member.ended() || Date.now() > deadline) {
      await member.end('SIGKILL')
      throw new Error(`etcd on ${client} did not become healthy: ${lastWords.trim() || 'it said nothing'}`)
    }
    await delay(20)
  }
  return member
}

function healthy(port: number): Promise<boolean> {
  return new Promise(resolve => {
    request({ host: '127.0.0.1', port, path: '/health', agent: false, timeout: 2_000 }, response => {
      response.setEncoding('utf8')
      let body = ''
      response.on('data', (text: string) => {
        body += text
      })
      response.on('error', () => resolve(false))
      response.on('end', () => resolve(body.includes('"true"')))
    })
      .on('timeout', function (this: { destroy(): void }) {
        this.destroy()
      })
      .on('error', () => resolve(false))
      .end()
  })
}
