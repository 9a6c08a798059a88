import { type ChildProcess, spawn } from 'node:child_process'
import { request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

export interface EtcdProcessOptions {
  readonly port: number
  readonly peerPort: number
  readonly dataDir: string
  /** Its name within its cluster. */
  readonly name: string
  /** All members as `name=peer URL`, separated by commas. */
  readonly initialCluster: string
  /** Where its peers reach it; default: at `peerPort`. */
  readonly advertisedPeerPort?: number
  /** Put last, so that they win over the ones given here. */
  readonly args: readonly string[]
}

/** One etcd process. Whoever spawned it calls `end()`. */
export interface EtcdProcess {
  readonly child: ChildProcess
  ended(): boolean
  /** Resolves when it has ended. */
  end(signal: NodeJS.Signals): Promise<void>
  /** Resolves when it says that it is healthy; ends it and throws with its last words when it is not in time. */
  untilHealthy(withinMs: number): Promise<void>
}

export function spawnEtcd(options: EtcdProcessOptions): EtcdProcess {
  const { port, peerPort, dataDir, name, initialCluster, advertisedPeerPort = peerPort, args } = options
  const client = `http://127.0.0.1:${port}`
  const child = spawn(
    'etcd',
    [
      ...['--name', name, '--data-dir', dataDir],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', `http://127.0.0.1:${peerPort}`],
      ...['--initial-advertise-peer-urls', `http://127.0.0.1:${advertisedPeerPort}`],
      ...['--initial-cluster', initialCluster],
      ...['--logger', 'zap', '--log-outputs', 'stderr', '--log-level', 'error'],
      ...args,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let lastWords = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-4_000)
  })
  const gone = new Promise<void>(resolve => {
    child.once('exit', () => resolve())
    child.once('error', error => {
      lastWords += error.message
      resolve()
    })
  })
  const ended = () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined
  const end = async (signal: NodeJS.Signals) => {
    if (!ended()) {
      child.kill(signal)
      // A stopped process takes no SIGTERM until it goes on.
      child.kill('SIGCONT')
    }
    await gone
  }
  return {
    child,
    ended,
    end,
    async untilHealthy(withinMs) {
      const deadline = Date.now() + withinMs
      while (!(await isHealthy(port))) {
        if (ended() || Date.now() > deadline) {
          await end('SIGKILL')
          throw new Error(
            `etcd on ${client} did not become healthy: ${lastWords.trim() || 'it said nothing'}`,
          )
        }
        await delay(20)
      }
    },
  }
}

/** Whether two programs wanted one port: between the look for a free one and etcd's bind, another took it. */
export function isPortTaken(error: unknown): boolean {
  return error instanceof Error && error.message.includes('address already in use')
}

/** Whether the etcd at a port says that it, and its cluster, can be used. */
function isHealthy(port: number): Promise<boolean> {
  return new Promise(resolve => {
    request({ host: '127.0.0.1', port, path: '/health', agent: false, timeout: 2_000 }, response => {
      response.setEncoding('utf8')
      let body = ''
      response.on('data', (text: string) => {
        body += text
      })
      response.on('error', () => resolve(false))
      response.on('end', () => resolve(body.includes('"true"')))
    })
      .on('timeout', function (this: { destroy(): void }) {
        this.destroy()
      })
      .on('error', () => resolve(false))
      .end()
  })
}
