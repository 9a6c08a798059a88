import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freeze } from './processes.ts'

export type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A node in this process. The caller calls `close()`, or uses `await using`. */
export interface Service extends AsyncDisposable {
  readonly name: string
  readonly port: number
  readonly server: Server
  /** Number of requests received. */
  readonly count: number
  /** Number of connections accepted. */
  readonly connections: number
  /** Handles requests; may be replaced at any time. */
  handler: Handler
  /** Closes the server and its connections, so that the port refuses connections. Safe to call twice. */
  close(): Promise<void>
}

/** Creates a handler that answers with `name`. */
export function answerName(name: string): Handler {
  return (request, response) => {
    request.resume()
    response.setHeader('content-type', 'text/plain')
    response.end(name)
  }
}

export async function startService(name: string, handler: Handler = answerName(name)): Promise<Service> {
  let count = 0
  let connections = 0
  const service = { handler }
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    count++
    service.handler(request, response)
  })
  server.on('connection', socket => {
    connections++
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= new Promise(resolve => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
    return closed
  }
  return {
    name,
    port,
    server,
    get count() {
      return count
    },
    get connections() {
      return connections
    },
    get handler() {
      return service.handler
    },
    set handler(next) {
      service.handler = next
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** A node in a separate process, which can be killed and stopped. */
export interface ServiceProcess extends AsyncDisposable {
  readonly child: ChildProcess
  readonly pid: number
  readonly port: number
  /** Returns the bodies of POST requests in the order of arrival, even after the process has ended. */
  posted(): Promise<readonly string[]>
  /** Sends a signal; for one that ends the process, resolves when it has exited. */
  kill(signal: NodeJS.Signals): Promise<void>
}

const SERVICE_PROGRAM = join(import.meta.dirname, 'service-process.ts')

export interface ServiceProcessOptions {
  /** A command that runs the program that follows it. Default: none. */
  readonly runner?: readonly string[]
  /** The address that it listens on. */
  readonly host?: string
}

export async function startServiceProcess(
  name: string,
  { runner = [], host = '127.0.0.1' }: ServiceProcessOptions = {},
): Promise<ServiceProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'waygate-node-'))
  const postedFile = join(folder, 'posted')
  const command = [...runner, process.execPath, ...process.execArgv, SERVICE_PROGRAM, name, postedFile, host]
  const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const killAtExit = () => void child.kill('SIGKILL')
  process.once('exit', killAtExit)
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', message => resolve((message as { port: number }).port))
    child.once('exit', code => reject(new Error(`the node ended with ${code} before it listened`)))
  })
  const kill = async (signal: NodeJS.Signals) => {
    if (signal === 'SIGSTOP') return freeze(child.pid!)
    child.kill(signal)
    if (signal !== 'SIGCONT') await exited
  }
  return {
    child,
    pid: child.pid!,
    port,
    async posted() {
      const text = await readFile(postedFile, 'utf8').catch(() => '')
      return text.split('\n').filter(line => line !== '')
    },
    kill,
    async [Symbol.asyncDispose]() {
      process.off('exit', killAtExit)
      if (child.exitCode === null && child.signalCode === null) await kill('SIGKILL')
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
