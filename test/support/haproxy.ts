import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { freePort } from './free-port.ts'
import { until } from './until.ts'

/**
 * Starts a real HAProxy, which passes TCP connections on to a port of 127.0.0.1. Ended after the test.
 *
 * @param servers the options of its server, such as `send-proxy`, by the name that the result has its port under
 * @returns the port of each server
 */
export async function startHaproxy<Name extends string>(
  t: TestContext,
  target: number,
  servers: Readonly<Record<Name, string>>,
): Promise<Readonly<Record<Name, number>>> {
  const ports: Record<string, number> = {}
  const lines = [
    'defaults',
    ' mode tcp',
    ' timeout connect 30s',
    ' timeout client 60s',
    ' timeout server 60s',
  ]
  for (const [name, options] of Object.entries<string>(servers)) {
    const port = await freePort()
    ports[name] = port
    lines.push(`listen ${name}`, ` bind 127.0.0.1:${port}`, ` server gateway 127.0.0.1:${target} ${options}`)
  }
  const folder = await mkdtemp(join(tmpdir(), 'waygate-haproxy-'))
  const file = join(folder, 'haproxy.cfg')
  await writeFile(file, `${lines.join('\n')}\n`)
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let words = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    words += text
  })
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await rm(folder, { recursive: true, force: true })
  })
  for (const port of Object.values(ports)) {
    await until('HAProxy listens', async () => {
      if (child.exitCode !== null) throw new Error(words)
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'connect').finally(() => socket.destroy())
      return true
    })
  }
  return ports as Record<Name, number>
}
