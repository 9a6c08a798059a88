import { randomBytes } from 'node:crypto'
import { type AddressInfo, createServer, isIPv4, isIPv6, type Server, type Socket } from 'node:net'
import * as grpc from '@grpc/grpc-js'
import { type Logger, silentLogger } from '../logger.ts'
import type { Durable, StoreIds } from './durable.ts'
import { ETCD_SERVICES, loadEtcdServices } from './grpc.ts'
import { AT_ONCE } from './journal.ts'
import type { JsonGateway } from './json-gateway.ts'
import { createKvService } from './kv-service.ts'
import { createLeaseService } from './lease-service.ts'
import { LeaseTable } from './lease-table.ts'
import { createAuthService, createClusterService, createMaintenanceService } from './member-services.ts'
import { readPreface } from './preface.ts'
import { Store } from './store.ts'
import { createWatchService } from './watch-service.ts'
import { type HeaderFactory, RAFT_TERM, toLong } from './wire.ts'

/** How long `close()` waits for calls in flight, and then for clients to read what was sent to them. */
const CLOSE_GRACE_MS = 500

export interface EmbeddedEtcdOptions {
  /** A loopback address: 127.x.x.x, ::1 or localhost (which means 127.0.0.1). Default 127.0.0.1. */
  readonly host?: string
  /** 0 means any free port. */
  readonly port: number
  /** A history of more events than this is compacted to half of it. Default 20,000. */
  readonly historyEvents?: number
  /** A history that takes more memory than this is compacted to half of it. Default 64 MiB. */
  readonly historyBytes?: number
  /** Puts are refused when all that is kept would take more memory. Default 2 GiB, as in etcd. */
  readonly quotaBytes?: number
  /** Shorter TTLs are raised to it. Default 1, the least that etcd can be configured for. */
  readonly minLeaseTtlSeconds?: number
  /**
   * How often a quiet watch that asked for progress notifications gets one. Default 10 minutes, as in etcd.
   */
  readonly progressIntervalMs?: number
  /** Larger writes are refused. Default 1.5 MiB, as in etcd. */
  readonly maxRequestBytes?: number
  /** Milliseconds on a monotonic clock, for leases. */
  readonly now?: () => number
  /** Milliseconds since 1970, for leases that outlive the process. */
  readonly wallNow?: () => number
  /** The folder in which everything is kept. Default: nothing is kept. */
  readonly dataFolder?: string | undefined
  /** The file in that folder is written anew when it has doubled and has grown by this. Default 4 MiB. */
  readonly growthBytes?: number
  /** It is told when changes can no longer be kept, when they can again, and when calls in JSON cannot be answered. */
  readonly logger?: Logger
}

/** A running embedded etcd. Call `close()` when done. */
export interface EmbeddedEtcd extends AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number }
  /** The URL for `--etcd`, `etcdctl --endpoints` and clients. */
  readonly url: string
  /** The revision with which it started. */
  readonly revision: bigint
  /** The size with which its data on disk started; 0 without a data folder. */
  readonly diskBytes: number
  /** Ends all streams and connections. Without a data folder, all data is gone. Safe to call twice. */
  close(): Promise<void>
}

/**
 * Starts an etcd v3 server inside this process, so that nothing needs to be installed for a first run, for
 * development, or on a single machine. It speaks gRPC, and JSON with clients of HTTP/1.1. With a data folder, it goes
 * on after a restart where it was. Without one, it starts empty with a new cluster id. It serves only this machine. It
 * is not a cluster and has no users. For more than one machine, run a real etcd.
 *
 * @throws Error when the host is not a loopback address, when it cannot listen on the address (the message
 * names the address, and `cause` is the system's error), or when its data folder cannot be used
 */
export async function startEmbeddedEtcd(options: EmbeddedEtcdOptions): Promise<EmbeddedEtcd> {
  const { logger = silentLogger } = options
  const host = checkLoopback(options.host ?? '127.0.0.1')
  const now = options.now ?? (() => performance.now())
  const store = new Store({
    historyEvents: options.historyEvents ?? 20_000,
    historyBytes: options.historyBytes ?? 64 << 20,
    quotaBytes: options.quotaBytes ?? 2 * 2 ** 30,
  })
  const leases = new LeaseTable({
    now,
    wallNow: options.wallNow ?? Date.now,
    randomId: () => randomId() >> 1n,
    minTtlSeconds: BigInt(options.minLeaseTtlSeconds ?? 1),
  })
  store.listen(leases)
  const ids = { clusterId: randomId(), memberId: randomId() }
  const durable = await open(options, { store, leases }, ids)
  const { clusterId, memberId } = durable?.ids ?? ids
  const turns = durable?.turns ?? AT_ONCE
  const header = createHeader(clusterId, memberId)

  const server = new grpc.Server({
    // Above the limit for writes, so that a large write is answered with etcd's own error.
    'grpc.max_receive_message_length': 8 << 20,
    'grpc.max_send_message_length': -1,
  })
  const listener = createServer()
  const { port } = await listen(listener, host, options.port).catch(async error => {
    await durable?.close()
    throw error
  })
  const url = `http://${isIPv6(host) ? `[${host}]` : host}:${port}`

  const lease = createLeaseService({ store, leases, now, header, turns })
  const member = { store, memberId, header, turns, url, durable }
  const { progressIntervalMs = 10 * 60_000, maxRequestBytes = 1.5 * (1 << 20) } = options
  const watch = createWatchService({ store, header, turns, progressIntervalMs })
  const services = loadEtcdServices()
  const handlers = {
    KV: createKvService({ store, leases, header, turns, maxRequestBytes }),
    Watch: watch.handlers,
    Lease: lease.handlers,
    Cluster: createClusterService(member),
    Maintenance: createMaintenanceService(member),
    Auth: createAuthService(services.Auth),
  }
  for (const name of ETCD_SERVICES) server.addService(services[name], handlers[name])
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure())
  const sockets = new Set<Socket>()
  /** Those that are not of gRPC, or not yet known to be. */
  const others = new Set<Socket>()
  let jsonGateway: Promise<JsonGateway> | undefined
  const loadJsonGateway = async () =>
    (await import('./json-gateway.ts')).createJsonGateway({ services, handlers })
  listener.on('connection', socket => {
    sockets.add(socket)
    others.add(socket)
    socket.once('close', () => {
      sockets.delete(socket)
      others.delete(socket)
    })
    readPreface(socket, async protocol => {
      if (protocol === 'http2') {
        others.delete(socket)
        injector.injectConnection(socket)
      } else {
        jsonGateway ??= loadJsonGateway()
        try {
          const { accept } = await jsonGateway
          if (!socket.destroyed) accept(socket)
        } catch (error) {
          // An update may have replaced the files of the program while it runs.
          jsonGateway = undefined
          logger.error({ err: error }, 'embedded etcd cannot answer calls in JSON')
          socket.destroy()
        }
      }
    })
  })

  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= (async () => {
      const released = new Promise<void>(resolve => listener.close(() => resolve()))
      watch.close()
      lease.close()
      await shutDown(server)
      injector.destroy()
      for (const socket of others) socket.destroySoon()
      const force = setTimeout(() => {
        for (const socket of sockets) socket.destroy()
      }, CLOSE_GRACE_MS)
      await released
      clearTimeout(force)
      await durable?.close()
    })()
    return closed
  }
  return {
    address: { host, port },
    url,
    revision: store.revision,
    diskBytes: durable?.bytes() ?? 0,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Opens the data folder, if there is one. What it needs is only loaded then. */
async function open(
  { dataFolder: folder, growthBytes = 4 << 20, logger = silentLogger }: EmbeddedEtcdOptions,
  kept: { readonly store: Store; readonly leases: LeaseTable },
  ids: StoreIds,
): Promise<Durable | undefined> {
  if (folder === undefined) return undefined
  const { openDurable } = await import('./durable.ts')
  return openDurable({ folder, ...kept, ids, growthBytes, logger })
}

function checkLoopback(host: string): string {
  if (host === 'localhost') return '127.0.0.1'
  if ((isIPv4(host) && host.startsWith('127.')) || host === '::1') return host
  throw new Error(
    `the embedded etcd has no users and serves only this machine; use a loopback address such as 127.0.0.1 instead of ${host}`,
  )
}

const IN_USE =
  'the address is already in use; if another gateway runs here, name its etcd with --etcd, or choose another address with --embedded-etcd'

/**
 * Listens with our own server, because the gRPC server reports a busy port on the console and without its
 * code.
 */
function listen(listener: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    listener.once('error', (cause: NodeJS.ErrnoException) => {
      const reason = cause.code === 'EADDRINUSE' ? IN_USE : cause.message
      reject(new Error(`the embedded etcd cannot listen on ${host}:${port}: ${reason}`, { cause }))
    })
    listener.listen({ host, port }, () => resolve(listener.address() as AddressInfo))
  })
}

function shutDown(server: grpc.Server): Promise<void> {
  return new Promise(resolve => {
    const force = setTimeout(() => {
      server.forceShutdown()
      resolve()
    }, CLOSE_GRACE_MS)
    server.tryShutdown(() => {
      clearTimeout(force)
      resolve()
    })
  })
}

/**
 * Returns an id that is odd even after a shift by one bit. It is therefore never 0, which means "none" in
 * etcd.
 */
function randomId(): bigint {
  return randomBytes(8).readBigUInt64BE() | 3n
}

function createHeader(clusterId: bigint, memberId: bigint): HeaderFactory {
  const identity = {
    cluster_id: toLong(clusterId),
    member_id: toLong(memberId),
    raft_term: toLong(RAFT_TERM),
  }
  return revision => ({ ...identity, revision: toLong(revision) })
}
