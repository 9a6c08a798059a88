import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { assertUnnoticed, type ClientsReport, startClients } from './paced-clients.ts'
import type { ServingGateway } from './serving-gateway.ts'
import { type Program, startNodeProgram, startProgram } from './waygate.ts'

export interface RollingRestartOptions {
  readonly gateway: ServingGateway
  /** What registers the nodes: the sidecar, for a program that does not know Waygate, or the Fastify plugin. */
  readonly registeredBy: 'sidecar' | 'plugin'
  readonly perSecond: number
  /** Number of rounds. Each restarts every node; the last one uses new ids and ports. */
  readonly rounds: number
  /** Number of answers between two restarts. */
  readonly between: number
}

interface Member {
  readonly id: string
  readonly port: number
  readonly program: Program
}

const SERVICE = 'rolled'
const PLAIN = join(import.meta.dirname, 'service-process.ts')
const PLUGIN = join(import.meta.dirname, 'plugin-service-process.ts')
/** Time for two programs to start, even on a busy machine. */
const UP_WITHIN_MS = 60_000
/** A program without a handler is ended by SIGTERM; the plugin closes the server, so its program exits by itself. */
const EXIT_CODES = { sidecar: 143, plugin: 0 }

/**
 * Restarts the three nodes of a service one by one, with just SIGTERM and a new start, while clients use it. Checks
 * that no request fails and that every POST was received once, by one node.
 */
export async function restartUnderLoad(options: RollingRestartOptions): Promise<ClientsReport> {
  const { gateway, registeredBy, perSecond, rounds, between } = options
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'waygate-rolled-'))
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  let files = 0

  async function start(id: string, port: number): Promise<Member> {
    const posted = join(folder, `posted-${files++}`)
    const env = { PORT: String(port) }
    const { etcd } = gateway
    const program =
      registeredBy === 'plugin'
        ? await startNodeProgram({ file: PLUGIN, args: [SERVICE, id, etcd, posted], env, detached: true })
        : await startProgram({
            args: ['register', '--name', SERVICE, '--id', id, '--address', `127.0.0.1:${port}`].concat([
              '--etcd',
              etcd,
              '--',
              process.execPath,
              PLAIN,
              id,
              posted,
            ]),
            env,
            detached: true,
          })
    stack.defer(() => stopGroup(program))
    return { id, port, program }
  }

  const members: Member[] = []
  for (const id of ['a', 'b', 'c']) members.push(await start(id, await freePort()))
  const untilAll = () =>
    gateway.untilNodes(
      SERVICE,
      members.map(({ id }) => id),
      UP_WITHIN_MS,
    )
  await untilAll()

  const load = { ports: [gateway.port], path: `/${SERVICE}/?delayMs=20`, perSecond, fresh: 0.3 }
  const clients = stack.use(startClients(load))
  await clients.more(between)
  for (let round = 1; round <= rounds; round++) {
    for (const [index, { id, port, program }] of members.entries()) {
      program.child.kill('SIGTERM')
      const exit = await program.exited
      assert.deepEqual(exit, { code: EXIT_CODES[registeredBy], signal: null }, program.stderr())
      await program.stop()
      const isLast = round === rounds
      members[index] = isLast ? await start(`${id}-new`, await freePort()) : await start(id, port)
      await untilAll()
      await clients.more(between)
    }
  }

  const report = await clients.finish()
  const texts = await Promise.all((await readdir(folder)).map(name => readFile(join(folder, name), 'utf8')))
  assert.equal(texts.length, 3 + 3 * rounds, 'each had its share')
  assertUnnoticed(
    report,
    texts.flatMap(text => text.split('\n').slice(0, -1)),
  )
  return report
}

/** Kills the process group: a killed sidecar leaves its program behind, which keeps its output open. */
async function stopGroup({ pid, hasExited, stop }: Program): Promise<void> {
  if (!hasExited()) process.kill(-pid, 'SIGKILL')
  await stop()
}

/** Formats the report as one line. */
export function describeRestart({ gets, posts, perSecond }: ClientsReport): string {
  return `${gets} GETs and ${posts} POSTs at ${Math.round(perSecond)}/s, 0 failed`
}
