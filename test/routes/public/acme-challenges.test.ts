import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { tempFolder } from '../../config/temp-folder.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { startTestGateway } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { askHttp2, openHttp2 } from '../../support/http2-client.ts'
import { startService } from '../../support/service.ts'
import { getTls } from '../../support/tls-client.ts'
import { until } from '../../support/until.ts'

const PATH = '/.well-known/acme-challenge/'
const TOKEN = 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr_oA'
const ANSWER = `${TOKEN}.nP1qzpXGymHBrUEepNY9HCsQk7K8KhOypzEt62jcerQ`

/** Starts a gateway whose only route is that of a node, which answers everything. */
async function start(t: TestContext, tls: object, files: Readonly<Record<string, string>> = {}) {
  const folder = tempFolder(t, files)
  const node = await startService('node')
  t.after(() => node.close())
  const gateway = await startTestGateway(t, {
    nodes: { 'node/n1': node.port },
    routes: { all: { service: 'node', path: '/*' } },
    document: { tls: { ...(tls === BY_FOLDER ? { acmeChallengeDir: folder } : tls) } },
  })
  return { ...gateway, folder, node }
}

const BY_FOLDER = {}

test('a file of the folder is the answer to the challenge of its name, and no node is asked', async t => {
  const { port, node } = await start(t, BY_FOLDER, { [TOKEN]: ANSWER })
  const answer = await send(port, { path: PATH + TOKEN, headers: { host: 'shop.example' } })
  assert.equal(answer.status, 200)
  assert.equal(answer.text, ANSWER)
  assert.equal(answer.headers['content-type'], 'application/octet-stream')
  const head = await send(port, { method: 'HEAD', path: PATH + TOKEN })
  assert.deepEqual([head.status, head.text, head.headers['content-length']], [200, '', String(ANSWER.length)])
  assert.equal((await send(port, { path: `${PATH}${TOKEN}?again` })).text, ANSWER)
  const session = openHttp2(t, port)
  assert.equal((await askHttp2(session, { ':path': PATH + TOKEN })).text, ANSWER)
  assert.equal((await askHttp2(session, { ':path': PATH + TOKEN, ':method': 'HEAD' })).text, '')
  assert.equal(node.count, 0)
})

test('what is no challenge that is known goes to the route', async t => {
  const { port, folder, node } = await start(t, BY_FOLDER, {
    [TOKEN]: ANSWER,
    'with.dot': 'secret',
    'long-answer': 'x'.repeat(4_097),
    longest: 'x'.repeat(4_096),
  })
  const outside = tempFolder(t, { secret: 'secret' })
  symlinkSync(join(outside, 'secret'), join(folder, 'link'))
  symlinkSync(join(folder, TOKEN), join(folder, 'inner-link'))
  mkdirSync(join(folder, 'folder'))
  execFileSync('mkfifo', [join(folder, 'pipe')])
  const paths = [
    ...['unknown', 'with.dot', 'long-answer', 'link', 'inner-link', 'folder', 'pipe', '', `${TOKEN}/`],
    ...[
      `folder/../${TOKEN}x`,
      `..%2f${TOKEN}`,
      `${TOKEN}%00`,
      '%2e%2e/secret',
      'x'.repeat(256),
      'x'.repeat(257),
    ],
  ]
  for (const path of paths) {
    const before = node.count
    const { status, text } = await send(port, { path: PATH + path })
    assert.ok(!text.includes('secret') && !text.includes(ANSWER) && !text.includes('xxx'), path)
    if (status === 200) assert.equal(node.count, before + 1, `${path} went to the node`)
    else assert.equal(status, 400, path)
  }
  const before = node.count
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) await send(port, { method, path: PATH + TOKEN })
  assert.equal(node.count, before + 4, 'an answer is for GET and HEAD alone')
  assert.equal((await send(port, { path: `${PATH}longest` })).text.length, 4_096)
  writeFileSync(join(folder, 'new'), 'later')
  assert.equal(
    (await send(port, { path: `${PATH}new` })).text,
    'later',
    'files may come while the gateway runs',
  )
})

test('a file that is no answer is told in the log, once a minute for each reason', async t => {
  const { port, folder, log } = await start(t, BY_FOLDER, { 'long-answer': 'x'.repeat(4_097) })
  symlinkSync(join(folder, 'long-answer'), join(folder, 'link'))
  for (const name of ['long-answer', 'link', 'long-answer', 'link', 'unknown'])
    await send(port, { path: PATH + name })
  const reasons = log
    .filter(({ msg }) => String(msg).startsWith('answer to an ACME challenge'))
    .map(({ reason }) => reason)
  assert.deepEqual(reasons, ['it has more than 4096 bytes', 'it is a link, which is not followed'])
})

test('challenges are answered from the registry too, and over TLS, and before clients are sent to TLS', async t => {
  const authority = makeAuthority(t)
  const { cert, key } = authority.issue('shop.example', { days: 90 })
  const seal = tempFolder(t, { seal: randomBytes(32).toString('base64') })
  const { port, gateway, registry, node } = await start(t, {
    ...{ cert, key, port: 0, plain: 'redirect', fromEtcd: true, sealKeyFile: join(seal, 'seal') },
  })
  const redirected = await send(port, { path: PATH + TOKEN, headers: { host: 'shop.example' } })
  assert.equal(redirected.status, 308)
  const entry = {
    kind: 'acme-challenge',
    key: `/waygate/acme/${TOKEN}`,
    token: TOKEN,
    answer: ANSWER,
  } as const
  registry.putEntry('acme-challenges', entry)
  const ask = () => send(port, { path: PATH + TOKEN, headers: { host: 'shop.example' } })
  await until('the challenge is answered', async () => (await ask()).text === ANSWER)
  const target = { port: gateway.addresses.tls!.port, ca: authority.pem }
  assert.deepEqual(await getTls(target, 'shop.example', PATH + TOKEN), { status: 200, text: ANSWER })
  registry.deleteEntry('acme-challenges', entry.key)
  await until('the challenge is forgotten', async () => (await ask()).status === 308)
  assert.equal(node.count, 0)
})
