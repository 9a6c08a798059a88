import { setTimeout as delay } from 'node:timers/promises'
import { listKeys } from './etcd-json.ts'
import type { ServingGateway } from './serving-gateway.ts'

/** The content of etcd or of a gateway's table, in the same notation: a line per node and per route, sorted. */
export type StoreTable = readonly string[]

interface NodeLine {
  readonly id: string
  readonly address: string
  readonly weight: number
}

/** Reads the content of etcd, not as a gateway does. Every value must be valid and in Waygate's format. */
export async function tableOfEtcd(url: string): Promise<StoreTable> {
  const [nodes, routes] = await Promise.all([listKeys(url, '/services/'), listKeys(url, '/waygate/routes/')])
  const lines = nodes.map(([key, value]) => {
    const { id, ip, port, weight } = JSON.parse(value) as {
      id: string
      ip: string
      port: number
      weight: number
    }
    return nodeLine(key.slice('/services/'.length).split('/')[0]!, { id, address: `${ip}:${port}`, weight })
  })
  const routeLines = routes.map(([key, value]) => {
    const { path, service } = JSON.parse(value) as { path: string; service: string }
    return routeLine({ id: key.slice('/waygate/routes/'.length), path, service })
  })
  return [...lines, ...routeLines].sort()
}

/** Reads the table of a gateway from its admin listener. */
export async function tableOfGateway(gateway: ServingGateway): Promise<StoreTable> {
  const [{ services }, page] = await Promise.all([
    (await fetch(`${gateway.admin}/services`)).json() as Promise<{
      services: readonly { readonly name: string; readonly nodes: readonly NodeLine[] }[]
    }>,
    gateway.routes(),
  ])
  const lines = services.flatMap(({ name, nodes }) => nodes.map(node => nodeLine(name, node)))
  return [
    ...lines,
    ...page.routes.filter(({ origin, broken }) => origin === 'etcd' && !broken).map(routeLine),
  ].sort()
}

/**
 * Resolves with the time (`performance.now()`) at which each gateway was seen to serve the content of etcd. The content
 * of etcd is read once, at the beginning.
 */
export async function untilTrue(
  gateways: readonly ServingGateway[],
  etcd: string,
  withinMs = 20_000,
): Promise<readonly number[]> {
  const wanted = await tableOfEtcd(etcd)
  const deadline = performance.now() + withinMs
  return Promise.all(
    gateways.map(async gateway => {
      for (;;) {
        const found = await tableOfGateway(gateway)
        const now = performance.now()
        if (found.join('\n') === wanted.join('\n')) return now
        if (now > deadline)
          throw new Error(`not etcd's table within ${withinMs} ms: ${compare(found, wanted)}`)
        await delay(10)
      }
    }),
  )
}

function nodeLine(service: string, { id, address, weight }: NodeLine): string {
  return `node ${service}/${id} ${address} ${weight}`
}

function routeLine({ id, path, service }: { id: string; path: string; service: string }): string {
  return `route ${id} ${path} ${service}`
}

function compare(found: StoreTable, wanted: StoreTable): string {
  const [have, want] = [new Set(found), new Set(wanted)]
  const missing = wanted.filter(line => !have.has(line))
  const extra = found.filter(line => !want.has(line))
  return `${missing.length} missing, e.g. ${missing[0]}; ${extra.length} too many, e.g. ${extra[0]}`
}
