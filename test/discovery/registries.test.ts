import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { startEmbeddedEtcd } from '../../discovery/embedded-etcd/server.ts'
import { EtcdRegistry } from '../../discovery/etcd/etcd-registry.ts'
import { FileRegistry } from '../../discovery/file-registry.ts'
import { MemoryRegistry } from '../../discovery/memory-registry.ts'
import { registries } from '../../discovery/registries.ts'
import type { Registry } from '../../discovery/registry.ts'
import { createNode, type NodeInput } from '../../internal/nodes/node.ts'
import { tempFolder } from '../config/temp-folder.ts'
import { requireEtcd, startEtcd } from '../support/etcd.ts'
import { type RegistryStore, registryContract } from './registry-contract.ts'
import { storeAt } from './store.ts'

const CREDENTIALS = { apiKeysPrefix: '/keys/', revocationsPrefix: '/revoked/' }

registryContract('memory', 'services', async t => {
  const registry = new MemoryRegistry()
  const telling = new MemoryRegistry(CREDENTIALS)
  t.after(() => Promise.all([registry.close(), telling.close()]))
  const { apiKeysPrefix, revocationsPrefix } = CREDENTIALS
  return {
    credentials: {
      open: async () => telling,
      putApiKey: async (hash, document) =>
        telling.putEntry('api-keys', { kind: 'api-key', key: apiKeysPrefix + hash, hash, document }),
      deleteApiKey: async hash => telling.deleteEntry('api-keys', apiKeysPrefix + hash),
      revoke: async tokenId =>
        telling.putEntry('revocations', { kind: 'revocation', key: revocationsPrefix + tokenId, tokenId }),
      unrevoke: async tokenId => telling.deleteEntry('revocations', revocationsPrefix + tokenId),
    },
    open: async () => registry,
    putNode: async input => {
      const node = createNode(input)
      registry.putEntry('nodes', {
        kind: 'nodes',
        key: `/services/${node.service}/${node.id}`,
        nodes: [node],
      })
    },
    deleteNode: async (service, id) => registry.deleteEntry('nodes', `/services/${service}/${id}`),
    putRoute: async (id, document) => registry.putRoute(id, document),
    deleteRoute: async id => registry.deleteRoute(id),
  }
})

let real: ReturnType<typeof startEtcd> | undefined
registryContract('etcd on a real etcd', 'services', async t => {
  if (!requireEtcd(t)) return undefined
  real ??= startEtcd()
  return etcdStore((await real).url, t)
})
after(async () => (await real)?.stop())

const embedded = startEmbeddedEtcd({ port: 0 })
registryContract('etcd on the embedded etcd', 'services', async t => etcdStore((await embedded).url, t))
after(async () => (await embedded).close())

registryContract('file', 'operator', fileStore)

test('every registry of the list can be created by its name', async () => {
  for (const [name, create] of registries) {
    const registry: Registry = await create({ endpoints: ['http://127.0.0.1:1'], file: 'services.yaml' })
    assert.equal(registry.name, name)
    await registry.init()
    await registry.close()
  }
})

let stores = 0
/** Each test has its own prefixes in one etcd. */
function etcdStore(url: string, t: TestContext): RegistryStore {
  const root = `/contract-${process.pid}-${++stores}`
  const prefixes = { servicesPrefix: `${root}/services/`, routesPrefix: `${root}/routes/` }
  const store = storeAt(url)
  const opened: EtcdRegistry[] = []
  t.after(async () => {
    await Promise.all(opened.map(registry => registry.close()))
    store.close()
  })
  const credentials = { apiKeysPrefix: `${root}/keys/`, revocationsPrefix: `${root}/revoked/` }
  async function open(more: object = {}): Promise<EtcdRegistry> {
    const registry = new EtcdRegistry({ endpoints: [url], ...prefixes, ...more })
    opened.push(registry)
    await registry.init()
    return registry
  }
  return {
    open: () => open(),
    credentials: {
      open: () => open(credentials),
      putApiKey: (hash, document) => store.put(credentials.apiKeysPrefix + hash, JSON.stringify(document)),
      deleteApiKey: hash => store.delete(credentials.apiKeysPrefix + hash),
      revoke: tokenId => store.put(credentials.revocationsPrefix + tokenId, ''),
      unrevoke: tokenId => store.delete(credentials.revocationsPrefix + tokenId),
    },
    putNode: ({ service, id, host, ...more }) =>
      store.put(`${prefixes.servicesPrefix}${service}/${id}`, JSON.stringify({ id, ip: host, ...more })),
    deleteNode: (service, id) => store.delete(`${prefixes.servicesPrefix}${service}/${id}`),
    putRoute: (id, document) => store.put(`${prefixes.routesPrefix}${id}`, JSON.stringify(document)),
    deleteRoute: id => store.delete(`${prefixes.routesPrefix}${id}`),
  }
}

async function fileStore(t: TestContext): Promise<RegistryStore> {
  const file = join(tempFolder(t), 'services.json')
  const services: Record<string, NodeInput[]> = {}
  const routes: Record<string, unknown> = {}
  const write = () => {
    const lists = Object.entries(services).map(([name, nodes]) => [
      name,
      nodes.map(({ service: _, ...node }) => node),
    ])
    writeFileSync(file, JSON.stringify({ services: Object.fromEntries(lists), routes }))
  }
  write()
  const opened: FileRegistry[] = []
  t.after(() => Promise.all(opened.map(registry => registry.close())))
  const others = (service: string, id: string) => (services[service] ?? []).filter(node => node.id !== id)
  return {
    async open() {
      const registry = new FileRegistry({ file, settleMs: 10 })
      opened.push(registry)
      await registry.init()
      return registry
    },
    async putNode(node) {
      services[node.service] = [...others(node.service, node.id), node]
      write()
    },
    async deleteNode(service, id) {
      services[service] = others(service, id)
      write()
    },
    async putRoute(id, document) {
      routes[id] = document
      write()
    },
    async deleteRoute(id) {
      delete routes[id]
      write()
    },
  }
}
