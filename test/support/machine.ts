import { execFileSync } from 'node:child_process'
import type { TestContext } from 'node:test'

/** A machine of the test's own, in a network namespace. */
export interface Machine {
  /** Its IPv4 address. */
  readonly address: string
  /** A command that runs the program that follows it on the machine. */
  readonly runner: readonly string[]
  /** From now on, packets to it get lost without a word. */
  vanish(): void
}

const ip = (...args: string[]) => void execFileSync('ip', args, { stdio: 'ignore' })

/** Skips the running test where this process may not make network namespaces. @returns whether it may go on */
export function mayMakeMachines(t: Pick<TestContext, 'skip'>): boolean {
  try {
    execFileSync('unshare', ['-n', 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' })
    return true
  } catch {
    t.skip('needs network namespaces and ip')
    return false
  }
}

/** Makes a machine. The caller disposes of it, after the programs on it. */
export function makeMachine(): Machine & Disposable {
  const name = `wg${process.pid}`
  // A network of four addresses for each process.
  const first = (process.pid & 0x3f) << 2
  const [own, address] = [1, 2].map(n => `10.77.${(process.pid >> 6) & 0xff}.${first + n}`) as [
    string,
    string,
  ]
  ip('netns', 'add', name)
  const close = () => ip('netns', 'del', name)
  try {
    ip('link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
    ip('addr', 'add', `${own}/30`, 'dev', name)
    ip('link', 'set', name, 'up')
    ip('-n', name, 'addr', 'add', `${address}/30`, 'dev', 'eth0')
    for (const device of ['lo', 'eth0']) ip('-n', name, 'link', 'set', device, 'up')
  } catch (error) {
    close()
    throw error
  }
  return {
    address,
    runner: ['ip', 'netns', 'exec', name],
    vanish() {
      // Its neighbour goes on sending to it, as a router before a machine would.
      const [, mac = ''] =
        /ether (\S+)/.exec(`${execFileSync('ip', ['-n', name, 'link', 'show', 'eth0'])}`) ?? []
      ip('neigh', 'replace', address, 'lladdr', mac, 'dev', name, 'nud', 'permanent')
      ip('-n', name, 'addr', 'flush', 'dev', 'eth0')
    },
    [Symbol.dispose]: close,
  }
}
