import { type SpawnOptions, spawn } from 'node:child_process'
import { connect, createServer } from 'node:net'
import { constants } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { addressOf, type Node } from '../../internal/nodes/node.ts'
import { IS_HANGUP_IGNORED } from '../cli/signals.ts'

/** A running command. */
export interface Child {
  readonly pid: number
  hasExited(): boolean
  /** Resolves with its exit code, 128 + n when signal n ended it. */
  readonly exited: Promise<number>
  /** Sends SIGTERM, and SIGKILL after `graceMs`. Resolves with the exit code. */
  stop(graceMs: number): Promise<number>
}

type Address = Pick<Node, 'host' | 'port'>

/** The address of the command is taken by another process. */
export class AddressTakenError extends Error {
  override readonly name = 'AddressTakenError'
  readonly code = 'ERR_ADDRESS_TAKEN'

  /** @param leftBehind the pid of the command itself, when a sidecar that was killed has left it behind */
  constructor(address: Address, leftBehind?: number) {
    const what = `another process already listens on ${addressOf(address)}; the command was not started`
    const cure = `it is the command of a sidecar that was killed: end process ${leftBehind}, or take it over with --adopt`
    super(leftBehind === undefined ? what : `${what}; ${cure}`)
  }
}

class StartError extends Error {
  override readonly name = 'StartError'
  readonly code = 'ERR_NOT_STARTED'

  constructor(file: string, cause: NodeJS.ErrnoException) {
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: 'no such program',
      EACCES: 'it is not an executable file',
    }
    super(`cannot run ${file}: ${reasons[cause.code ?? ''] ?? cause.message}`, { cause })
  }
}

/**
 * Starts a command. The child is killed when this process exits.
 *
 * @throws Error when the command cannot be started
 */
export async function startChild(
  file: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<Child> {
  // In a session of its own, it does not get the SIGHUP that this process ignores. Spawning has reset that for it.
  const child = spawn(file, args, { ...options, detached: IS_HANGUP_IGNORED })
  const exited = new Promise<number>(resolve => {
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal!]))
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', error => reject(new StartError(file, error)))
  })
  // However this process ends, its children must not outlive it.
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  void exited.then(() => process.off('exit', kill))
  return {
    pid: child.pid!,
    exited,
    hasExited: () => child.exitCode !== null || child.signalCode !== null,
    async stop(graceMs) {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
      const code = await exited
      clearTimeout(timer)
      return code
    },
  }
}

/**
 * Resolves with true once no process on this machine listens on the address, or `signal` aborts. Resolves at once for an
 * address of another machine, such as a load balancer: what answers there says nothing about the command.
 *
 * @param withinMs how long a process that is ending may still listen; false when one listens for longer
 */
export async function untilFree(
  { host, port }: Address,
  withinMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  // No address of another machine can be listened on.
  if ((await listenFailure(host, 0)) !== undefined) return true
  const giveUpAt = performance.now() + withinMs
  while (!signal.aborted && (await accepts(host, port))) {
    if (performance.now() >= giveUpAt) return false
    await delay(50)
  }
  return true
}

/** Resolves with why nobody can listen on an address now; with undefined when that is possible. */
export function listenFailure(host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', resolve)
    server.listen({ host, port }, () => server.close(() => resolve(undefined)))
  })
}

/** Resolves once the address accepts connections. Polls, since there is no event for it. */
export async function untilAccepting(host: string, port: number, signal: AbortSignal): Promise<void> {
  while (!(await accepts(host, port))) await delay(50, undefined, { signal })
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port, timeout: 1_000 })
    const settle = (accepted: boolean) => {
      socket.destroy()
      resolve(accepted)
    }
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
    socket.once('timeout', () => settle(false))
  })
}
