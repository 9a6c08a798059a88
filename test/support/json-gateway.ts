import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type GatewaySetUp, startTestGateway, type TestGateway } from './gateway.ts'
import { registerNaming } from './naming.ts'
import { startTaskNode, type TaskNode, type TaskNodeOptions } from './task-node.ts'
import { until } from './until.ts'

/** The FileDescriptorSet of `task.proto`. */
export const TASK_SET = readFileSync(join(import.meta.dirname, '../fixtures/grpc/task.binpb'))

export interface JsonGateway extends TestGateway {
  readonly node: TaskNode
  /** Sends JSON, unless `body` is a text or undefined. Resolves with the whole answer. */
  ask(method: string, target: string, body?: unknown, headers?: Record<string, string>): Promise<JsonAnswer>
}

export interface JsonAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON; undefined when it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look at single members of it
  readonly json: any
}

/** Starts a gateway in front of one gRPC node of `task.proto`, which registers with the value of etcd's naming package. */
export async function startJsonGateway(
  t: TestContext,
  { node: nodeOptions, ...setUp }: GatewaySetUp & { readonly node?: TaskNodeOptions } = {},
): Promise<JsonGateway> {
  const node = await startTaskNode(nodeOptions)
  t.after(() => node[Symbol.asyncDispose]())
  const gateway = await startTestGateway(t, setUp)
  await registerNaming(gateway.registry, 'task', node.port)
  await until('the table has the node', () => gateway.gateway.nodeCount() === 1)
  return Object.assign(gateway, {
    node,
    ask: (method: string, target: string, body?: unknown, headers?: Record<string, string>) =>
      askJson(gateway.port, method, target, body, headers),
  })
}

export async function askJson(
  port: number,
  method: string,
  target: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<JsonAnswer> {
  const isText = typeof body === 'string' || body === undefined || body instanceof Uint8Array
  const response = await fetch(`http://127.0.0.1:${port}${target}`, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: isText ? (body as string) : JSON.stringify(body) }),
  })
  const text = await response.text()
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {}
  return { status: response.status, headers: response.headers, text, json }
}

/** Resolves when the gateway knows the schema of the service, so that a request is not answered WG_NO_SCHEMA. */
export async function untilSchemaKnown(gateway: JsonGateway, target = '/task/NoSuchMethod'): Promise<void> {
  await until('the schema is known', async () => (await gateway.ask('POST', target, {})).status !== 503)
}

/** Puts descriptors, by default those of `task.proto`, where a gateway finds those of etcd. */
export function putDescriptors({ registry }: TestGateway, name: string, bytes: Buffer = TASK_SET): void {
  const key = `/waygate/descriptors/${name}`
  registry.putEntry('descriptors', { kind: 'descriptors', key, name, bytes })
}
