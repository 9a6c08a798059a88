import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makeOwnFolder } from './own-folder.ts'
import { until } from './until.ts'
import { type Program, SOURCE_PROGRAM, startProgram } from './waygate.ts'

/** A running `waygate demo`. */
export interface Demo extends AsyncDisposable {
  readonly program: Program
  /** Its folder for temporary files. */
  readonly temp: string
  /** The introduction that it printed, from the first line to the last. */
  readonly introduction: string
}

export const FREE_PORTS: readonly string[] = [
  '--port',
  '0',
  '--admin-port',
  '0',
  '--embedded-etcd',
  '127.0.0.1:0',
]

/**
 * Starts `waygate demo`, and resolves when it has printed everything.
 *
 * @param from `sources`: it prints what is for a checkout; `program`: the program that `startProgram` starts, whose processes
 *   take half as long to start; or a file
 */
export async function startDemo(
  args: readonly string[],
  from: 'sources' | 'program' | { readonly file: string } = 'sources',
  env: Readonly<Record<string, string>> = {},
): Promise<Demo> {
  const folder = makeOwnFolder('demo-test')
  const temp = join(folder, 'temp')
  await mkdir(temp)
  const started = { args: ['demo', ...args], env: { TMPDIR: temp, ...env } }
  const file = from === 'sources' ? { file: SOURCE_PROGRAM } : from === 'program' ? {} : from
  const program = await startProgram({ ...started, ...file })
  const dispose = async () => {
    // SIGINT first, so that the demo can end its services.
    if (!program.hasExited()) program.child.kill('SIGINT')
    await Promise.race([program.exited, new Promise(resolve => setTimeout(resolve, 10_000).unref())])
    await program.stop()
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    await until(
      'it has said everything',
      () => {
        if (program.hasExited()) return 'ended'
        return program.stdout().includes('Ctrl-C stops all of it.')
      },
      { withinMs: 60_000 },
    )
    assert.equal(program.hasExited(), false, program.stderr())
    return { program, temp, introduction: program.stdout(), [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}

/** Runs a script as if pasted into a shell, and resolves with its output. */
export function bash(script: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('bash', ['-e', '-o', 'pipefail', '-c', script], { timeout: 60_000 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}\n${stdout}\n${stderr}`))
      else resolve(stdout)
    })
  })
}
