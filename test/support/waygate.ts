import { type ChildProcess, spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makeOwnFolder } from './own-folder.ts'
import {
  type LogReader,
  prepareStart,
  readLog,
  type ServingGateway,
  type ServingOptions,
  untilServing,
} from './serving-gateway.ts'

/** The program from its sources. */
export const SOURCE_PROGRAM = join(import.meta.dirname, '../../cmd/waygate.ts')
/** The program as it is packed when the whole suite runs; otherwise from its sources, so that a single file needs no build. */
export const TESTED_PROGRAM = process.env.BUILT_PROGRAM ?? SOURCE_PROGRAM

export interface ProgramOptions {
  /** The program's file, for Node if its name says so, otherwise run by itself. Default: Waygate, see `TESTED_PROGRAM`. */
  readonly file?: string
  readonly args: readonly string[]
  /** Added to an environment without any WAYGATE_ variable. */
  readonly env?: Readonly<Record<string, string>>
  /** Working folder. Default: a new one, removed by `stop()`. */
  readonly cwd?: string
  /** A command that runs the program that follows it, such as `unshare -m`. Default: none. */
  readonly runner?: readonly string[] | undefined
  /** More descriptors of this process that it inherits, from number 3 on. */
  readonly descriptors?: readonly number[]
  /** Gives it its own process group, so that signals can be sent like a terminal does. */
  readonly detached?: boolean
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** The real program in its own process. The caller calls `stop()`, or uses `await using`. */
export interface Program extends LogReader, AsyncDisposable {
  readonly child: ChildProcess
  readonly pid: number
  readonly cwd: string
  readonly exited: Promise<Exit>
  hasExited(): boolean
  stdout(): string
  stderr(): string
  /** Ends it with SIGKILL if it still runs, and removes its folder. Safe to call twice. */
  stop(): Promise<void>
}

export function startProgram(options: ProgramOptions): Promise<Program> {
  return startNodeProgram({ file: TESTED_PROGRAM, ...options })
}

export interface NodeProgramOptions extends ProgramOptions {
  readonly file: string
}

/** Starts another program, like `startProgram` starts Waygate. */
export async function startNodeProgram(options: NodeProgramOptions): Promise<Program> {
  const { file, args, env, cwd, runner = [], descriptors = [], detached = false } = options
  const folder = cwd ?? makeOwnFolder('e2e')
  const program = /\.[jt]s$/.test(file) ? [process.execPath, file] : [file]
  const [command, ...words] = [...runner, ...program, ...args] as [string, ...string[]]
  const child = spawn(command, words, {
    cwd: folder,
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...descriptors],
    detached,
  })
  let stdout = ''
  let stderr = ''
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  let over = false
  // `close` comes after `exit`, when all output has been read.
  const exited = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      over = true
      resolve({ code, signal })
    })
  })
  const killAtExit = () => void child.kill('SIGKILL')
  process.once('exit', killAtExit)
  const stop = async () => {
    process.off('exit', killAtExit)
    if (!over) {
      child.kill('SIGKILL')
      // A stopped process handles no other signal until it continues.
      child.kill('SIGCONT')
      // A process that it has started may outlive it and keep the pipes open.
      child.stdout!.destroy()
      child.stderr!.destroy()
    }
    await exited
    if (cwd === undefined) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  return {
    child,
    pid: child.pid!,
    cwd: folder,
    exited,
    hasExited: () => over,
    stdout: () => stdout,
    stderr: () => stderr,
    ...readLog(
      () => stdout,
      () => over,
      () => stderr,
    ),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

export interface Finished extends Exit {
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command of the program until it exits. */
export async function runProgram(options: ProgramOptions): Promise<Finished> {
  await using program = await startProgram(options)
  const exit = await program.exited
  return { ...exit, stdout: program.stdout(), stderr: program.stderr() }
}

export interface GatewayOptions extends ServingOptions {
  readonly runner?: readonly string[]
  readonly file?: string
}

/** A running gateway in its own process. */
export interface RunningGateway extends Program, ServingGateway {
  stop(): Promise<void>
}

/**
 * Starts `waygate start` on free ports, in its own folder and process: for tests of what a process does, such as signals,
 * workers, exit codes, memory and descriptors, and for load at a fixed rate, which must not share its loop. All others start one in the process of
 * the test (`startGatewayHere`), which costs a second of CPU time less.
 */
export async function startGateway(options: GatewayOptions = {}): Promise<RunningGateway> {
  const { env, runner, file } = options
  const { cwd, args } = await prepareStart(options)
  const program = await startProgram({ args, cwd, runner, ...(file && { file }), ...(env && { env }) })
  const stop = async () => {
    await program.stop()
    if (options.cwd === undefined) await rm(cwd, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    return { ...program, ...(await untilServing(options, program)), stop, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Returns our environment without the variables that would configure the program under test. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('WAYGATE_') && name !== 'NODE_TEST_CONTEXT' && name !== 'NODE_OPTIONS',
  )
  return Object.fromEntries(entries)
}
