import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const PROGRAM = join(import.meta.dirname, 'noting-process.ts')

/** Nodes in a process of their own, each a port, that note when what came. Whoever started them lets `await using` end it. */
export interface NotingNodes extends AsyncDisposable {
  readonly ports: readonly number[]
  /** Which requests came since the last call. */
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
