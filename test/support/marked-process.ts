import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { markOf } from '../../cmd/commands/left-behind.ts'

type Command = Pick<Parameters<typeof markOf>[0], 'name' | 'host' | 'port' | 'child'>

/** A sidecar that runs no longer: no process has this pid. */
export const DEAD_SIDECAR = { pid: 2 ** 30, startedAt: '1' }

export interface MarkedOptions {
  /** The program and its arguments. Default: one that only waits. */
  readonly run?: readonly [string, ...string[]]
  /** The user that runs it. Default: this one. */
  readonly uid?: number
}

/**
 * Starts a process that is marked as the command of a sidecar: of this process, unless another one is said. Disposing of it
 * kills it.
 */
export async function startMarked(
  command: Command,
  sidecar: { readonly pid?: number; readonly startedAt?: string } = {},
  { run: [file, ...args] = ['sleep', '600'], uid }: MarkedOptions = {},
): Promise<AsyncDisposable & { readonly pid: number }> {
  const [[variable, mark] = ['', '']] = Object.entries(markOf(command as Parameters<typeof markOf>[0]))
  const [pid, startedAt, digest] = mark.split(':')
  const changed = [sidecar.pid ?? pid, sidecar.startedAt ?? startedAt, digest].join(':')
  const child = spawn(file, args, {
    env: { PATH: process.env.PATH, [variable]: changed },
    stdio: 'ignore',
    detached: true,
    ...(uid !== undefined && { uid }),
  })
  await once(child, 'spawn')
  return {
    pid: child.pid!,
    async [Symbol.asyncDispose]() {
      const exited = once(child, 'exit')
      // With the processes that it has started.
      process.kill(-child.pid!, 'SIGKILL')
      await exited
    },
  }
}
