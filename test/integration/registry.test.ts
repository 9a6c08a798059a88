import assert from 'node:assert/strict'
import { test } from 'node:test'
import { etcdctl, onPath, requireEtcd, startEtcd } from '../support/etcd.ts'
import { startGatewayHere } from '../support/gateway-here.ts'
import { openRegistry } from '../support/registry.ts'
import { type Handler, startService } from '../support/service.ts'
import { until } from '../support/until.ts'

/** A server that answers with the request. */
const echo: Handler = (request, response) => {
  request.resume()
  response.end(`${request.method} ${request.url}`)
}

interface Writer extends Disposable {
  put(key: string, value: string): Promise<unknown>
  del(key: string): Promise<unknown>
}

/** Uses etcdctl, as an operator does, or our own client if it is not installed. */
function openWriter(url: string): Writer {
  if (onPath('etcdctl')) {
    return {
      put: (key, value) => etcdctl(url, 'put', key, value),
      del: key => etcdctl(url, 'del', key),
      [Symbol.dispose]: () => {},
    }
  }
  const registry = openRegistry(url)
  return {
    put: registry.put,
    del: key => registry.client.delete().key(key).exec(),
    [Symbol.dispose]: () => registry[Symbol.dispose](),
  }
}

for (const kind of ['a real etcd', 'the embedded etcd'] as const) {
  test(`keys that are put into and deleted from ${kind} change what is served`, async t => {
    const real = kind === 'a real etcd'
    if (real && !requireEtcd(t, ['etcd', 'etcdctl'])) return
    await using etcd = real ? await startEtcd() : undefined
    await using gateway = await startGatewayHere(etcd ? { etcd: etcd.url } : {})
    await using echoing = await startService('echo', echo)
    await using other = await startService('other')
    using writer = openWriter(gateway.etcd)
    const ask = async (path: string) => {
      const response = await fetch(`${gateway.url}${path}`)
      return { status: response.status, text: await response.text() }
    }
    const answers = (path: string, test: (answer: { status: number; text: string }) => boolean) =>
      until(`${path} answers as it should`, async () => {
        const answer = await ask(path)
        return test(answer) && answer
      })

    await t.test('an unknown service is 404', async () => {
      const { status, text } = await ask('/echo/x')
      assert.equal(status, 404)
      assert.equal(JSON.parse(text).code, 'WG_NO_ROUTE')
    })

    await t.test('a node is reachable below its name, and sees the rest of the path', async () => {
      await writer.put('/services/echo/n1', JSON.stringify({ ip: '127.0.0.1', port: echoing.port }))
      assert.equal((await answers('/echo/x', ({ status }) => status === 200)).text, 'GET /x')
      assert.equal((await ask('/echo/a/b?c=d')).text, 'GET /a/b?c=d')
      assert.equal((await ask('/echo/')).text, 'GET /')
    })

    await t.test('a route document applies without a restart, and so does a changed one', async () => {
      await writer.put(
        '/waygate/routes/r1',
        JSON.stringify({ path: '/v1/*', service: 'echo', stripPrefix: '/v1' }),
      )
      assert.equal((await answers('/v1/y', ({ status }) => status === 200)).text, 'GET /y')
      assert.equal((await ask('/echo/x')).status, 404, 'a service with a document has no automatic route')
      await writer.put('/waygate/routes/r1', JSON.stringify({ path: '/v2/*', service: 'echo' }))
      assert.equal((await answers('/v2/y', ({ status }) => status === 200)).text, 'GET /v2/y')
      assert.equal((await ask('/v1/y')).status, 404)
    })

    await t.test('a broken route document changes nothing and is shown with its reason', async () => {
      for (const broken of [
        '{"path":',
        '{"path":"/v3/*"}',
        '{"path":"/v3/*","service":"echo","colour":"red"}',
      ]) {
        await writer.put('/waygate/routes/r1', broken)
        const { problems, routes } = await until('the problem is shown', async () => {
          const page = await gateway.routes()
          return page.problems.length > 0 && page
        })
        assert.equal(problems[0]!.key, '/waygate/routes/r1')
        assert.notEqual(problems[0]!.reason, '')
        assert.deepEqual(
          routes.map(({ id, path }) => [id, path]),
          [['r1', '/v2/*']],
        )
        assert.equal((await ask('/v2/y')).text, 'GET /v2/y')
        await writer.put('/waygate/routes/r1', JSON.stringify({ path: '/v2/*', service: 'echo' }))
        await until('the problem is gone', async () => (await gateway.routes()).problems.length === 0)
      }
    })

    await t.test(
      'a malformed node keeps its place, is shown and logged once, and costs its neighbours nothing',
      async () => {
        const good = JSON.stringify({ ip: '127.0.0.1', port: other.port })
        await writer.put('/services/other/a', good)
        await answers('/other/', ({ text }) => text === 'other')
        for (const bad of [
          '',
          'nonsense',
          '{"ip":"127.0.0.1","port":70000}',
          '{"ip":"169.254.169.254","port":80}',
        ]) {
          await writer.put('/services/other/b', bad)
          await writer.put('/services/other/a', bad)
          await until('both problems are shown', async () => (await gateway.routes()).problems.length === 2)
          assert.equal((await ask('/other/')).text, 'other')
          await writer.put('/services/other/a', good)
          await writer.del('/services/other/b')
          await until('the problems are gone', async () => (await gateway.routes()).problems.length === 0)
        }
        const keys = await until('each bad value is logged', () => {
          const lines = gateway.log().filter(({ msg, key }) => {
            return msg === 'registry value ignored' && String(key).startsWith('/services/other')
          })
          return lines.length >= 8 && lines.map(({ key }) => key)
        })
        assert.equal(keys.length, 8, 'one line for each bad value')
      },
    )

    await t.test('a deleted node is gone: 503 where a route names the service, 404 elsewhere', async () => {
      await writer.del('/services/echo/n1')
      const { text } = await answers('/v2/y', ({ status }) => status === 503)
      assert.equal(JSON.parse(text).code, 'WG_NO_NODE')
      await writer.del('/services/other/a')
      await answers('/other/', ({ status }) => status === 404)
    })
  })
}
