import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const PROGRAM = join(import.meta.dirname, 'noting-process.ts')

/** Nodes in one separate process, each on its own port, that record when requests arrive. Use with `await using`. */
export interface NotingNodes extends AsyncDisposable {
  readonly ports: readonly number[]
  /** Returns the requests that arrived since the last call. */
  seen(): Promise<readonly (readonly [port: number, atMs: number])[]>
}

export async function startNotingNodes(count: number): Promise<NotingNodes> {
  const child = fork(PROGRAM, [String(count)])
  const killAtExit = () => void child.kill('SIGKILL')
  process.once('exit', killAtExit)
  const exited = once(child, 'exit')
  const [ports] = await once(child, 'message')
  return {
    ports,
    async seen() {
      child.send('what came?')
      return (await once(child, 'message'))[0]
    },
    async [Symbol.asyncDispose]() {
      process.off('exit', killAtExit)
      child.kill('SIGKILL')
      await exited
    },
  }
}
