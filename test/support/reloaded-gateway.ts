import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { ReloadPage } from '../../routes/admin/reload-types.ts'
import { type GatewayHere, startGatewayHere } from './gateway-here.ts'
import { type ClientAnswer, send } from './http.ts'
import { answer, type ScriptedNode, startNode } from './node-server.ts'
import { openRegistry } from './registry.ts'

/** A gateway in this process, whose configuration a test changes. */
export interface ReloadedGateway {
  readonly gateway: GatewayHere
  /**
   * The only node of the service `echo`. It answers with the header lines that it got, as JSON; below a path that ends with
   * `/500` with that status, and with `/slow` when `finish` was called.
   */
  readonly node: ScriptedNode
  finish(): void
  /** Writes the file of the configuration: a document, or a text that may be none. */
  write(document: object | string): void
  /** Loads the configuration again, which was written just before if `document` is given. */
  reload(document?: object | string): Promise<ReloadPage>
  get(path: string, headers?: Record<string, string>): Promise<ClientAnswer>
  /** Returns the status of the answer to a GET. */
  statusOf(path: string, authorization?: string): Promise<number>
}

export async function startReloadedGateway(t: TestContext, config: object): Promise<ReloadedGateway> {
  const told = Promise.withResolvers<void>()
  const node = await startNode(t, async (socket, { target, lines }) => {
    if (target.endsWith('/slow')) await told.promise
    if (target.endsWith('/500')) socket.write('HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n')
    else socket.write(answer(JSON.stringify(lines), ['Content-Type: application/json']))
  })
  const gateway = await startGatewayHere({ config })
  t.after(() => gateway.stop())
  using registry = openRegistry(gateway.etcd)
  await registry.putNode('echo', 'e1', node)
  await gateway.untilNodes('echo', ['e1'])
  const write = (document: object | string) =>
    writeFileSync(
      join(gateway.cwd, 'waygate.yaml'),
      typeof document === 'string' ? document : JSON.stringify(document),
    )
  const get = (path: string, headers: Record<string, string> = {}) => send(gateway.port, { path, headers })
  return {
    ...{ gateway, node, finish: told.resolve, write, get },
    reload(document) {
      if (document !== undefined) write(document)
      return gateway.reloader.reload({ dryRun: false })
    },
    async statusOf(path, authorization) {
      return (await get(path, authorization === undefined ? {} : { authorization })).status
    },
  }
}
