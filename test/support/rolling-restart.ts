import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { assertUnnoticed, type ClientsReport, startClients } from './paced-clients.ts'
import { type Program, type RunningGateway, startNodeProgram, startProgram } from './waygate.ts'

export interface RollingRestartOptions {
  readonly gateway: RunningGateway
  /** Who registers the nodes: the sidecar, for a program that knows nothing of it, or the Fastify plugin. */
  readonly registeredBy: 'sidecar' | 'plugin'
  readonly perSecond: number
  /** Each restarts every node; the last one with new ids and ports. */
  readonly rounds: number
  /** Answers between two restarts. */
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
/** Two programs must have started by then, on however busy a machine. */
const UP_WITHIN_MS = 60_000
/** A program without a word on SIGTERM ends by it; the plugin closes the server, and the program ends by itself. */
const EXIT_CODES = { sidecar: 143, plugin: 0 }

/**
 * Restarts the three nodes of a service, one after the other, by nothing but SIGTERM and a new start, while clients
 * use it, and checks that no request fails and that every POST was seen once, by one node.
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

/** A sidecar that is killed leaves its program, which holds its output. */
async function stopGroup({ pid, hasExited, stop }: Program): Promise<void> {
  if (!hasExited()) process.kill(-pid, 'SIGKILL')
  await stop()
}

/** The report in one line. */
export function describeRestart({ gets, posts, perSecond }: ClientsReport): string {
  return `${gets} GETs and ${posts} POSTs at ${Math.round(perSecond)}/s, 0 failed`
}
