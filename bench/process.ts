import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** A started process and the first line it printed. */
export interface Started {
  readonly child: ChildProcess
  readonly line: string
}

const hasTaskset = existsSync('/usr/bin/taskset')

/** Starts a command on one core (where `taskset` exists) and resolves with the first stdout line that `accept` likes. */
export async function start(
  core: number,
  command: readonly string[],
  { env = {}, accept = () => true }: { env?: NodeJS.ProcessEnv; accept?: (line: string) => boolean } = {},
): Promise<Started> {
  const [file, ...args] = pinned(core, command)
  const child = spawn(file!, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
  const line = await new Promise<string>((resolve, reject) => {
    child.once('exit', code => reject(new Error(`${command.join(' ')} ended with ${code}`)))
    const lines = createInterface(child.stdout!).on('line', text => {
      if (!accept(text)) return
      resolve(text)
      // What else it prints is thrown away unread: reading lines would take from the core that is measured.
      lines.close()
      child.stdout!.resume()
    })
  })
  return { child, line }
}

/** The command, bound to a core where that is possible. */
export function pinned(core: number, command: readonly string[]): string[] {
  return hasTaskset ? ['taskset', '-c', String(core), ...command] : [...command]
}

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** CPU time a process has used, all its threads, in microseconds; undefined where /proc does not tell. */
export function cpuMicros(pid: number): number | undefined {
  if (!existsSync(`/proc/${pid}/stat`)) return undefined
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS_PER_SECOND
}
