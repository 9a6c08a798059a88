import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { connect, createServer } from 'node:net'
import { constants } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { addressOf, type Node } from '../../internal/nodes/node.ts'

/** A process of ours that runs. */
export interface Child {
  readonly process: ChildProcess
  /** Resolves with its exit code, 128 + n when signal n ended it. */
  readonly exited: Promise<number>
  /** Asks it to end, makes it after `graceMs`, and resolves with its exit code. */
  stop(graceMs: number): Promise<number>
}

type Address = Pick<Node, 'host' | 'port'>

/** Something else listens where a command was to. */
class AddressTakenError extends Error {
  override readonly name = 'AddressTakenError'
  readonly code = 'ERR_ADDRESS_TAKEN'

  constructor(address: Address) {
    super(`something else listens on ${addressOf(address)} already; the command was not started`)
  }
}

/** A command cannot be started. */
class StartError extends Error {
  override readonly name = 'StartError'
  readonly code = 'ERR_NOT_STARTED'

  constructor(file: string, cause: NodeJS.ErrnoException) {
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: 'no such program',
      EACCES: 'it is not a file that may be executed',
    }
    super(`cannot run ${file}: ${reasons[cause.code ?? ''] ?? cause.message}`, { cause })
  }
}

/**
 * Runs a command.
 *
 * @throws Error when it cannot be started
 */
export async function startChild(
  file: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<Child> {
  const child = spawn(file, args, options)
  const exited = new Promise<number>(resolve => {
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal!]))
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', error => reject(new StartError(file, error)))
  })
  // Whatever ends this process, none that it started may stay.
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  void exited.then(() => process.off('exit', kill))
  return {
    process: child,
    exited,
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
 * Resolves once no process of this machine listens there, or `signal` aborts. Where it is the address of another
 * machine, as that of a load balancer is, who answers there says nothing about us.
 *
 * @param withinMs for a process that is just ending
 * @throws Error when one listens there for longer
 */
export async function untilFree(
  { host, port }: Address,
  withinMs: number,
  signal: AbortSignal,
): Promise<void> {
  if (!(await isHere(host))) return
  const giveUpAt = performance.now() + withinMs
  while (!signal.aborted && (await accepts(host, port))) {
    if (performance.now() >= giveUpAt) throw new AddressTakenError({ host, port })
    await delay(50)
  }
}

/** Whether it is an address of this machine: only those can be listened on. */
function isHere(host: string): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host, port: 0 }, () => server.close(() => resolve(true)))
  })
}

/** Resolves once something accepts connections there; polls, since nothing tells. */
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
