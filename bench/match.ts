/**
 * Measures what finding the route of a request costs, in nanoseconds: in a table without conditions, in the same table of
 * other checkouts, and where documents have conditions. The least of many rounds counts, and the rows take turns, so that
 * the result is useful on a busy machine too.
 *
 *   node bench/match.ts [CHECKOUT...]
 */
import { join, resolve } from 'node:path'
import type { Condition, MatchRule } from '../internal/conditions.ts'
import type { Exchange } from '../internal/policy.ts'
import type { Route } from '../internal/routing/route.ts'
import { createAddressTest } from '../middleware/request/client-address.ts'

const ROUNDS = 800
const REQUESTS = 2_000
const HERE = resolve(import.meta.dirname, '..')

function route(id: string, path: string, match?: MatchRule): Route {
  return {
    id,
    path,
    ...(match && { match: [match] }),
    origin: 'etcd',
    service: 's',
    stripPrefix: '',
    auth: { type: 'none' },
    timeoutMs: 1_000,
    balancer: 'weighted-round-robin',
    priority: 0,
    preserveHost: false,
  }
}

const OTHERS = Array.from({ length: 20 }, (_, i) => route(`other${i}`, `/other${i}/*`))
const PLAIN = [...OTHERS, route('orders', '/orders/*'), route('all', '/*')]

const withHeaders = (headers: Readonly<Record<string, Condition>>) => [
  ...PLAIN,
  route('v2', '/orders/*', { headers }),
]
const THREE = { 'x-api-version': '2', 'x-tenant': { prefix: 'acme' }, 'x-beta': { present: false } }
const PATTERN = { 'x-tenant': { regex: 'acme-[a-z]{2,8}' } }
const FALLING = [
  ...OTHERS,
  route('a', '/orders/7', { headers: { 'x-api-version': '1' } }),
  route('b', '/orders/:id', { headers: { 'x-tenant': 'other' } }),
  route('all', '/*'),
]

// A head of 12 lines, as browsers send them.
const HEADERS = [
  ...['user-agent', 'Mozilla/5.0', 'accept', '*/*', 'accept-encoding', 'gzip, br', 'accept-language', 'en'],
  ...['authorization', 'Bearer x', 'cookie', 'session=1', 'x-api-version', '2', 'x-tenant', 'acme-eu'],
  ...['sec-fetch-mode', 'cors', 'sec-fetch-site', 'same-origin', 'referer', 'https://a.example/', 'dnt', '1'],
]
const exchange = {
  call: { method: 'GET', target: '/orders/7', clientAddress: '10.0.0.1' },
  head: { host: 'a.example', headers: HEADERS },
  respelled: undefined,
} as unknown as Exchange

interface Row {
  readonly name: string
  readonly find: () => Route
  best: number
}

async function rowOf(
  name: string,
  checkout: string,
  documents: readonly Route[],
  expected: string,
): Promise<Row> {
  const { RouteTable } = await import(join(checkout, 'internal/routing/route-table.ts'))
  const { matchRoute } = await import(join(checkout, 'middleware/request/match-route.ts'))
  const table = new RouteTable(documents, { createAddressTest })
  const find = () => matchRoute(table, exchange)
  if (find().id !== expected) throw new Error(`${name}: ${find().id} instead of ${expected}`)
  return { name, find, best: Number.POSITIVE_INFINITY }
}

const rows = [
  await rowOf('no conditions', HERE, PLAIN, 'orders'),
  ...(await Promise.all(
    process.argv.slice(2).map(folder => rowOf(`no conditions, ${folder}`, resolve(folder), PLAIN, 'orders')),
  )),
  await rowOf('3 conditions hold', HERE, withHeaders(THREE), 'v2'),
  await rowOf('a pattern holds', HERE, withHeaders(PATTERN), 'v2'),
  await rowOf('conditions elsewhere', HERE, [...PLAIN, route('v2', '/x', { headers: THREE })], 'orders'),
  await rowOf('falls through two patterns', HERE, FALLING, 'all'),
]
for (let round = 0; round < ROUNDS; round++) {
  for (const row of rows) {
    const begun = performance.now()
    for (let i = 0; i < REQUESTS; i++) row.find()
    row.best = Math.min(row.best, ((performance.now() - begun) / REQUESTS) * 1e6)
  }
}
const plain = rows[0]!.best
for (const { name, best } of rows) {
  console.log(
    `${name.padEnd(40)} ${best.toFixed(0).padStart(6)} ns  ${(best - plain).toFixed(0).padStart(6)} ns more`,
  )
}
