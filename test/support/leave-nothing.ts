import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MARK = 'TEST_RUN'

/**
 * Makes sure that nothing of a long run outlives this process, however it ends, SIGKILL included: every process that it starts
 * from now on is killed, and every temporary folder that is made from now on is removed. Linux only.
 */
export function leaveNothingBehind(): void {
  const run = randomUUID()
  const folder = mkdtempSync(join(tmpdir(), 'waygate-run-'))
  // In a session of its own, so that what is sent to the process group of this process does not end it.
  const guard = spawn(process.execPath, [import.meta.filename, run, folder], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
  })
  guard.unref()
  ;(guard.stdin as Socket).unref()
  Object.assign(process.env, { [MARK]: run, TMPDIR: folder })
}

// The guard. Its input ends with the process that started it.
if (process.argv[1] === import.meta.filename) {
  const [run, folder] = process.argv.slice(2)
  process.stdin.resume().on('end', () => {
    // Again until there are none, since they start others.
    for (let pids = markedBy(run!); pids.length > 0; pids = markedBy(run!)) {
      for (const pid of pids) kill(pid)
    }
    rmSync(folder!, { recursive: true, force: true, maxRetries: 5 })
  })
}

/** Lists the running processes that a run has started. */
function markedBy(run: string): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`${MARK}=${run}\0`)
      } catch {
        return false
      }
    })
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
