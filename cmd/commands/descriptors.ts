import { readFileSync, writeFileSync } from 'node:fs'
import pino from 'pino'
import { ConfigError } from '../../config/kit/problem.ts'
import type { LoadedConfig } from '../../config/load/load.ts'
import { putStored, readStored } from '../../discovery/etcd/stored-values.ts'
import { createNode } from '../../internal/nodes/node.ts'
import { missingText, reflect } from '../../wrappers/descriptors/reflection-client.ts'
import { type DescriptorFile, writeDescriptorSet } from '../../wrappers/descriptors/repair.ts'
import { readSchema, type ServiceSchema } from '../../wrappers/descriptors/schema.ts'
import { createSessionCounts } from '../../wrappers/http2/session-pool.ts'
import type { UpstreamPeer } from '../../wrappers/node/upstream-peer.ts'
import { createBindings } from '../../wrappers/transcode/bindings.ts'
import { TranscodePlan } from '../../wrappers/transcode/transcode-plan.ts'
import { loadCommandConfig } from '../cli/caller.ts'
import type { DescriptorsCommand } from '../cli/command.ts'
import { say, visible } from '../cli/output.ts'
import { createNames } from '../gateway/names.ts'
import { createNodeGuard } from '../gateway/node-guard.ts'
import { createNodeTable } from '../gateway/node-table.ts'
import { etcdClientOptions } from '../gateway/registry.ts'
import { LiveRules } from '../gateway/service-rules.ts'
import { UpstreamTls } from '../gateway/upstream-tls.ts'

/** Runs `waygate descriptors`. Resolves with the exit code, 1 when descriptors have a problem. */
export async function runDescriptors(command: DescriptorsCommand): Promise<0 | 1> {
  switch (command.action) {
    case 'put':
      return put(command, load(command))
    case 'get':
      return get(command, load(command))
    case 'list':
      return list(command, load(command))
    case 'check':
      return check(command, load(command))
    default:
      return command.action satisfies never
  }
}

function load(command: DescriptorsCommand): LoadedConfig & { readonly prefix: string } {
  const loaded = loadCommandConfig(command)
  const prefix = loaded.config.discovery.descriptorsPrefix
  if (prefix !== null) return { ...loaded, prefix }
  const message = 'is null, so no gateway reads descriptors from etcd: give a prefix'
  const source = loaded.sourceOf('discovery.descriptorsPrefix')
  throw new ConfigError([{ path: '$.discovery.descriptorsPrefix', message, source }], loaded.warnings)
}

type Loaded = ReturnType<typeof load>

async function put({ name, file, from }: DescriptorsCommand, loaded: Loaded): Promise<0 | 1> {
  const bytes = from === undefined ? readFileSync(file) : writeDescriptorSet(await ask(loaded, from))
  const schema = readSchema(bytes)
  // In base64, so that every tool can show it.
  const value = bytes.toString('base64')
  await putStored(etcdClientOptions(loaded.config, loaded.keys), loaded.prefix, name, value)
  say(`${name}: ${summaryOf(schema)}`)
  return 0
}

/** Asks a node by server reflection. */
async function ask(
  { config, keys }: Loaded,
  { host, port, protocol }: NonNullable<DescriptorsCommand['from']>,
): Promise<DescriptorFile[]> {
  const logger = pino({ level: 'silent' })
  const rules = new LiveRules({ config })
  const tls = new UpstreamTls({
    ...{ config: config.upstream.tls, keys: keys.upstreamTls, logger },
    ruleOf: () => undefined,
  })
  const nodes = createNodeTable({
    config,
    names: createNames(config, logger),
    guard: createNodeGuard({ allowedAddresses: [], adminPort: () => 0 }),
    rules,
    tlsOf: service => tls.settingsOf(service),
    sessionCounts: createSessionCounts(),
    onPiece: () => {},
    logger,
  })
  nodes.set('node', [createNode({ service: 'node', id: 'node', host, port, protocol })])
  try {
    const [peer] = nodes.get('node', 'grpc')!.peers
    const { files, missing } = await reflect(peer!, (each, request, call) =>
      (each as UpstreamPeer).transport.send(request, call),
    )
    if (missing.length > 0) console.error(visible(`${host}:${port}: ${missingText(missing)}`))
    return files
  } finally {
    nodes.clear()
  }
}

async function get({ name, file }: DescriptorsCommand, { config, keys, prefix }: Loaded): Promise<0 | 1> {
  const all = await readStored(etcdClientOptions(config, keys), prefix, 'descriptors')
  const found = all.find(each => each.name === name)
  if (found?.entry === undefined) {
    console.error(visible(`${prefix}${name}: ${found?.problem ?? 'there are no descriptors of this name'}`))
    return 1
  }
  writeFileSync(file, found.entry.bytes)
  return 0
}

async function list({ rules }: DescriptorsCommand, { config, keys, prefix }: Loaded): Promise<0 | 1> {
  let isWell = true
  for (const stored of await readStored(etcdClientOptions(config, keys), prefix, 'descriptors')) {
    const { name } = stored
    try {
      if (stored.entry === undefined) throw new Error(stored.problem)
      const schema = readSchema(stored.entry.bytes)
      say(`${name}: ${summaryOf(schema)}`)
      if (rules) for (const line of rulesOf(schema)) say(`  ${line}`)
    } catch (error) {
      isWell = false
      say(`${name}: not usable: ${(error as Error).message}`)
    }
  }
  return isWell ? 0 : 1
}

function check({ file, rules }: DescriptorsCommand, { config }: Loaded): 0 | 1 {
  const schema = readSchema(readFileSync(file))
  say(summaryOf(schema))
  if (rules) for (const line of rulesOf(schema)) say(`  ${line}`)
  const { json, messageBytes } = config.grpc
  const plan = new TranscodePlan(schema, { choice: 'all', rules: [], json, maxMessageBytes: messageBytes })
  for (const problem of plan.problems) say(problem)
  return plan.problems.length === 0 ? 0 : 1
}

function summaryOf({ services, methods }: ServiceSchema): string {
  const count = methods.length === 1 ? '1 method' : `${methods.length} methods`
  return `${services.join(', ')} (${count})`
}

/** Returns the paths at which methods take JSON, one a line. */
function rulesOf(schema: ServiceSchema): string[] {
  const { entries } = createBindings(schema, { choice: 'all', rules: [] })
  return entries.map(({ binding: { httpMethod, template, body, responseBody }, value }) => {
    const parts = [body && `body ${body}`, responseBody && `answer ${responseBody}`].filter(Boolean)
    return [
      `${httpMethod} ${template.text}`,
      '->',
      value.name,
      ...(parts.length > 0 ? [`(${parts.join(', ')})`] : []),
    ].join(' ')
  })
}
