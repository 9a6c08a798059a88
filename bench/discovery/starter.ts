import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { startEmbeddedEtcd } from '../../discovery/embedded-etcd/server.ts'
import type { ProbeAnswer } from './probe.ts'

const root = join(import.meta.dirname, '../..')

/** A gateway under {@link ProbeAnswer probe.ts}. */
export interface RunningGateway {
  readonly url: string
  readonly admin: string
  readonly child: ChildProcess
  ask(question: 'look' | 'collect'): Promise<ProbeAnswer>
  stop(): Promise<void>
}

/**
 * Returns functions that start a gateway and an etcd, with their data in `folder`. What ends them is added to `closers`.
 */
export function createStarter(folder: string, closers: (() => unknown)[]) {
  return { startGateway, startEtcd }

  /** @param source the options that say where the table comes from */
  async function startGateway(...source: string[]): Promise<RunningGateway> {
    const child = spawn(
      process.execPath,
      [
        ...['--expose-gc', '--import', join(import.meta.dirname, 'probe.ts')],
        ...[join(root, 'cmd/waygate.ts'), 'start', '--host', '127.0.0.1', '--port', '0', '--admin-port', '0'],
        ...[...source, '--data-dir', await mkdtemp(join(folder, 'data-'))],
      ],
      { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], env: { ...process.env, WAYGATE_LOG_LEVEL: 'info' } },
    )
    const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
    const line = await new Promise<string>((resolve, reject) => {
      child.once('exit', code => reject(new Error(`the gateway ended with ${code}`)))
      const lines = createInterface(child.stdout!).on('line', text => {
        if (!text.includes('"waygate is listening"')) return
        resolve(text)
        lines.close()
        child.stdout!.resume()
      })
    })
    const { public: url, admin } = JSON.parse(line) as { public: string; admin: string }
    const stop = async () => {
      child.kill('SIGKILL')
      await exited
    }
    closers.push(stop)
    return {
      url,
      admin,
      child,
      stop,
      ask: question =>
        new Promise(resolve => {
          child.once('message', answer => resolve(answer as ProbeAnswer))
          child.send(question)
        }),
    }
  }

  async function startEtcd(): Promise<{ url: string; name: string }> {
    const onPath = (process.env.PATH ?? '').split(delimiter).some(dir => existsSync(join(dir, 'etcd')))
    if (!onPath) {
      const etcd = await startEmbeddedEtcd({ port: 0 })
      closers.push(() => etcd.close())
      return { url: etcd.url, name: 'embedded etcd' }
    }
    const [port, peerPort] = [await freePort(), await freePort()]
    const [url, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`]
    const child = spawn(
      'etcd',
      [
        ...['--data-dir', join(folder, 'etcd'), '--name', 'bench', '--initial-cluster', `bench=${peer}`],
        ...['--listen-client-urls', url, '--advertise-client-urls', url],
        ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ],
      { stdio: 'ignore' },
    )
    closers.push(
      () =>
        new Promise<void>(resolve => {
          child.once('exit', () => resolve())
          child.kill('SIGKILL')
        }),
    )
    for (;;) {
      const health = await fetch(`${url}/health`).then(
        response => response.text(),
        () => '',
      )
      if (health.includes('true')) return { url, name: 'a real etcd' }
      await delay(50)
    }
  }
}

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}
