import { randomInt } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Has one file per port that a running test process was given; it contains the id of that process. */
const TAKEN = join(tmpdir(), 'waygate-test-ports')

/**
 * Finds a free loopback port, for a program that needs a fixed one or restarts on it. The port is below the range that
 * systems use for port 0 and for outgoing connections (from 32768 on Linux, from 49152 elsewhere), so no other test
 * takes it by chance while the program is down. No other test process gets the same port while this process runs:
 * otherwise it could mistake this test's program for its own.
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
    // Left behind by a process that has ended. The next process that draws this port gets it.
    if (!isAlive(ownerOf(file))) rmSync(file, { force: true })
    return false
  }
}

/** Reads the owner's process id; returns our own while the file is being written or removed, so that it is kept. */
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
