import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type ConnectionOptions, connect } from 'node:tls'
import { tempFolder } from '../config/temp-folder.ts'
import { makeAuthority, replaceFiles } from '../support/certificates.ts'
import { readRaw } from '../support/http.ts'
import { until } from '../support/until.ts'
import { startWithWorkers } from '../support/workers.ts'

const authority = makeAuthority({ after })
const names = { names: 'DNS:shop.example' }
const [first, second, third] = [
  authority.issue('first', names),
  authority.issue('second', names),
  authority.issue('third', names),
]
const TLS: ConnectionOptions = { host: '127.0.0.1', ca: authority.pem, servername: 'shop.example' }

/** Sends a request over a connection of its own. */
async function ask(port: number, session?: Buffer) {
  const socket = connect({ ...TLS, port, ...(session && { session }) })
  let given: Buffer | undefined
  socket.on('session', (each: Buffer) => {
    given = each
  })
  const client = readRaw(socket)
  await once(socket, 'secureConnect')
  // A session that is resumed shows no certificate.
  const served = socket.getPeerCertificate().subject?.CN
  const isReused = socket.isSessionReused()
  socket.write('GET /echo/x HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n')
  const text = await client.closed
  return { served, isReused, session: given, status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]) }
}

test('two workers serve TLS: they resume the sessions of each other, follow the files, and are replaced by SIGHUP', async t => {
  const folder = tempFolder(t)
  const place = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') }
  for (const file of ['cert', 'key'] as const) copyFileSync(first[file], place[file])
  const tls = { ...place, port: 0 }
  await using scene = await startWithWorkers({ accessLog: false, tls })
  const { gateway, configure, workers, metric } = scene
  const tlsPort = Number(new URL(String((await gateway.logged('waygate is listening')).tls)).port)

  const { session, status, served } = await ask(tlsPort)
  assert.deepEqual([status, served], [200, 'first'])
  // Connections go to the workers in turn, so half of these were not got there.
  for (let i = 0; i < 10; i++) {
    const resumed = await ask(tlsPort, session)
    assert.deepEqual([resumed.status, resumed.isReused], [200, true])
  }
  assert.equal(await metric('waygate_tls_handshakes_total'), 11)

  replaceFiles(place, second)
  const untilServed = (name: string) =>
    until(`both workers serve ${name}`, async () => {
      const answers = await Promise.all(Array.from({ length: 6 }, () => ask(tlsPort)))
      for (const each of answers) assert.equal(each.status, 200)
      return answers.every(each => each.served === name)
    })
  await untilServed('second')
  const told = () => gateway.log().filter(({ msg }) => msg === 'certificate changed; new connections get it')
  await until('both have told it', () => told().length === 2)

  const before = await workers()
  await configure({ accessLog: false, tls: { ...tls, ...third } })
  let isOver = false
  const steady = (async () => {
    while (!isOver) assert.equal((await ask(tlsPort)).status, 200)
  })()
  gateway.child.kill('SIGHUP')
  await gateway.logged('new configuration is active')
  await untilServed('third')
  isOver = true
  await steady
  assert.ok(!(await workers()).some(pid => before.includes(pid)))
  // New workers have the secret of the old ones.
  assert.equal((await ask(tlsPort, session)).isReused, true)
})

test('a gateway with two workers that gets SIGTERM answers what is in flight over TLS', async () => {
  const waiting: (() => void)[] = []
  await using scene = await startWithWorkers(
    { tls: { ...first, port: 0 }, shutdownTimeoutMs: 20_000, drainMs: 0 },
    { handler: (_request, response) => void waiting.push(() => response.end('late')) },
  )
  const { gateway } = scene
  const tlsPort = Number(new URL(String((await gateway.logged('waygate is listening')).tls)).port)
  const asked = [ask(tlsPort), ask(tlsPort), ask(tlsPort)]
  await until('all have arrived', () => waiting.length === 3)
  gateway.child.kill('SIGTERM')
  await gateway.logged(({ msg }) => /draining|stopping|shutting down/.test(msg))
  for (const each of waiting) each()
  for (const each of asked) assert.equal((await each).status, 200)
  assert.equal((await gateway.exited).code, 0)
})
