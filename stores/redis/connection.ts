import { createHash } from 'node:crypto'
import { createClient, createCluster, DisconnectsClientError, type RedisClientOptions } from '@redis/client'
import { StoreUnavailable } from '../../internal/limits/counters.ts'
import type { StoreOptions } from './store-options.ts'
import { TAKE_SCRIPT } from './take-script.ts'

const SHA = createHash('sha1').update(TAKE_SCRIPT).digest('hex')
const SLOTS = 16_384
/** After which a socket that does not connect is given up, if nobody has done so before. */
const CONNECT_TIMEOUT_MS = 5_000

/** An open connection to the store, or those to all nodes of a cluster. It is closed, and another opened, rather than mended. */
export interface StoreConnection {
  /**
   * Runs the script, and loads it if the store has lost it. Rejects with what the store or the connection says, and with
   * {@link StoreUnavailable} when it is closed meanwhile.
   */
  run(keys: readonly string[], args: readonly string[]): Promise<unknown>
  /** Names the node that keeps a key; the same for all keys unless it is a cluster. */
  nodeOf(key: string): string
  /** Ends it at once. Calls that are under way are rejected. Safe to call twice. */
  close(): void
}

/**
 * Opens a connection, and resolves when the store has accepted user and password. Rejects when that fails, or when `signal`
 * aborts.
 *
 * The client does neither reconnect nor bound the time of calls: it keeps waiting for the answers to commands that were
 * written while a store hangs, and waits for the kernel to notice that a host is gone. {@link StoreLink} does both.
 *
 * @param onLost called once when an open connection ends by itself
 */
export async function openConnection(
  options: StoreOptions,
  signal: AbortSignal,
  onLost: (error: Error) => void,
): Promise<StoreConnection> {
  const client = options.isCluster ? clusterOf(options) : singleOf(options)
  let isClosed = false
  let isOpen = false
  let lastError: Error | undefined
  const close = () => {
    isClosed = true
    client.destroy()
  }
  client.onError(error => {
    lastError ??= error
    if (isClosed || !isOpen) return
    close()
    onLost(error)
  })
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  const connected = client.connect()
  // The client forgets a socket that was connecting when it was destroyed, and takes it up again once it is connected.
  connected.then(
    () => isClosed && client.destroy(),
    () => {},
  )
  try {
    await Promise.race([connected, aborted])
  } catch (error) {
    close()
    // A cluster says only that no node can be reached. The reason is what the node said.
    throw lastError ?? error
  }
  isOpen = true
  // In a cluster, a node that was tried first may have failed.
  lastError = undefined
  return {
    async run(keys, args) {
      const rest = [String(keys.length), ...keys, ...args]
      try {
        return await client.send(keys[0]!, ['EVALSHA', SHA, ...rest]).catch(error => {
          if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
          return client.send(keys[0]!, ['EVAL', TAKE_SCRIPT, ...rest])
        })
      } catch (error) {
        // We have closed it, as too slow, and a slow store still reads what it was sent.
        if (lastError === undefined && error instanceof DisconnectsClientError) {
          throw new StoreUnavailable('the limit store is away', { cause: error, mayHaveCounted: true })
        }
        throw lastError ?? error
      }
    },
    nodeOf: client.nodeOf,
    close,
  }
}

/** What is used of both kinds of clients. */
interface Client {
  connect(): Promise<unknown>
  send(key: string, command: string[]): Promise<unknown>
  nodeOf(key: string): string
  onError(listener: (error: Error) => void): void
  destroy(): void
}

function singleOf(options: StoreOptions): Client {
  const url = new URL(options.urls[0]!)
  const database = Number(url.pathname.slice(1)) || 0
  const client = createClient({ RESP: 2, ...settingsOf(options, url), database })
  return {
    connect: () => client.connect(),
    send: (_, command) => client.sendCommand(command),
    nodeOf: () => '',
    onError: listener => client.on('error', listener),
    destroy: () => client.destroy(),
  }
}

function clusterOf(options: StoreOptions): Client {
  const urls = options.urls.map(url => new URL(url))
  const defaults = settingsOf(options, urls[0]!)
  const { host: _, port: __, ...socket } = defaults.socket
  const cluster = createCluster({
    RESP: 2,
    rootNodes: urls.map(url => ({ socket: { host: hostOf(url), port: portOf(url) } })),
    defaults: { ...defaults, socket },
    maxCommandRedirections: 3,
  })
  return {
    connect: () => cluster.connect(),
    send: (key, command) => cluster.sendCommand(key, false, command),
    nodeOf: key => cluster.slots[slotOf(key)]?.master.address ?? '',
    onError: listener => cluster.on('error', listener).on('node-error', listener),
    destroy: () => cluster.destroy(),
  }
}

/**
 * RESP 2 without a name and without CLIENT SETINFO, so that the only commands besides the script's are AUTH and SELECT: a
 * user of the store needs few rights, and proxies in front of stores know them.
 */
function settingsOf({ username, password, tls }: StoreOptions, url: URL) {
  const isTls = url.protocol === 'rediss:'
  const user = username ?? decodeURIComponent(url.username)
  const word = password ?? decodeURIComponent(url.password)
  return {
    ...(user && { username: user }),
    ...(word && { password: word }),
    socket: {
      host: hostOf(url),
      port: portOf(url),
      reconnectStrategy: false,
      connectTimeout: CONNECT_TIMEOUT_MS,
      ...(isTls && { tls: true, ...defined(tls ?? {}) }),
    },
    commandOptions: { timeout: 0 },
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: 'disabled',
  } as const satisfies RedisClientOptions
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}

function portOf({ port }: URL): number {
  return Number(port || 6379)
}

function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never
}

/** Returns the slot of a key by its hash tag: CRC16 (XMODEM), as the Redis Cluster specification has it. */
function slotOf(key: string): number {
  const tag = /\{([^}]+)\}/.exec(key)?.[1] ?? key
  let crc = 0
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  }
  return (crc & 0xffff) % SLOTS
}
