import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { freeze } from './processes.ts'

/** A server of `echo.proto` in a separate process, which can be killed and stopped. */
export interface GrpcNodeProcess extends AsyncDisposable {
  readonly child: ChildProcess
  readonly pid: number
  readonly port: number
  /** Sends a signal; for one that ends the process, resolves when it has exited. SIGTERM lets its calls end first. */
  kill(signal: NodeJS.Signals): Promise<void>
}

const PROGRAM = join(import.meta.dirname, 'grpc-node-process.ts')

/** @param port default: any free port */
export async function startGrpcNodeProcess(name: string, port = 0): Promise<GrpcNodeProcess> {
  const env = { ...process.env, PORT: String(port) }
  const child = fork(PROGRAM, [name], { env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const killAtExit = () => void child.kill('SIGKILL')
  process.once('exit', killAtExit)
  const bound = await new Promise<number>((resolve, reject) => {
    child.once('message', message => resolve((message as { port: number }).port))
    child.once('exit', code => reject(new Error(`the node ended with ${code} before it listened`)))
  })
  const kill = async (signal: NodeJS.Signals) => {
    if (signal === 'SIGSTOP') return freeze(child.pid!)
    child.kill(signal)
    if (signal !== 'SIGCONT') await exited
  }
  return {
    child,
    pid: child.pid!,
    port: bound,
    kill,
    async [Symbol.asyncDispose]() {
      process.off('exit', killAtExit)
      if (child.exitCode === null && child.signalCode === null) await kill('SIGKILL')
    },
  }
}
