import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startEmbeddedEtcd } from '../discovery/embedded-etcd/server.ts'
import { createEtcdClient } from '../discovery/etcd/client.ts'
import type { Announcement } from './contenders/announce.ts'
import { MEASURED_CORE, OTHER_CORE } from './cores.ts'
import { echoDescriptors } from './http2/echo-service.ts'
import { type Started, type StartOptions, start } from './process.ts'

/** A running contender. */
export interface Running {
  readonly process: Started
  /** The URL that the path of a load is appended to. */
  readonly base: string
  readonly version?: string
  /** The URL of the admin listener, of a contender that has one. */
  readonly admin?: string
  /** The file of the certificates that a client trusts, when `base` is https. */
  readonly ca?: string
}

export interface RunningWaygate extends Running {
  /** Like `base`, of the port for TLS; undefined when the configuration has none. */
  readonly tlsBase: string | undefined
}

export interface WaygateOptions {
  /** Nodes of the service `echo`, by weight. Default: three, 5:1:1. */
  readonly weights?: readonly number[]
  /** Whether the nodes speak gRPC. Their descriptors are in etcd. */
  readonly isGrpc?: boolean
  /** Whether there is a service `hung`, whose node takes connections and never reads. Default: false. */
  readonly hasHung?: boolean
  /** Merged into the configuration; the access log is off unless this turns it on. */
  readonly config?: object
  /** Options of Node, before the program. */
  readonly nodeOptions?: readonly string[]
  readonly ipc?: boolean
  /** The folder of the sources to run. Default: this checkout. */
  readonly checkout?: string
}

/** The nodes of a benchmark and an etcd, on loopback, and the programs that are started in front of them. */
export interface Scene {
  /** A folder for the files of one run. */
  readonly folder: string
  /** The URL of a node, for contenders that do not use etcd. */
  readonly nodeUrl: string
  /** The URL of a gRPC node. */
  readonly grpcNodeUrl: string
  /** Starts Waygate. Resolves when it is ready. */
  startWaygate(options?: WaygateOptions): Promise<RunningWaygate>
  /**
   * Starts a program of `contenders/` in front of one node, a gRPC node if `mode` is `grpc`.
   *
   * @param mode is given to the program: its second argument, which others follow
   */
  startContender(file: string, mode?: string, ...more: readonly string[]): Promise<Running>
  /** Starts a Node program on the measured core. */
  startProgram(command: readonly string[], options?: StartOptions): Promise<Started>
  /** Ends everything it started. */
  close(): Promise<void>
}

/** What Waygate logs once it listens. */
interface Listening {
  readonly public: string
  readonly admin: string
  readonly tls?: string
}

const root = join(import.meta.dirname, '..')
const READY_TIMEOUT_MS = 30_000

/** Starts the nodes, which are ports of one process, and the etcd. The caller calls `close()`. */
export async function openScene(nodes = 3): Promise<Scene> {
  const closers: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    const folder = await mkdtemp(join(tmpdir(), 'waygate-bench-'))
    closers.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
    const etcd = await startEmbeddedEtcd({ port: 0 })
    closers.push(() => etcd.close())
    const startNodes = async (file: string) => {
      const command = [process.execPath, join(import.meta.dirname, file), String(nodes)]
      const upstream = await start(OTHER_CORE, command)
      closers.push(upstream.stop)
      return upstream.line.split(' ').map(Number)
    }
    const ports = await startNodes('upstream.ts')
    const grpcPorts = await startNodes('http2/node.ts')
    let gateways = 0

    const startProgram = async (command: readonly string[], options?: StartOptions) => {
      const program = await start(MEASURED_CORE, [process.execPath, ...command], options)
      closers.push(program.stop)
      return program
    }

    const hungPort = async () => {
      const server = createServer(socket => void sockets.push(socket.pause())).listen(0, '127.0.0.1')
      const sockets: Socket[] = []
      await once(server, 'listening')
      closers.push(async () => {
        server.close()
        for (const socket of sockets) socket.destroy()
      })
      return (server.address() as AddressInfo).port
    }

    const startWaygate = async ({
      weights = [5, 1, 1],
      isGrpc = false,
      hasHung = false,
      config = {},
      nodeOptions = [],
      ipc = false,
      checkout = root,
    }: WaygateOptions = {}) => {
      // Each gateway has its own nodes, below its own prefix.
      const name = `gateway-${gateways++}`
      const [servicesPrefix, descriptorsPrefix] = [`/${name}/services/`, `/${name}/descriptors/`]
      const client = createEtcdClient({ endpoints: [etcd.url] })
      for (const [i, weight] of weights.entries()) {
        const address = { ip: '127.0.0.1', port: (isGrpc ? grpcPorts : ports)[i] }
        const node = { ...address, weight, ...(isGrpc && { protocol: 'grpc' }) }
        await client.put(`${servicesPrefix}echo/n${i}`).value(JSON.stringify(node))
      }
      if (hasHung) {
        const node = { ip: '127.0.0.1', port: await hungPort(), weight: 1 }
        await client.put(`${servicesPrefix}hung/n0`).value(JSON.stringify(node))
      }
      if (isGrpc) await client.put(`${descriptorsPrefix}echo`).value(echoDescriptors())
      client.close()
      const file = join(folder, `${name}.json`)
      const { discovery, ...rest } = config as { discovery?: object }
      await writeFile(
        file,
        JSON.stringify({
          ...{ host: '127.0.0.1', port: 0, adminPort: 0, accessLog: false },
          ...{ dataDir: join(folder, name), etcd: { endpoints: [etcd.url] } },
          discovery: { servicesPrefix, descriptorsPrefix, ...discovery },
          ...rest,
        }),
      )
      const program = await startProgram(
        [...nodeOptions, join(checkout, 'cmd/waygate.ts'), 'start', '--config', file],
        { ipc, accept: line => line.includes('"waygate is listening"') },
      )
      const { public: url, admin, tls } = JSON.parse(program.line) as Listening
      await untilReady(`${admin}/readyz`)
      const path = isGrpc ? '' : '/echo'
      return { process: program, base: url + path, admin, tlsBase: tls && tls + path }
    }

    const startContender = async (file: string, mode?: string, ...more: readonly string[]) => {
      const [port] = mode === 'grpc' ? grpcPorts : ports
      const program = await startProgram([
        join(import.meta.dirname, 'contenders', file),
        String(port),
        ...(mode === undefined ? [] : [mode, ...more]),
      ])
      const announced: Announcement = JSON.parse(program.line)
      return { process: program, base: `http://127.0.0.1:${announced.port}`, version: announced.version }
    }

    const [nodeUrl, grpcNodeUrl] = [ports, grpcPorts].map(([port]) => `http://127.0.0.1:${port}`)
    return {
      ...{ folder, nodeUrl: nodeUrl!, grpcNodeUrl: grpcNodeUrl! },
      ...{ startWaygate, startContender, startProgram, close },
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function untilReady(url: string): Promise<void> {
  const signal = AbortSignal.timeout(READY_TIMEOUT_MS)
  while (!(await fetch(url, { signal })).ok) await delay(20, undefined, { signal })
}
