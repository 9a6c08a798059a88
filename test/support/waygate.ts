import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NodePage, RoutesPage } from '../../routes/admin/page-types.ts'
import { until } from './until.ts'

/** The program from its sources. */
export const SOURCE_PROGRAM = join(import.meta.dirname, '../../cmd/waygate.ts')
/** The program as it is packed when the whole suite runs; otherwise from its sources, so that a single file needs no build. */
const PROGRAM = process.env.BUILT_PROGRAM ?? SOURCE_PROGRAM

export interface ProgramOptions {
  /** The program's file. Default: Waygate, see `PROGRAM`. */
  readonly file?: string
  readonly args: readonly string[]
  /** Added to an environment without any WAYGATE_ variable. */
  readonly env?: Readonly<Record<string, string>>
  /** Working folder. Default: a new one, removed by `stop()`. */
  readonly cwd?: string
  /** A command that runs the program that follows it, such as `unshare -m`. Default: none. */
  readonly runner?: readonly string[] | undefined
  /** Gives it its own process group, so that signals can be sent like a terminal does. */
  readonly detached?: boolean
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** One JSON line of the program's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string; readonly level: number }

/** The real program in its own process. The caller calls `stop()`, or uses `await using`. */
export interface Program extends AsyncDisposable {
  readonly child: ChildProcess
  readonly pid: number
  readonly cwd: string
  readonly exited: Promise<Exit>
  hasExited(): boolean
  stdout(): string
  stderr(): string
  /** Returns the JSON lines of its stdout so far. */
  log(): readonly LogLine[]
  /** Resolves with the first log line, past or future, that `matches`; rejects if the program ends before. */
  logged(matches: string | ((line: LogLine) => boolean)): Promise<LogLine>
  /** Ends it with SIGKILL if it still runs, and removes its folder. Safe to call twice. */
  stop(): Promise<void>
}

export function startProgram(options: ProgramOptions): Promise<Program> {
  return startNodeProgram({ file: PROGRAM, ...options })
}

export interface NodeProgramOptions extends ProgramOptions {
  readonly file: string
}

/** Starts another Node program, like `startProgram` starts Waygate. */
export async function startNodeProgram(options: NodeProgramOptions): Promise<Program> {
  const { file, args, env, cwd, runner = [], detached = false } = options
  const folder = cwd ?? (await mkdtemp(join(tmpdir(), 'waygate-e2e-')))
  const [command, ...words] = [...runner, process.execPath, file, ...args] as [string, ...string[]]
  const child = spawn(command, words, {
    cwd: folder,
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached,
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
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
  let read = 0
  const lines: LogLine[] = []
  const log = () => {
    const end = stdout.lastIndexOf('\n') + 1
    for (const line of stdout.slice(read, end).split('\n')) {
      if (line.startsWith('{')) lines.push(JSON.parse(line))
    }
    read = end
    return lines
  }
  const stop = async () => {
    process.off('exit', killAtExit)
    if (!over) {
      child.kill('SIGKILL')
      // A stopped process handles no other signal until it continues.
      child.kill('SIGCONT')
      // A process that it has started may outlive it and keep the pipes open.
      child.stdout.destroy()
      child.stderr.destroy()
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
    log,
    async logged(matches) {
      const test = typeof matches === 'string' ? (line: LogLine) => line.msg === matches : matches
      const found = await until(
        `a log line that matches ${matches}`,
        () => {
          const line = log().find(test)
          return line ?? (over ? 'ended' : undefined)
        },
        { withinMs: 60_000, everyMs: 10 },
      ).catch(error => {
        throw new Error(`${error.message}\n${stdout}\n${stderr}`)
      })
      if (found === 'ended')
        throw new Error(`waygate ended before it logged ${matches}:\n${stdout}\n${stderr}`)
      return found
    },
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

export interface GatewayOptions {
  /** URL of an etcd; default: the embedded one, on a free port. */
  readonly etcd?: string
  /** Content of the configuration file; with the client limits of {@link PATIENT} unless it sets its own. */
  readonly config?: object
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly runner?: readonly string[]
  readonly file?: string
  /** Whether to wait until the table is loaded. Default true. */
  readonly ready?: boolean
}

/** A running gateway. */
export interface RunningGateway extends Program {
  readonly url: string
  readonly port: number
  readonly admin: string
  /** URL of its etcd, embedded or given. */
  readonly etcd: string
  routes(): Promise<RoutesPage>
  /** Returns the nodes of a service; empty when it has none. */
  nodes(service: string): Promise<readonly NodePage[]>
  /** Resolves when a service has exactly the nodes with these ids. */
  untilNodes(service: string, ids: readonly string[], withinMs?: number): Promise<void>
}

/**
 * Limits for slow clients. The clients of a test share its machine, which may give them no CPU time for ten seconds
 * between connection and request. That must not fail the test.
 */
const PATIENT = { headersTimeoutMs: 60_000 }

/**
 * For tests that measure what becomes of requests while nodes fail: clients, nodes and other tests take the CPU time of the
 * gateway, so the length of its turns says nothing about its load.
 */
export const SHARED_MACHINE = { overload: { loopDelayMs: 0 } }

/** Starts `waygate start` on free ports, in its own folder. */
export async function startGateway(options: GatewayOptions = {}): Promise<RunningGateway> {
  const { etcd, config, args = [], env, runner, file, ready = true } = options
  const cwd = options.cwd ?? (await mkdtemp(join(tmpdir(), 'waygate-e2e-')))
  if (config !== undefined || options.cwd === undefined) {
    await writeFile(join(cwd, 'waygate.yaml'), JSON.stringify({ clientLimits: PATIENT, ...config }))
  }
  const registry = etcd === undefined ? ['--embedded-etcd', '127.0.0.1:0'] : ['--etcd', etcd]
  const program = await startProgram({
    args: ['start', '--host', '127.0.0.1', '--port', '0', '--admin-port', '0', ...registry, ...args],
    cwd,
    runner,
    ...(file && { file }),
    ...(env && { env }),
  })
  const stop = async () => {
    await program.stop()
    if (options.cwd === undefined) await rm(cwd, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    const listening = await program.logged('waygate is listening')
    const admin = String(listening.admin)
    const url = String(listening.public)
    if (ready) {
      await until('the gateway is ready', async () => (await fetch(`${admin}/readyz`)).ok, {
        withinMs: 60_000,
      })
    }
    const routes = async () => (await (await fetch(`${admin}/routes`)).json()) as RoutesPage
    const nodes = async (service: string) => {
      const page = (await (await fetch(`${admin}/services`)).json()) as {
        services: readonly { readonly name: string; readonly nodes: readonly NodePage[] }[]
      }
      return page.services.find(({ name }) => name === service)?.nodes ?? []
    }
    return {
      ...program,
      url,
      port: Number(new URL(url).port),
      admin,
      etcd: etcd ?? String(program.log().find(line => line.etcd !== undefined)?.etcd),
      routes,
      nodes,
      async untilNodes(service, ids, withinMs = 15_000) {
        const wanted = [...ids].sort().join()
        await until(
          `${service} has the nodes ${wanted}`,
          async () => {
            const found = (await nodes(service)).map(({ id }) => id)
            return found.sort().join() === wanted
          },
          { withinMs },
        )
      },
      stop,
      [Symbol.asyncDispose]: stop,
    }
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
