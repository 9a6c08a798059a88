import { execFileSync } from 'node:child_process'
import type { TestContext } from 'node:test'

/** Skips the running test where this process may not give another one files of its own. @returns whether it may go on */
export function mayMount(t: Pick<TestContext, 'skip'>): boolean {
  try {
    execFileSync('unshare', ['-m', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    t.skip('needs unshare -m')
    return false
  }
}

/**
 * Returns a `runner` of `startGateway` that gives the program other files in place of the machine's.
 *
 * @param files paths of the other files by the path that they take, such as `/etc/hosts`
 */
export function runnerWithFiles(files: Readonly<Record<string, string>>): readonly string[] {
  const mounts = Object.entries(files).map(([path, own]) => `mount --bind '${own}' ${path}`)
  return ['unshare', '-m', 'sh', '-c', [...mounts, 'exec "$@"'].join(' && '), 'sh']
}
