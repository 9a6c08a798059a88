import assert from 'node:assert/strict'
import { createPrivateKey, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parseCommandLine } from '../../../cmd/cli/options.ts'
import { runCertificate } from '../../../cmd/commands/certificate.ts'
import { startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'
import { tempFolder } from '../../config/temp-folder.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { openRegistry } from '../../support/registry.ts'

/** Runs `waygate certificate` in this process. */
async function run(t: TestContext, ...args: readonly string[]): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = []
  const log = t.mock.method(console, 'log', (line: string) => lines.push(line))
  const error = t.mock.method(console, 'error', (line: string) => lines.push(line))
  try {
    const command = parseCommandLine(['certificate', ...args])
    assert.equal(command.command, 'certificate')
    return { code: await runCertificate(command as Parameters<typeof runCertificate>[0]), lines }
  } finally {
    log.mock.restore()
    error.mock.restore()
  }
}

async function openEtcd(t: TestContext) {
  const etcd = await startEmbeddedEtcd({ host: '127.0.0.1', port: 0 })
  t.after(() => etcd.close())
  const registry = openRegistry(etcd.url)
  t.after(() => registry[Symbol.dispose]())
  return { registry, at: ['--etcd', etcd.url] }
}

/** The time of a line, which depends on when the test runs. */
function untimed(lines: readonly string[]): string[] {
  return lines.map(line => line.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME'))
}

test('a certificate is sealed and put into etcd, and listed with its names and its end', async t => {
  const { registry, at } = await openEtcd(t)
  const authority = makeAuthority(t)
  const shop = authority.issue('shop', { names: 'DNS:shop.example,DNS:*.shop.example,IP:10.0.0.1' })
  const seal = `${randomBytes(32).toString('base64')}\n`
  const folder = tempFolder(t, { seal, other: `${randomBytes(32).toString('base64')}\n` })
  const sealed = [...at, '--tls-seal-key-file', join(folder, 'seal')]
  const put = await run(t, 'put', 'shop', '--cert', shop.cert, '--key', shop.key, ...sealed)
  const line = '/waygate/certificates/shop: shop.example, *.shop.example, 10.0.0.1; valid until TIME'
  assert.deepEqual({ ...put, lines: untimed(put.lines) }, { code: 0, lines: [line] })
  const value = JSON.parse(String(await registry.client.get('/waygate/certificates/shop').string()))
  assert.deepEqual(Object.keys(value), ['cert', 'sealedKey'])
  const list = await run(t, 'list', ...sealed)
  assert.deepEqual({ ...list, lines: untimed(list.lines) }, { code: 0, lines: [line] })
  const unknown = await run(t, 'list', ...at)
  assert.deepEqual(
    { ...unknown, lines: untimed(unknown.lines) },
    { code: 0, lines: [`${line}; its key was not checked: no seal key is given`] },
  )
  await registry.put('/waygate/certificates/broken', '{')
  const others = await run(t, 'list', ...at, '--tls-seal-key-file', join(folder, 'other'))
  assert.deepEqual(others, {
    code: 1,
    lines: [
      '/waygate/certificates/broken: not usable: value is not valid JSON',
      '/waygate/certificates/shop: not usable: sealedKey was sealed with another key than tls.sealKeyFile, or under another name than "shop"',
    ],
  })
})

test('what others have written is listed without what a terminal obeys', async t => {
  const { registry, at } = await openEtcd(t)
  await registry.put('/waygate/certificates/a\u001b[2Jb', '{')
  const { lines } = await run(t, 'list', ...at)
  assert.deepEqual(lines, ['/waygate/certificates/a\ufffd[2Jb: not usable: value is not valid JSON'])
})

test('without a seal key nothing is written, unless plain keys are allowed', async t => {
  const { registry, at } = await openEtcd(t)
  const { cert, key } = makeAuthority(t).issue('shop.example')
  const put = ['put', 'shop', '--cert', cert, '--key', key, ...at]
  await assert.rejects(run(t, ...put), /there is no key to seal the private key with: set tls.sealKeyFile/)
  assert.equal(await registry.client.get('/waygate/certificates/shop').string(), null)
  const folder = tempFolder(t, { 'plain.yaml': '{"tls": {"fromEtcd": true, "plainKeys": true}}' })
  const { code, lines } = await run(t, ...put, '--config', join(folder, 'plain.yaml'))
  assert.equal(code, 0)
  assert.equal(lines.length, 1, 'the configuration reads certificates from etcd')
  const value = JSON.parse(String(await registry.client.get('/waygate/certificates/shop').string()))
  assert.match(value.key, /^-----BEGIN PRIVATE KEY-----/)
})

test('a key that is encrypted is put with its password, and refused without', async t => {
  const { registry, at } = await openEtcd(t)
  const { cert, key } = makeAuthority(t).issue('shop.example')
  const encrypted = createPrivateKey(readFileSync(key))
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'a password' })
    .toString()
  const files = { 'shop.key': encrypted, password: 'a password\n', seal: randomBytes(32).toString('base64') }
  const folder = tempFolder(t, files)
  const sealed = ['--tls-seal-key-file', join(folder, 'seal'), ...at]
  const put = ['put', 'shop', '--cert', cert, '--key', join(folder, 'shop.key'), ...sealed]
  await assert.rejects(run(t, ...put), /shop\.key: .*it is encrypted, and there is no password for it/)
  const { code } = await run(t, ...put, '--key-password-file', join(folder, 'password'))
  assert.equal(code, 0)
  const listed = await run(t, 'list', ...sealed)
  assert.deepEqual([listed.code, listed.lines.length], [0, 1], 'gateways can use it without the password')
  assert.equal((await registry.client.getAll().prefix('/waygate/certificates/').keys()).length, 1)
})

test('a configuration file that does not read certificates from etcd is told of', async t => {
  const { at } = await openEtcd(t)
  const { cert, key } = makeAuthority(t).issue('shop.example')
  const folder = tempFolder(t, { 'waygate.yaml': '{}', seal: randomBytes(32).toString('base64') })
  const config = join(folder, 'waygate.yaml')
  const options = ['--tls-seal-key-file', join(folder, 'seal'), '--config', config]
  const { lines } = await run(t, 'put', 'shop', '--cert', cert, '--key', key, ...at, ...options)
  assert.equal(lines[1], `${config} does not read certificates from etcd yet: set tls.fromEtcd`)
})

test('a pair that gateways could not use is not written', async t => {
  const { registry, at } = await openEtcd(t)
  const authority = makeAuthority(t)
  const [shop, other] = [authority.issue('shop.example'), authority.issue('other.example')]
  const old = authority.issue('old.example', { days: -1 })
  const folder = tempFolder(t, {
    seal: randomBytes(32).toString('base64'),
    short: 'c2hvcnQ=',
    text: 'garbage',
  })
  const sealed = [...at, '--tls-seal-key-file', join(folder, 'seal')]
  const cases: readonly (readonly [cert: string, key: string, message: RegExp])[] = [
    [shop.cert, other.key, /the private key is not that of the certificate/],
    [old.cert, old.key, /the certificate expired at /],
    [join(folder, 'text'), shop.key, /text does not hold PEM/],
    [shop.cert, join(folder, 'none'), /none cannot be read: no such file/],
  ]
  for (const [cert, key, message] of cases) {
    await assert.rejects(run(t, 'put', 'shop', '--cert', cert, '--key', key, ...sealed), message)
  }
  await assert.rejects(
    run(t, 'list', ...at, '--tls-seal-key-file', join(folder, 'short')),
    /short must hold 32 bytes in base64, as openssl rand -base64 32 writes them/,
  )
  assert.deepEqual(await registry.client.getAll().prefix('/waygate/certificates/').strings(), {})
})

test('arguments that do not fit are refused', () => {
  const files = ['--cert', 'c', '--key', 'k']
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /must be one of put, list, and is missing/],
    [['drop'], /must be one of put, list, not drop/],
    [['put'], /NAME is missing/],
    [['put', 'a b', ...files], /NAME must be 1 to 255 characters of ASCII without spaces, not a b/],
    [['put', 'a', '--cert', 'c'], /--key is missing/],
    [['put', 'a', '--key', 'k'], /--cert is missing/],
    [['put', 'a', 'b', ...files], /unexpected argument b/],
    [['list', 'a'], /unexpected argument a/],
    [['list', ...files], /--cert belongs to put/],
    [['list', '--key-password-file', 'p'], /--key-password-file belongs to put/],
  ]
  for (const [args, message] of cases)
    assert.throws(() => parseCommandLine(['certificate', ...args]), message)
})
