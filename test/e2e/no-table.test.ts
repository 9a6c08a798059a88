import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startEmbeddedEtcd } from '../../discovery/embedded-etcd/server.ts'
import { freePort } from '../support/free-port.ts'
import { openRaw } from '../support/raw-http.ts'
import { until } from '../support/until.ts'
import { startGateway } from '../support/waygate.ts'
import { handshake } from '../support/websocket.ts'

/** A route that needs nothing of etcd, except that no stricter one is there. */
const documents = { all: { path: '/known/*', service: 'user', fallback: { status: 200, body: 'fallback' } } }

describe('a gateway that has had no table since its start', { concurrency: 2 }, () => {
  for (const workers of [1, 2]) {
    test(`answers 503 to everything until etcd is there, and 404 from then on, with workers: ${workers}`, async () => {
      const port = await freePort()
      await using gateway = await startGateway({
        etcd: `http://127.0.0.1:${port}`,
        config: { workers, routes: { documents } },
        ready: false,
      })
      for (const [path, method] of [
        ['/user/1', 'GET'],
        ['/known/1', 'GET'],
        ['/known/1', 'POST'],
        ['/', 'OPTIONS'],
      ] as const) {
        const answer = await fetch(gateway.url + path, { method })
        assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '1'], `${method} ${path}`)
        const { code, detail } = (await answer.json()) as { code: string; detail: string }
        assert.equal(code, 'WG_NO_NODE')
        assert.equal(detail, 'The gateway has not loaded its routes yet; try again later.')
      }
      using client = await openRaw(gateway.port)
      client.write(handshake('/user/socket'))
      assert.match(await client.receives(text => text.endsWith('}')), /^HTTP\/1\.1 503 .*"WG_NO_NODE"/s)
      assert.equal((await fetch(`${gateway.admin}/readyz`)).status, 503)

      await using etcd = await startEmbeddedEtcd({ port })
      assert.ok(etcd.url)
      await until('it is ready', async () => (await fetch(`${gateway.admin}/readyz`)).ok)
      const { status } = await until('the table is loaded, and empty', async () => {
        const answer = await fetch(`${gateway.url}/user/1`)
        return answer.status !== 503 && answer
      })
      assert.equal(status, 404)
      const known = await fetch(`${gateway.url}/known/1`)
      assert.deepEqual([known.status, await known.text()], [200, 'fallback'])
    })
  }
})
