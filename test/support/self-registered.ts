import { fork } from 'node:child_process'
import { join } from 'node:path'

const PROGRAM = join(import.meta.dirname, 'self-registered-process.ts')

export interface SelfRegisteredOptions {
  readonly service: string
  readonly id: string
  readonly etcd: string
  readonly ttlSeconds: number
}

/** A process that serves and registers itself. Use with `await using`. */
export interface SelfRegistered extends AsyncDisposable {
  readonly pid: number
  /** Stops or continues the process. */
  kill(signal: 'SIGSTOP' | 'SIGCONT'): void
}

/** Starts a process that answers with its id; resolves when it is registered. */
export async function startSelfRegistered(options: SelfRegisteredOptions): Promise<SelfRegistered> {
  const { service, id, etcd, ttlSeconds } = options
  const child = fork(PROGRAM, [service, id, etcd, String(ttlSeconds)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const killAtExit = () => void child.kill('SIGKILL')
  process.once('exit', killAtExit)
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve())
    child.once('exit', code => reject(new Error(`${service} ended with ${code} before it was registered`)))
  })
  return {
    pid: child.pid!,
    kill: signal => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      process.off('exit', killAtExit)
      child.kill('SIGKILL')
      await exited
    },
  }
}
