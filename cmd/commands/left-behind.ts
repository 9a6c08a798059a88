import { hash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { RegisterCommand } from '../cli/command.ts'
import type { Child } from './child.ts'

/** Holds the pid of the sidecar that has started a command, the time of its start, and a digest of what it was started as. */
const VARIABLE = '_WAYGATE_SIDECAR'
/** There is no event for the end of a process that somebody else has started. */
const POLL_MS = 200

/** Returns the variable with which a sidecar marks its command. The processes that the command starts inherit it. */
export function markOf(command: RegisterCommand): Readonly<Record<string, string>> {
  return { [VARIABLE]: `${process.pid}:${startOf(process.pid)}:${digestOf(command)}` }
}

/**
 * Finds the command that a sidecar for the same node has left behind when it was killed. It must have been started by the
 * same command line and by the same user, and its sidecar must be gone.
 *
 * @returns its pid; undefined when there is none, and on systems without /proc
 */
export function findLeftBehind(command: RegisterCommand): number | undefined {
  const digest = digestOf(command)
  return processes().find(pid => {
    const mark = readMark(pid)
    if (mark?.digest !== digest || pid === process.pid || !isOurs(pid)) return false
    if (startOf(mark.sidecar) === mark.startedAt) return false
    // Below the command are the processes that it has started.
    return readMark(Number(statOf(pid)?.[1]))?.digest !== digest
  })
}

/**
 * Takes over a process that this one has not started. It is killed when this process exits. Its exit code cannot be known:
 * `exited` resolves with 0 or 137 (killed) after `stop()`, and with 1 when it ended unasked.
 */
export function adopt(pid: number): Child {
  const startedAt = startOf(pid)
  const runs = () => startedAt !== undefined && startOf(pid) === startedAt
  const send = (signal: 'SIGTERM' | 'SIGKILL') => {
    // Another process may have its pid by now.
    if (runs()) process.kill(pid, signal)
  }
  let codeAtEnd = 1
  const exited = (async () => {
    while (runs()) await delay(POLL_MS)
    return codeAtEnd
  })()
  const kill = () => send('SIGKILL')
  process.once('exit', kill)
  void exited.then(() => process.off('exit', kill))
  return {
    pid,
    exited,
    hasExited: () => !runs(),
    async stop(graceMs) {
      if (runs()) codeAtEnd = 0
      send('SIGTERM')
      const timer = setTimeout(() => {
        codeAtEnd = 128 + constants.signals.SIGKILL
        kill()
      }, graceMs)
      const code = await exited
      clearTimeout(timer)
      return code
    },
  }
}

function digestOf({ name, host, port, child }: RegisterCommand): string {
  return hash('sha256', JSON.stringify([name, host, port, child?.file, child?.args]), 'base64url')
}

function processes(): readonly number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
}

/** Whether a process is of the same user, since root can read the environment of everybody's. */
function isOurs(pid: number): boolean {
  return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid === process.getuid?.()
}

interface Mark {
  readonly sidecar: number
  readonly startedAt: string | undefined
  readonly digest: string
}

function readMark(pid: number): Mark | undefined {
  const mark = read(pid, 'environ')
    ?.split('\0')
    .find(each => each.startsWith(`${VARIABLE}=`))
  if (mark === undefined) return undefined
  const [sidecar, startedAt, digest = ''] = mark.slice(VARIABLE.length + 1).split(':')
  return { sidecar: Number(sidecar), startedAt, digest }
}

/** Returns when a process was started, in the clock ticks of its machine; undefined when it has ended. */
function startOf(pid: number): string | undefined {
  const fields = statOf(pid)
  return fields?.[0] === 'Z' ? undefined : fields?.[19]
}

/** Returns the fields of proc(5) after the name, which may contain any characters: state, parent and so on. */
function statOf(pid: number): readonly string[] | undefined {
  const text = read(pid, 'stat')
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')
}

/** Returns undefined for a process that has ended, and for the environment of another user's. */
function read(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return undefined
  }
}
