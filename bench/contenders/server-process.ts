import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { announce } from './announce.ts'

export interface ServerProcess {
  /** The command that prints the version on stdout or stderr. */
  readonly version: readonly [file: string, ...args: string[]]
  /** Returns the text of its configuration. */
  config(at: { readonly port: number; readonly folder: string }): string
  /** Returns the command that runs it in the foreground. */
  command(file: string): readonly [file: string, ...args: string[]]
  readonly env?: NodeJS.ProcessEnv
}

/**
 * Runs a server that is not a Node program: writes its configuration, waits until it accepts connections, announces it, and
 * ends together with it.
 *
 * @throws Error when the server is not on PATH
 */
export async function runServer({ version, config, command, env }: ServerProcess): Promise<void> {
  const text = readVersion(version)
  const folder = mkdtempSync(join(tmpdir(), 'waygate-bench-server-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const port = await freePort()
  const file = join(folder, 'server.conf')
  writeFileSync(file, config({ port, folder }))
  const [program, ...args] = command(file)
  const child = spawn(program, args, {
    env: { ...process.env, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  child.once('exit', code => process.exit(code ?? 0))
  process.once('SIGTERM', () => child.kill())
  await untilListening(port, child)
  announce(port, text)
}

function readVersion([file, ...args]: ServerProcess['version']): string {
  try {
    const output = execFileSync('sh', ['-c', `"$@" 2>&1`, 'sh', file, ...args], { encoding: 'utf8' })
    return /\d+\.\d+(\.\d+)?/.exec(output)?.[0] ?? output.trim()
  } catch (cause) {
    throw new Error(`${file} is not installed`, { cause })
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return (address as { port: number }).port
}

async function untilListening(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isOpen) return
    await delay(20)
  }
}
