import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { prepareStart, type ServingOptions } from './serving-gateway.ts'
import { type Program, startProgram } from './waygate.ts'

/** A service manager that keeps the listening sockets of a gateway, and starts it again whenever it has ended. */
export interface SocketHolder extends AsyncDisposable {
  /** The port of each socket, by its name. */
  readonly ports: Readonly<Record<string, number>>
  /** The working folder of the gateway. */
  readonly cwd: string
  /** The shell that starts the gateway. Its output is that of all of its gateways. */
  readonly program: Program
  /** Returns the pid of the gateway that listened last. */
  pid(): number
  /** Ends the gateway with a signal, and resolves when the next one listens. */
  restart(signal?: NodeJS.Signals): Promise<void>
}

/** Starts the program again and again, as systemd does with Restart=always. LISTEN_PID is known only after the fork. */
const KEEP_RUNNING = `while :; do sh -c 'export LISTEN_PID=$$; exec "$@"' sh "$@"; echo "ended with $?"; done`

export interface HeldSocketsOptions extends ServingOptions {
  /** The names of the sockets, in their order. */
  readonly names: readonly string[]
  /** The address of the sockets, or the path of one that is not of TCP. Default 127.0.0.1 */
  readonly host?: string
  /** Do not wait until a gateway listens. */
  readonly fails?: boolean
}

/**
 * Opens sockets on loopback, and starts `waygate start` with them, by the protocol of systemd. The shell that starts the
 * gateway has a copy of each socket, and accepts nothing from it.
 */
export async function startWithSockets(options: HeldSocketsOptions): Promise<SocketHolder> {
  const { names, env, host = '127.0.0.1' } = options
  const servers = await Promise.all(names.map(() => listen(host)))
  const ports = Object.fromEntries(names.map((name, index) => [name, portOf(servers[index]!)]))
  const { cwd, args } = await prepareStart(options)
  const program = await startProgram({
    ...{ args, cwd },
    runner: ['sh', '-c', KEEP_RUNNING, 'sh'],
    detached: true,
    descriptors: servers.map(descriptorOf),
    env: { LISTEN_FDS: String(names.length), LISTEN_FDNAMES: names.join(':'), ...env },
  })
  // From now on only the shell has them: this process would accept their connections.
  for (const server of servers) server.close()
  const listening = () => program.log().filter(line => line.msg === 'waygate is listening')
  const untilNext = async (before: number) => {
    await program.logged(line => line.msg === 'waygate is listening' && listening().length > before)
  }
  const holder: SocketHolder = {
    ...{ ports, program, cwd },
    pid: () => Number(listening().at(-1)!.pid),
    async restart(signal = 'SIGTERM') {
      const before = listening().length
      process.kill(holder.pid(), signal)
      await untilNext(before)
    },
    async [Symbol.asyncDispose]() {
      if (!program.hasExited()) process.kill(-program.pid, 'SIGKILL')
      await program.stop()
      if (options.cwd === undefined) await rm(cwd, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  if (!options.fails) await untilNext(0)
  return holder
}

async function listen(host: string): Promise<Server> {
  const server = createServer()
  if (host.startsWith('/')) server.listen(host)
  else server.listen(0, host)
  await once(server, 'listening')
  return server
}

function portOf(server: Server): number {
  return (server.address() as { port: number }).port
}

function descriptorOf(server: Server): number {
  return (server as Server & { _handle: { fd: number } })._handle.fd
}
