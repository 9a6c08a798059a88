import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import v8 from 'node:v8'
import jwt from 'jsonwebtoken'
import { Jwks } from '../../cmd/gateway/auth/jwks.ts'
import { LogFile } from '../../cmd/gateway/log-file.ts'
import { OtlpSender } from '../../cmd/gateway/otlp-sender.ts'
import { RouteTable } from '../../internal/routing/route-table.ts'
import { CircuitBreaker } from '../../wrappers/breaker/circuit-breaker.ts'
import { UpstreamPeer } from '../../wrappers/node/upstream-peer.ts'
import { startGatewayHere } from '../support/gateway-here.ts'
import { send } from '../support/http.ts'
import { cheapHash } from '../support/password.ts'
import { openRegistry } from '../support/registry.ts'
import { until } from '../support/until.ts'

const RELOADS = Number(process.env.RELOADS ?? 200)
/** Before the first look: what the first use of each part allocates, and what the engine compiles meanwhile. */
const WARM_UP = 40
/** How much the heap may vary between two looks, for compiled code and caches. A hundredth of it for each reload would show. */
const HEAP_MARGIN_BYTES = 2_000_000
const SECRET = 'the secret of tests, which is long enough'
const KEY = { kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }

/** What a reload makes anew or must let go, and timers, of which those count that keep no process alive too. */
const CLASSES: Readonly<Record<string, abstract new (...args: never[]) => object>> = {
  ...{ Jwks, LogFile, OtlpSender, RouteTable, CircuitBreaker, UpstreamPeer },
  Timeout: clearedTimeout().constructor as never,
}

function clearedTimeout(): NodeJS.Timeout {
  const timer = setTimeout(() => {}, 0)
  clearTimeout(timer)
  return timer
}

/** Counts what this process holds. Collects garbage first. */
function look(): { readonly counts: Readonly<Record<string, number>>; readonly heapBytes: number } {
  const objects = Object.entries(CLASSES).map(
    ([name, of]) => [name, v8.queryObjects(of as never, { format: 'count' }) as unknown as number] as const,
  )
  const descriptors = readdirSync('/proc/self/fd').length
  return {
    counts: { ...Object.fromEntries(objects), descriptors },
    heapBytes: process.memoryUsage().heapUsed,
  }
}

/** Starts what is a node, an issuer and a collector of traces. Closed after the test. */
async function startPeers(t: TestContext) {
  const server = createServer((request, response) => {
    request.resume()
    response.end(JSON.stringify({ keys: [KEY] }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { port, url: `http://127.0.0.1:${port}` }
}

// It counts the objects of its process, so it needs one of its own. The short version is test/e2e/reload-leaks.test.ts.
test(`${RELOADS} reloads leave nothing behind: no timer, no descriptor, no memory`, async t => {
  const peers = await startPeers(t)
  const upstream = { keepAliveMs: 500 }
  await using gateway = await startGatewayHere({ config: { upstream } })
  using registry = openRegistry(gateway.etcd)
  await registry.putNode('echo', 'e1', { port: peers.port })
  await registry.putRoute('stored', { path: '/stored/*', service: 'echo', auth: 'none', retries: 1 })
  await gateway.untilNodes('echo', ['e1'])

  /** A configuration in which everything that a reload makes anew is another one than in the round before. */
  const settings = (round: number) => {
    const name = round % 2 === 0 ? 'even' : 'odd'
    const document = { service: 'echo', healthCheck: { path: `/${name}`, intervalMs: 1_000 } }
    return {
      upstream,
      logLevel: 'silent',
      accessLog: { to: join(gateway.cwd, `${name}.log`) },
      tracing: { endpoint: peers.url, serviceName: name },
      overload: { loopDelayMs: 50_000 + (round % 2) },
      trustedProxies: [`10.0.0.${1 + (round % 2)}`],
      metrics: { labels: { node: round % 2 === 0 } },
      clientLimits: { headersTimeoutMs: 60_000, connections: 1_000 + round },
      breaker: { windowMs: 10_000 + round },
      serviceLimit: { concurrent: 100 + round },
      basic: { users: { [name]: { password: cheapHash(name) } } },
      jwt: {
        ...{ secret: SECRET, cacheSize: 1_000 + round },
        issuers: [{ issuer: 'i', jwksUrl: `${peers.url}/${name}` }],
      },
      routes: {
        stickyCookie: { secret: `${name} ${SECRET}` },
        documents: {
          limited: {
            ...document,
            path: '/limited/*',
            auth: 'none',
            rateLimit: { limit: 1e6 + round, windowSeconds: 60 },
          },
          mirrored: { ...document, path: '/mirrored/*', auth: 'jwt', mirror: { service: 'echo' } },
          [name]: { ...document, path: `/${name}/*`, auth: 'none', concurrency: { limit: 9 } },
        },
      },
    }
  }
  const headers = { authorization: `Bearer ${jwt.sign({ sub: 'u1' }, SECRET, { expiresIn: 3_600 })}` }
  let rounds = 0
  const run = async (count: number) => {
    for (let i = 0; i < count; i++) {
      writeFileSync(join(gateway.cwd, 'waygate.yaml'), JSON.stringify(settings(rounds)))
      const { changes } = await gateway.reloader.reload({ dryRun: false })
      assert.ok(changes.length > 10)
      const name = rounds++ % 2 === 0 ? 'even' : 'odd'
      for (const path of ['/stored/x', '/limited/x', '/mirrored/x', `/${name}/x`]) {
        assert.equal((await send(gateway.port, { path, headers })).status, 200, path)
      }
    }
    // The counts of a route that is gone are dropped after a scrape.
    await (await fetch(`${gateway.admin}/metrics`, { headers: { connection: 'close' } })).text()
  }

  /** Looks when what only waits to be closed is gone. */
  const atRest = () =>
    until(
      'there is one of each',
      () => {
        const now = look()
        const { Jwks, LogFile, OtlpSender, RouteTable } = now.counts
        assert.deepEqual([Jwks, LogFile, OtlpSender, RouteTable], [1, 1, 1, 1])
        return now
      },
      { withinMs: 60_000, everyMs: 1_000 },
    )

  await run(WARM_UP)
  const before = await atRest()
  await run(RELOADS)
  const after = await until(
    'it holds no more than before',
    async () => {
      const now = await atRest()
      const more = Object.entries(now.counts).filter(([name, count]) => count > before.counts[name]!)
      assert.deepEqual(more, [], JSON.stringify(before.counts))
      const moreBytes = now.heapBytes - before.heapBytes
      assert.ok(moreBytes < HEAP_MARGIN_BYTES, `${moreBytes} bytes more`)
      return now
    },
    { withinMs: 60_000, everyMs: 1_000 },
  )
  t.diagnostic(`before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`)
})
