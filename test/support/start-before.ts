import { after, before } from 'node:test'

/**
 * Starts something before the tests of the suite or file that calls it, and ends it after them. They use it one after the other, in
 * their order, so each must leave it as the next one needs it. For what takes several processes, which cost most of a test.
 *
 * @returns it, from the first test on
 */
export function startBefore<T extends AsyncDisposable>(start: () => Promise<T>): () => T {
  let started: T | undefined
  before(async () => {
    started = await start()
  })
  after(() => started?.[Symbol.asyncDispose]())
  return () => {
    if (started === undefined) throw new Error('it is started before the first test, and that failed')
    return started
  }
}
