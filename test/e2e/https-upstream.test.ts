import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest, type RequestListener } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, suite, type TestContext, test } from 'node:test'
import type { TLSSocket, TlsOptions } from 'node:tls'
import * as grpc from '@grpc/grpc-js'
import { HealthImplementation } from 'grpc-health-check'
import { tempFolder } from '../config/temp-folder.ts'
import { LOOPBACK, makeAuthority, pemOf } from '../support/certificates.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { createEchoClient } from '../support/grpc-client.ts'
import { ECHO, echoPackage } from '../support/grpc-echo.ts'
import { openRaw, send } from '../support/http.ts'
import { respondWith, startHttp2Node } from '../support/http2-node.ts'
import { openRegistry } from '../support/registry.ts'
import { until } from '../support/until.ts'
import { startGateway } from '../support/waygate.ts'
import { OPCODE, openWebSocket, startWebSocketNode } from '../support/websocket.ts'

const authority = makeAuthority({ after })
const server = pemOf(authority.issue('server', { names: LOOPBACK }))
const client = authority.issue('client', { names: 'DNS:gateway.example' })

interface HttpsNode {
  readonly port: number
  readonly server: Server
  /** The connections whose handshakes were completed, in order. */
  readonly sockets: readonly TLSSocket[]
}

const hello: RequestListener = (_, response) => void response.end('hello')

/** Starts an HTTPS server on node:https. Closed after the test. */
async function startHttpsNode(
  t: TestContext,
  options: TlsOptions = server,
  listener: RequestListener = hello,
): Promise<HttpsNode> {
  const sockets: TLSSocket[] = []
  const node = createServer(options, listener)
  node.on('secureConnection', socket => void sockets.push(socket)).on('tlsClientError', () => {})
  node.listen(0, '127.0.0.1')
  await once(node, 'listening')
  t.after(() => {
    node.close()
    node.closeAllConnections()
  })
  return { port: (node.address() as AddressInfo).port, server: node, sockets }
}

/** Starts a gateway with this `upstream.tls`, and nodes of services by their ports and protocols. */
async function startWith(
  t: TestContext,
  {
    tls = {},
    nodes = {},
    routes = {},
    ...more
  }: {
    readonly tls?: object
    readonly nodes?: Readonly<
      Record<string, { port: number; protocol?: string; metadata?: Record<string, string> }>
    >
    readonly routes?: Readonly<Record<string, unknown>>
    readonly breaker?: object
  },
): Promise<TestGateway> {
  const gateway = await startTestGateway(t, { routes, document: { upstream: { tls }, ...more } })
  for (const [service, node] of Object.entries(nodes)) {
    await gateway.registry.register({ id: 'n1', service, host: '127.0.0.1', protocol: 'https', ...node })
  }
  await until('the nodes are known', () => gateway.gateway.nodeCount() === Object.keys(nodes).length)
  return gateway
}

/** Sends a request, and resolves with its status and the reason in the access log. */
async function ask({ port, logged }: TestGateway, path: string) {
  const { status, text, headers } = await send(port, { path })
  const line = await logged(String(headers['x-request-id']))
  return { status, text, reason: line.reason as string | undefined, line }
}

async function nodePage({ adminPort }: TestGateway, service: string): Promise<Record<string, unknown>> {
  const { services } = (await send(adminPort, { path: '/services' })).json() as {
    services: { name: string; nodes: Record<string, unknown>[] }[]
  }
  return services.find(({ name }) => name === service)!.nodes[0]!
}

suite('nodes with TLS', () => {
  test('a certificate that is not trusted is answered 502, and log and page name the cure', async t => {
    const node = await startHttpsNode(t)
    const gateway = await startWith(t, { nodes: { user: node } })
    const { status, reason, text, line } = await ask(gateway, '/user')
    assert.equal(status, 502)
    assert.match(text, /WG_UPSTREAM_UNREACHABLE/)
    assert.match(reason!, /not from a trusted authority .*upstream\.tls\.ca.*upstreamTls\.ca/)
    assert.equal(line.code, 'WG_UPSTREAM_UNREACHABLE')
    assert.equal(node.sockets.length, 0)
    const warnings = gateway.log.filter(({ msg }) => msg === 'TLS connection to node failed')
    assert.deepEqual(
      warnings.map(({ service, node: id, protocol, reason: why }) => [service, id, protocol, why]),
      [['user', 'n1', 'https', reason]],
    )
    const page = await nodePage(gateway, 'user')
    assert.deepEqual([page.protocol, page.lane, page.problem], ['https', 'http', reason])
    assert.equal('sessions' in page, false)
  })

  test('a certificate of upstream.tls.ca is accepted, and connections are kept', async t => {
    const node = await startHttpsNode(t)
    const gateway = await startWith(t, { tls: { ca: authority.ca }, nodes: { user: node } })
    for (let i = 0; i < 3; i++) {
      const { status, text } = await ask(gateway, '/user')
      assert.deepEqual([status, text], [200, 'hello'])
    }
    assert.equal(node.sockets.length, 1)
    assert.equal((await nodePage(gateway, 'user')).problem, undefined)
  })

  test('a certificate for another name is refused until the route names it', async t => {
    const named = pemOf(authority.issue('orders', { names: 'DNS:orders.example' }))
    const node = await startHttpsNode(t, named)
    const gateway = await startWith(t, { tls: { ca: authority.ca }, nodes: { user: node } })
    const { status, reason } = await ask(gateway, '/user')
    assert.equal(status, 502)
    assert.match(reason!, /is for DNS:orders\.example, not for 127\.0\.0\.1: set upstreamTls\.serverName/)
    gateway.registry.putRoute('user', {
      path: '/user',
      service: 'user',
      upstreamTls: { serverName: 'orders.example' },
    })
    await until('the name is right', async () => (await send(gateway.port, { path: '/user' })).status === 200)
    assert.equal(node.sockets.at(-1)!.servername, 'orders.example')
    assert.equal((await nodePage(gateway, 'user')).problem, undefined)
  })

  test('no name out of metadata makes a certificate right', async t => {
    const named = pemOf(authority.issue('metadata', { names: 'DNS:orders.example' }))
    const { port } = await startHttpsNode(t, named)
    const metadata = { serverName: 'orders.example', 'upstreamTls.serverName': 'orders.example' }
    const gateway = await startWith(t, { tls: { ca: authority.ca }, nodes: { user: { port, metadata } } })
    assert.equal((await ask(gateway, '/user')).status, 502)
  })

  test('a route brings its own authority, as text', async t => {
    const node = await startHttpsNode(t)
    const other = makeAuthority(t)
    const route = (ca: string) => ({ user: { path: '/user', service: 'user', upstreamTls: { ca } } })
    const good = await startWith(t, { nodes: { user: node }, routes: route(authority.pem) })
    assert.equal((await ask(good, '/user')).status, 200)
    const bad = await startWith(t, {
      ...{ nodes: { user: node }, routes: route(other.pem), tls: { ca: authority.ca } },
    })
    assert.equal((await ask(bad, '/user')).status, 502)
  })

  test('without verification any certificate will do, unless the route wants it verified', async t => {
    const node = await startHttpsNode(t)
    const gateway = await startWith(t, { tls: { verify: false }, nodes: { user: node } })
    assert.equal((await ask(gateway, '/user')).status, 200)
    gateway.registry.putRoute('user', { path: '/user', service: 'user', upstreamTls: { verify: true } })
    node.server.closeIdleConnections()
    node.sockets[0]!.destroy()
    await until('it is verified', async () => (await send(gateway.port, { path: '/user' })).status === 502)
  })

  test('a node that demands a certificate gets that of the configuration, or of the identity of the route', async t => {
    const asks = { ...server, requestCert: true, rejectUnauthorized: true, ca: authority.pem }
    const billing = authority.issue('billing', { names: 'DNS:billing.example' })
    const node = await startHttpsNode(t, asks, (request, response) => {
      response.end((request.socket as TLSSocket).getPeerCertificate().subject.CN)
    })
    const ca = authority.ca
    const identities = { billing }
    const none = await startWith(t, { tls: { ca }, nodes: { user: node } })
    const { status, reason } = await ask(none, '/user')
    assert.equal(status, 502)
    assert.match(reason!, /requires a client certificate .*upstreamTls\.identity/)
    const gateway = await startWith(t, {
      tls: { ca, ...client, identities },
      nodes: { user: node, bills: node },
      routes: { bills: { path: '/bills', service: 'bills', upstreamTls: { identity: 'billing' } } },
    })
    assert.equal((await ask(gateway, '/user')).text, 'client')
    assert.equal((await ask(gateway, '/bills')).text, 'billing')
  })

  test('an identity that is not configured is a problem of the document, and the last good one stays', async t => {
    const node = await startHttpsNode(t)
    const gateway = await startWith(t, {
      tls: { ca: authority.ca },
      nodes: { user: node },
      routes: { user: { path: '/old', service: 'user', stripPrefix: '/old' } },
    })
    const upstreamTls = { identity: 'nobody' }
    gateway.registry.putRoute('user', { path: '/new', service: 'user', upstreamTls })
    const problems = await until('the problem is shown', async () => {
      const page = (await send(gateway.adminPort, { path: '/routes' })).json()
      const found = page.problems as { reason: string }[]
      return found.length > 0 && found
    })
    assert.match(problems[0]!.reason, /upstreamTls\.identity: .*upstream\.tls\.identities: nobody/)
    assert.equal((await ask(gateway, '/old')).status, 200)
  })

  test('a node below the oldest version of TLS is refused', async t => {
    const old = await startHttpsNode(t, { ...server, maxVersion: 'TLSv1.2' })
    const gateway = await startWith(t, {
      tls: { ca: authority.ca, minVersion: 'TLSv1.3' },
      nodes: { old, user: await startHttpsNode(t) },
    })
    const { status, reason } = await ask(gateway, '/old')
    assert.equal(status, 502)
    assert.match(reason!, /no TLS version of ours .*upstream\.tls\.minVersion/)
    assert.equal((await ask(gateway, '/user')).status, 200)
  })

  test('h2 nodes get requests over HTTP/2, and need ALPN', async t => {
    const { cert, key } = server
    const h2 = await startHttp2Node(t, respondWith('over h2'), { cert, key })
    const without = await startHttpsNode(t)
    const gateway = await startWith(t, {
      tls: { ca: authority.ca },
      nodes: { user: { port: h2.port, protocol: 'h2' }, plain: { port: without.port, protocol: 'h2' } },
    })
    assert.equal((await ask(gateway, '/user')).text, 'over h2')
    const page = await nodePage(gateway, 'user')
    assert.deepEqual([page.protocol, page.lane, page.sessions], ['h2', 'http', 1])
    const { status, reason } = await ask(gateway, '/plain')
    assert.equal(status, 502)
    assert.match(reason!, /does not offer HTTP\/2 in the TLS handshake \(ALPN h2\)/)
  })

  test('grpcs nodes get gRPC calls, and are checked by the health service', async t => {
    const node = new grpc.Server()
    node.addService(echoPackage[ECHO] as grpc.ServiceDefinition, {
      Unary: (call: grpc.ServerUnaryCall<{ text: string }, object>, done: grpc.sendUnaryData<object>) =>
        done(null, { text: call.request.text }),
    })
    const health = new HealthImplementation({ '': 'SERVING' })
    health.addToServer(node)
    const pair = { private_key: Buffer.from(server.key), cert_chain: Buffer.from(server.cert) }
    const port = await new Promise<number>((resolve, reject) =>
      node.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createSsl(null, [pair]), (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    )
    t.after(() => node.forceShutdown())
    const metadata = { healthCheck: '{"grpc":true,"intervalMs":100,"unhealthyAfter":1,"healthyAfter":1}' }
    const gateway = await startWith(t, {
      tls: { ca: authority.ca },
      nodes: { echo: { port, protocol: 'grpcs', metadata } },
      routes: { echo: { path: `/${ECHO}/*`, service: 'echo' } },
    })
    const calls = createEchoClient(gateway.port)
    t.after(() => calls.close())
    const { status, replies } = await calls.call('Unary', { text: 'over TLS' })
    assert.deepEqual([status, replies[0]?.text], ['OK', 'over TLS'])
    gateway.gateway.health.startChecking()
    const healthIs = (wanted: string) =>
      until(`it is ${wanted}`, async () => (await nodePage(gateway, 'echo')).health === wanted)
    await healthIs('healthy')
    health.setStatus('', 'NOT_SERVING')
    await healthIs('unhealthy')
  })

  test('health checks by HTTP and TCP go over TLS, and say why they fail', async t => {
    const named = pemOf(authority.issue('checked', { names: 'DNS:orders.example' }))
    let status = 200
    const good = await startHttpsNode(t, server, (request, response) => {
      response.writeHead(request.url === '/up' ? status : 404).end()
    })
    const bad = await startHttpsNode(t, named)
    const check = (rule: object) => ({
      healthCheck: JSON.stringify({ intervalMs: 100, unhealthyAfter: 1, healthyAfter: 1, ...rule }),
    })
    const gateway = await startWith(t, {
      tls: { ca: authority.ca },
      nodes: {
        path: { port: good.port, metadata: check({ path: '/up' }) },
        tcp: { port: good.port, metadata: check({ tcp: true }) },
        bad: { port: bad.port, metadata: check({ tcp: true }) },
      },
    })
    gateway.gateway.health.startChecking()
    const healthIs = (service: string, wanted: string) =>
      until(`${service} is ${wanted}`, async () => (await nodePage(gateway, service)).health === wanted)
    await healthIs('path', 'healthy')
    await healthIs('tcp', 'healthy')
    await healthIs('bad', 'unhealthy')
    const line = gateway.log.find(({ msg, service }) => msg === 'health changed' && service === 'bad')
    assert.match(String(line!.reason), /no connection: .*set upstreamTls\.serverName/)
    status = 503
    await healthIs('path', 'unhealthy')
    status = 200
    await healthIs('path', 'healthy')
  })

  test('a WebSocket passes an https node', async t => {
    const node = await startWebSocketNode(t, { tls: server })
    const gateway = await startWith(t, { tls: { ca: authority.ca }, nodes: { chat: node } })
    const socket = await openWebSocket(t, gateway.port, { path: '/chat' })
    const end = await node.next()
    for (const text of ['one', 'two', 'x'.repeat(60_000)]) {
      end.write(OPCODE.text, text)
      assert.equal(await socket.next(), text)
      socket.socket.send(text)
      assert.equal(await socket.next(), text)
    }
    end.close(1000, 'bye')
    assert.deepEqual(await socket.closed, { code: 1000, reason: 'bye' })
  })

  test('server-sent events arrive one by one', async t => {
    let push = (_: string) => {}
    const node = await startHttpsNode(t, server, (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.flushHeaders()
      push = text => void response.write(`data: ${text}\n\n`)
    })
    const gateway = await startWith(t, { tls: { ca: authority.ca }, nodes: { news: node } })
    const reader = await openRaw(gateway.port, 'GET /news HTTP/1.1\r\nHost: h\r\n\r\n')
    await reader.until('text/event-stream')
    for (const text of ['first', 'second', 'third']) {
      push(text)
      await reader.until(`data: ${text}`)
    }
    reader.socket.destroy()
  })

  test('an upload of 100 MB passes whole, and a node that reads nothing holds it up', async t => {
    const size = 100 * 1_024 * 1_024
    const piece = Buffer.alloc(65_537, 'not all the same: 0123456789 ')
    let begin = () => {}
    const begun = new Promise<void>(resolve => {
      begin = resolve
    })
    const node = await startHttpsNode(t, server, async (request, response) => {
      await begun
      const hash = createHash('sha256')
      let bytes = 0
      for await (const chunk of request) {
        bytes += chunk.length
        hash.update(chunk)
      }
      response.end(`${bytes} ${hash.digest('hex')}`)
    })
    const gateway = await startWith(t, {
      tls: { ca: authority.ca },
      nodes: { files: node },
      routes: { files: { path: '/files', service: 'files', maxBodyBytes: 0, timeoutMs: 300_000 } },
    })
    const request = httpRequest({ port: gateway.port, host: '127.0.0.1', method: 'POST', path: '/files' })
    request.setHeader('content-length', size)
    const answered = once(request, 'response')
    const hash = createHash('sha256')
    let sent = 0
    const upload = async () => {
      while (sent < size) {
        const bytes = piece.subarray(0, Math.min(piece.length, size - sent))
        sent += bytes.length
        hash.update(bytes)
        if (!request.write(bytes)) await once(request, 'drain')
      }
      request.end()
    }
    const uploaded = upload()
    let before = -1
    await until(
      'the upload stands still',
      () => {
        const isSame = before === sent
        before = sent
        return isSame && sent > 0
      },
      { everyMs: 500 },
    )
    // Both connections have buffers in the system.
    assert.ok(sent < 40_000_000, `${sent} bytes were taken`)
    begin()
    await uploaded
    const [response] = await answered
    response.setEncoding('latin1')
    let text = ''
    for await (const chunk of response) text += chunk
    assert.equal(text, `${size} ${hash.digest('hex')}`)
  })

  test('sessions are resumed on new connections', async t => {
    const reused: boolean[] = []
    const node = await startHttpsNode(t, server, (request, response) => {
      reused.push((request.socket as TLSSocket).isSessionReused())
      response.setHeader('connection', 'close')
      response.end('hello')
    })
    const gateway = await startWith(t, { tls: { ca: authority.ca }, nodes: { user: node } })
    for (let i = 0; i < 3; i++) assert.equal((await ask(gateway, '/user')).status, 200)
    assert.deepEqual(reused, [false, true, true])
  })

  test('the certificate of a node and the authority are replaced while both run', async t => {
    const ca = join(tempFolder(t, { 'ca.pem': authority.pem }), 'ca.pem')
    const node = await startHttpsNode(t, server, (_, response) => {
      response.setHeader('connection', 'close')
      response.end('hello')
    })
    const breaker = { openMs: 50, maxOpenMs: 50 }
    const gateway = await startWith(t, { tls: { ca }, nodes: { user: node }, breaker })
    assert.equal((await ask(gateway, '/user')).status, 200)
    const other = makeAuthority(t)
    node.server.setSecureContext(pemOf(other.issue('renewed', { names: LOOPBACK })))
    node.server.setTicketKeys(Buffer.alloc(48, 'other ticket keys'))
    assert.equal((await ask(gateway, '/user')).status, 502)
    writeFileSync(ca, 'half of a certificate')
    const statusIs = (wanted: number) =>
      until(`status ${wanted}`, async () => (await send(gateway.port, { path: '/user' })).status === wanted)
    await until('the broken file is reported', async () => {
      await send(gateway.port, { path: '/user' })
      return gateway.log.some(
        ({ msg }) => msg === 'certificates for nodes cannot be used; keeping the last good ones',
      )
    })
    writeFileSync(ca, other.pem)
    await statusIs(200)
    assert.ok(
      gateway.log.some(
        ({ msg }) => msg === 'certificates for nodes changed; new connections use the new ones',
      ),
    )
  })

  test('workers get the files from the primary process, which has read them', async t => {
    const node = await startHttpsNode(t)
    const folder = tempFolder(t, { 'ca.pem': authority.pem })
    const ca = join(folder, 'ca.pem')
    await using gateway = await startGateway({
      config: { upstream: { tls: { ca } } },
      args: ['--workers', '2'],
    })
    rmSync(ca)
    using registry = openRegistry(gateway.etcd)
    const value = JSON.stringify({ name: 'user', addr: `127.0.0.1:${node.port}`, protocol: 'https' })
    await registry.put(`/services/user/127.0.0.1:${node.port}`, value)
    await gateway.untilNodes('user', [`127.0.0.1:${node.port}`])
    for (let i = 0; i < 10; i++) assert.equal((await send(gateway.port, { path: '/user' })).text, 'hello')
  })

  test('a node without TLS behind https is told in the log and on /services, and so is a node with TLS behind http', async t => {
    const { cert, key } = server
    const plain = await startWebSocketNode(t)
    const h2 = await startHttp2Node(t, respondWith('never'), { cert, key })
    const gateway = await startWith(t, {
      nodes: {
        plain,
        http: { ...(await startHttpsNode(t)), protocol: 'http' },
        h2c: { port: h2.port, protocol: 'h2c' },
      },
    })
    const { status, reason } = await ask(gateway, '/plain')
    assert.deepEqual([status, reason], [502, 'speaks no TLS: register it with protocol http'])
    assert.equal((await nodePage(gateway, 'plain')).problem, reason)
    assert.ok(gateway.log.some(({ msg }) => msg === 'node speaks another protocol'))
    for (const service of ['http', 'h2c']) {
      const answer = await ask(gateway, `/${service}`)
      assert.equal(answer.status, 502)
      assert.match(answer.reason!, /if it speaks TLS, register it with protocol https, h2 or grpcs/)
      assert.equal((await nodePage(gateway, service)).problem, answer.reason)
      await ask(gateway, `/${service}`)
      const lines = gateway.log.filter(
        line => line.msg === 'node ends connections without an answer' && line.service === service,
      )
      assert.deepEqual(
        lines.map(line => line.reason),
        [answer.reason],
        'once',
      )
    }
  })

  test('the addresses that nodes may have hold for nodes with TLS', async t => {
    const node = await startHttpsNode(t)
    const gateway = await startTestGateway(t, {
      document: {
        discovery: { allowedAddresses: ['10.0.0.0/8'] },
        upstream: { tls: { ca: authority.ca } },
      },
    })
    await gateway.registry.register({
      ...{ service: 'user', id: 'n1', protocol: 'https' },
      host: 'localhost',
      port: node.port,
    })
    await until('the node is known', () => gateway.gateway.nodeCount() === 1)
    const { status, reason } = await ask(gateway, '/user')
    assert.equal(status, 502)
    assert.match(reason!, /not allowed/)
    assert.equal(node.sockets.length, 0)
  })

  test('a redirect of a node with TLS to itself becomes a path', async t => {
    let port = 0
    const node = await startHttpsNode(t, server, (_, response) => {
      response.writeHead(302, { location: `https://127.0.0.1:${port}/elsewhere` }).end()
    })
    port = node.port
    const gateway = await startWith(t, { tls: { ca: authority.ca }, nodes: { user: node } })
    const { headers } = await send(gateway.port, { path: '/user' })
    assert.equal(headers.location, '/user/elsewhere')
  })

  test('one node of three with a wrong certificate costs no request', async t => {
    const other = makeAuthority(t)
    const nodes = [
      await startHttpsNode(t),
      await startHttpsNode(t),
      await startHttpsNode(t, pemOf(other.issue('other', { names: LOOPBACK }))),
    ]
    const gateway = await startWith(t, { tls: { ca: authority.ca } })
    for (const [index, { port }] of nodes.entries()) {
      const id = `n${index}`
      await gateway.registry.register({ service: 'user', id, host: '127.0.0.1', port, protocol: 'https' })
    }
    await until('the nodes are known', () => gateway.gateway.nodeCount() === 3)
    for (let i = 0; i < 12; i++) {
      const { status } = await send(gateway.port, { method: 'POST', path: '/user', body: 'not idempotent' })
      assert.equal(status, 200)
    }
    assert.ok(gateway.log.some(({ msg, node }) => msg === 'TLS connection to node failed' && node === 'n2'))
  })
})
