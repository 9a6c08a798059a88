import { type ChildProcess, spawn } from 'node:child_process'
import { request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

export interface EtcdProcessOptions {
  readonly port: number
  readonly peerPort: number
  readonly dataDir: string
  /** Name of the member within its cluster. */
  readonly name: string
  /** All members as `name=peer URL`, separated by commas. */
  readonly initialCluster: string
  /** The port at which its peers reach it. Default: `peerPort`. */
  readonly advertisedPeerPort?: number
  /** Appended last, so that they override the others. */
  readonly args: readonly string[]
}

/** One etcd process. The caller calls `end()`. */
export interface EtcdProcess {
  readonly child: ChildProcess
  ended(): boolean
  /** Sends the signal; resolves when the process has exited. */
  end(signal: NodeJS.Signals): Promise<void>
  /** Resolves when it reports healthy. Otherwise ends it when time is up, and throws with its last output. */
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
      // A stopped process handles SIGTERM only once it continues.
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

/** Reports whether another program has taken the port between the search for a free one and etcd's bind. */
export function isPortTaken(error: unknown): boolean {
  return error instanceof Error && error.message.includes('address already in use')
}

/** Reports whether the etcd at a port, with its cluster, is healthy. */
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
