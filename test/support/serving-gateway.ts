import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { NodePage, RoutesPage } from '../../routes/admin/page-types.ts'
import { makeOwnFolder } from './own-folder.ts'
import { until } from './until.ts'

/** One JSON line of the program's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string; readonly level: number }

/** The JSON lines among what a program writes. */
export interface LogReader {
  /** Returns the lines so far. */
  log(): readonly LogLine[]
  /** Resolves with the first line, past or future, that `matches`; rejects if the program ends before. */
  logged(matches: string | ((line: LogLine) => boolean)): Promise<LogLine>
}

/**
 * @param text what was written so far
 * @param over whether nothing more will be written
 * @param lastWords what else belongs into the message when a line does not come
 */
export function readLog(text: () => string, over: () => boolean, lastWords = () => ''): LogReader {
  let read = 0
  const lines: LogLine[] = []
  const log = () => {
    const end = text().lastIndexOf('\n') + 1
    for (const line of text().slice(read, end).split('\n')) {
      if (line.startsWith('{')) lines.push(JSON.parse(line))
    }
    read = end
    return lines
  }
  return {
    log,
    async logged(matches) {
      const test = typeof matches === 'string' ? (line: LogLine) => line.msg === matches : matches
      const found = await until(
        `a log line that matches ${matches}`,
        () => log().find(test) ?? (over() ? 'ended' : undefined),
        { withinMs: 60_000, everyMs: 10 },
      ).catch(error => {
        throw new Error(`${error.message}\n${text()}\n${lastWords()}`)
      })
      if (found === 'ended')
        throw new Error(`waygate ended before it logged ${matches}:\n${text()}\n${lastWords()}`)
      return found
    },
  }
}

export interface ServingOptions {
  /** URL of an etcd; default: the embedded one, on a free port. */
  readonly etcd?: string
  /** Content of the configuration file; with the client limits of {@link PATIENT} unless it sets its own. */
  readonly config?: object
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Whether to wait until the table is loaded. Default true. */
  readonly ready?: boolean
}

/** What a gateway that serves can be asked, wherever it runs. */
export interface ServingGateway extends LogReader, AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly admin: string
  /** URL of its etcd, embedded or given. */
  readonly etcd: string
  /** Its working folder. */
  readonly cwd: string
  /** Returns everything that it has logged so far. */
  stdout(): string
  routes(): Promise<RoutesPage>
  /** Returns the nodes of a service; empty when it has none. */
  nodes(service: string): Promise<readonly NodePage[]>
  /** Resolves when a service has exactly the nodes with these ids. */
  untilNodes(service: string, ids: readonly string[], withinMs?: number): Promise<void>
  /** Ends it. Safe to call twice. */
  stop(): Promise<void>
}

/**
 * Limits for slow clients. The clients of a test share its machine, which may give them no CPU time for ten seconds
 * between connection and request. That must not fail the test.
 */
const PATIENT = { headersTimeoutMs: 60_000 }

/**
 * For tests that measure what becomes of requests while nodes fail: clients, nodes and other tests take the CPU time of the
 * gateway, so the length of its turns says nothing about its load.
 */
export const SHARED_MACHINE = { overload: { loopDelayMs: 0 } }

/** Makes the folder of a gateway, with its configuration file. @returns it, and the arguments of `waygate` */
export async function prepareStart(options: ServingOptions): Promise<{ cwd: string; args: string[] }> {
  const { etcd, config, args = [] } = options
  const cwd = options.cwd ?? makeOwnFolder('e2e')
  if (config !== undefined || options.cwd === undefined) {
    await writeFile(join(cwd, 'waygate.yaml'), JSON.stringify({ clientLimits: PATIENT, ...config }))
  }
  // A test that is about its data names a folder.
  const memory = args.includes('--embedded-etcd-data') ? [] : ['--embedded-etcd-memory']
  const registry = etcd === undefined ? ['--embedded-etcd', '127.0.0.1:0', ...memory] : ['--etcd', etcd]
  const listeners = ['--host', '127.0.0.1', '--port', '0', '--admin-port', '0']
  return { cwd, args: ['start', ...listeners, ...registry, ...args] }
}

/** Waits until a gateway listens, as its log says, and is ready, unless that is not wanted. @returns how to ask it */
export async function untilServing(
  { etcd, ready = true }: ServingOptions,
  { log, logged }: LogReader,
): Promise<Pick<ServingGateway, 'url' | 'port' | 'admin' | 'etcd' | 'routes' | 'nodes' | 'untilNodes'>> {
  const listening = await logged('waygate is listening')
  const admin = String(listening.admin)
  const url = String(listening.public)
  if (ready) {
    await until('the gateway is ready', async () => (await fetch(`${admin}/readyz`)).ok, { withinMs: 60_000 })
  }
  const nodes = async (service: string) => {
    const page = (await (await fetch(`${admin}/services`)).json()) as {
      services: readonly { readonly name: string; readonly nodes: readonly NodePage[] }[]
    }
    return page.services.find(({ name }) => name === service)?.nodes ?? []
  }
  return {
    url,
    port: Number(new URL(url).port),
    admin,
    etcd: etcd ?? String(log().find(line => line.etcd !== undefined)?.etcd),
    routes: async () => (await (await fetch(`${admin}/routes`)).json()) as RoutesPage,
    nodes,
    async untilNodes(service, ids, withinMs = 15_000) {
      const wanted = [...ids].sort().join()
      await until(
        `${service} has the nodes ${wanted}`,
        async () => {
          const found = (await nodes(service)).map(({ id }) => id)
          return found.sort().join() === wanted
        },
        { withinMs },
      )
    },
  }
}
