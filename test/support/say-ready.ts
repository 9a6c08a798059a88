import { flushCompileCache } from 'node:module'

/**
 * Tells the test that started this process that it may go on. Then writes what was compiled, for the next process: tests end
 * such processes with SIGKILL, after which nothing is written.
 */
export function sayReady(message: string | number[] | { readonly port: number }): void {
  process.send?.(message)
  flushCompileCache()
}
