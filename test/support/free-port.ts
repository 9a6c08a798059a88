import { randomInt } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** One file for each port that a running test process has been given, with the id of that process in it. */
const TAKEN = join(tmpdir(), 'waygate-test-ports')

/**
 * A loopback port that nobody listens on, for a program that must be told one or must come back to it. It is
 * below the range that systems take ports for port 0 and for connections from (32768 on Linux, 49152
 * elsewhere), so that while the program is down no other test takes it by chance. No other test process gets the
 * same one while this process lives: it would find another's program there, and take it for its own.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000)
    if (take(port) && (await isFree(port))) return port
  }
}

function take(port: number): boolean {
  mkdirSync(TAKEN, { recursive: true })
  const file = join(TAKEN, String(port))
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    // Left by a process that has ended: the next to draw it has it.
    if (!isAlive(ownerOf(file))) rmSync(file, { force: true })
    return false
  }
}

/** Its id; our own when the file is being written or is gone just now, so that it stays. */
function ownerOf(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8')) || process.pid
  } catch {
    return process.pid
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
