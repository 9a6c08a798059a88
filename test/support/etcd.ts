import { execFile } from 'node:child_process'
import { accessSync, constants, rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { TestContext } from 'node:test'
import { type EtcdProcess, isPortTaken, spawnEtcd } from './etcd-process.ts'
import { freePort } from './free-port.ts'
import { freeze } from './processes.ts'

/** Reports whether a program is on PATH. */
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
 * Skips the running test where no etcd is installed, so that `npm test` works on any machine. In CI (where `CI` is
 * set) a missing etcd is a failure instead, because a skipped test would hide that nothing was tested.
 *
 * @returns true when the test may continue: `if (!requireEtcd(t)) return`.
 */
export function requireEtcd(t: TestContext, programs: readonly string[] = ['etcd']): boolean {
  const missing = programs.filter(program => !onPath(program))
  if (missing.length === 0) return true
  if (process.env.CI) throw new Error(`CI needs ${missing.join(' and ')} on PATH`)
  t.skip(`${missing.join(' and ')} not on PATH`)
  return false
}

export interface EtcdOptions {
  /** Additional flags for the `etcd` program, also used for restarts. */
  readonly args?: readonly string[]
  /** How long to wait until it is healthy. Default 20,000. */
  readonly startTimeoutMs?: number
}

export interface RestartOptions {
  /** Start with an empty data directory: a new cluster at the same address. Default false. */
  readonly wipe?: boolean
}

/** A real etcd of one member, on loopback. The caller calls `stop()`, or uses `await using`. */
export interface TestEtcd extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** Its own data directory, removed by `stop()`. */
  readonly dataDir: string
  /** Id of the present process; undefined while etcd is down. */
  readonly pid: number | undefined
  /** Ends it and removes its data. Safe to call twice. */
  stop(): Promise<void>
  /** Sends a signal, such as SIGSTOP and SIGCONT; for one that ends the process, resolves when it has exited. */
  kill(signal: NodeJS.Signals): Promise<void>
  /** Ends it if it runs, and starts it again at the same port with the same data; resolves when it is healthy. */
  restart(options?: RestartOptions): Promise<void>
}

/**
 * Starts an etcd on free loopback ports, and resolves when it is healthy. etcd raises TTLs to its minimum, which is 1 s
 * here, because an election takes 100 ms instead of the usual second.
 *
 * @throws Error with etcd's last output when it does not become healthy
 */
export async function startEtcd(options: EtcdOptions = {}): Promise<TestEtcd> {
  const { args = [], startTimeoutMs = 20_000 } = options
  const root = await mkdtemp(join(tmpdir(), 'waygate-etcd-'))
  const dataDir = join(root, 'data')
  let member: EtcdProcess
  let port = 0
  let peerPort = 0
  for (let attempt = 1; ; attempt++) {
    port = await freePort()
    peerPort = await freePort()
    try {
      member = await startMember(port, peerPort, dataDir, args, startTimeoutMs)
      break
    } catch (error) {
      await rm(dataDir, { recursive: true, force: true })
      if (isPortTaken(error) && attempt < 5) continue
      await rm(root, { recursive: true, force: true })
      throw error
    }
  }
  // A test run that is cut short must leave no etcd and no data behind.
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
      if (signal === 'SIGSTOP') await freeze(member.child.pid!)
      else if (signal === 'SIGCONT') member.child.kill(signal)
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

/** Runs `etcdctl` against `url` and resolves with its stdout. Rejects with its stderr when it fails. */
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

async function startMember(
  port: number,
  peerPort: number,
  dataDir: string,
  args: readonly string[],
  startTimeoutMs: number,
): Promise<EtcdProcess> {
  const member = spawnEtcd({
    port,
    peerPort,
    dataDir,
    name: 'test',
    initialCluster: `test=http://127.0.0.1:${peerPort}`,
    args: ['--heartbeat-interval', '10', '--election-timeout', '100', ...args],
  })
  await member.untilHealthy(startTimeoutMs)
  return member
}
