import assert from 'node:assert/strict'
import { randomBytes, X509Certificate } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { writeCertificateDocument } from '../../config/keys/certificate-document.ts'
import { readCertificateFiles } from '../../config/keys/certificate-pair.ts'
import { tempFolder } from '../config/temp-folder.ts'
import { type Authority, makeAuthority } from '../support/certificates.ts'
import { requireEtcd, startEtcd } from '../support/etcd.ts'
import { GATEWAY, startEtcdWithUsers } from '../support/etcd-auth.ts'
import { startGatewayHere } from '../support/gateway-here.ts'
import { openRegistry } from '../support/registry.ts'
import { startService } from '../support/service.ts'
import type { LogReader } from '../support/serving-gateway.ts'
import { getTls, shownCertificate } from '../support/tls-client.ts'
import { until } from '../support/until.ts'
import { startWithWorkers } from '../support/workers.ts'

const KEY = '/waygate/certificates/shop'

interface Scene {
  readonly authority: Authority
  readonly sealKeyFile: string
  /** The section `tls` of a gateway whose certificates are in etcd alone. */
  readonly tls: object
  /** Returns the value of a new certificate for shop.example, whose key is sealed under the name `shop`. */
  issue(): string
}

function prepare(t: TestContext): Scene {
  const authority = makeAuthority(t)
  const sealKey = randomBytes(32)
  const sealKeyFile = join(tempFolder(t, { seal: sealKey.toString('base64') }), 'seal')
  const sealing = { sealKey, plainKeys: false }
  return {
    authority,
    sealKeyFile,
    tls: { port: 0, fromEtcd: true, sealKeyFile },
    issue() {
      const pair = readCertificateFiles(authority.issue('shop.example', { days: 90 }))
      return JSON.stringify(writeCertificateDocument(pair, 'shop', sealing))
    },
  }
}

async function tlsPortOf(gateway: LogReader): Promise<number> {
  const { tls } = await gateway.logged('waygate is listening')
  return Number(new URL(String(tls)).port)
}

const serialOf = async (port: number) => (await shownCertificate(port, 'shop.example'))?.serialNumber

describe('certificates in etcd', { concurrency: 2 }, () => {
  test('are served from the copy on disk while etcd is down, where their keys are still sealed', async t => {
    if (!requireEtcd(t)) return
    const { authority, tls, issue } = prepare(t)
    await using etcd = await startEtcd()
    await using node = await startService('shop')
    const cwd = tempFolder(t, {})
    const start = (ready = true) =>
      startGatewayHere({
        etcd: etcd.url,
        cwd,
        ready,
        config: { tls },
        args: ['--data-dir', join(cwd, 'data')],
      })
    {
      using registry = openRegistry(etcd.url)
      await registry.put(KEY, issue())
      await registry.putNode('shop', 's1', node)
      await using gateway = await start()
      const target = { port: await tlsPortOf(gateway), ca: authority.pem }
      assert.deepEqual(await getTls(target, 'shop.example', '/shop/x'), { status: 200, text: 'shop' })
      // A value that cannot be used is in the copy as well, with the last good one beside it.
      await registry.put(KEY, 'garbage')
      await until('the value is refused', async () =>
        (await gateway.routes()).problems.some(({ key }) => key === KEY),
      )
    }
    const files = globSync(join(cwd, 'data/**/*.json'))
    const texts = files.map(file => readFileSync(file, 'utf8'))
    assert.ok(texts.some(text => text.includes('sealedKey') && text.includes('garbage')))
    assert.ok(!texts.some(text => text.includes('PRIVATE KEY')))
    await etcd.kill('SIGKILL')
    await using gateway = await start()
    const target = { port: await tlsPortOf(gateway), ca: authority.pem }
    assert.deepEqual(await getTls(target, 'shop.example', '/shop/x'), { status: 200, text: 'shop' })
  })

  test('that may not be read keep a gateway with no others from being ready, and from nothing else', async t => {
    if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
    const { authority, tls, issue } = prepare(t)
    await using etcd = await startEtcdWithUsers()
    await using node = await startService('shop')
    await etcd.put('/services/shop/s1', JSON.stringify({ id: 's1', ip: '127.0.0.1', port: node.port }))
    await etcd.put(KEY, issue())
    const config = { tls, etcd: GATEWAY }
    await using gateway = await startGatewayHere({ etcd: etcd.url, ready: false, config })
    await until('requests are served without TLS', async () => (await fetch(`${gateway.url}/shop/x`)).ok)
    assert.equal((await fetch(`${gateway.admin}/readyz`)).status, 503)
    const source = (await gateway.routes()).source.sources.find(({ scope }) => scope === 'certificates')
    assert.equal(source?.connected, false)
    assert.match(source?.reason ?? '', /permission/)
    assert.equal(await serialOf(await tlsPortOf(gateway)), undefined)

    const other = authority.issue('file.example', { days: 90 })
    const both = { ...tls, cert: other.cert, key: other.key }
    await using second = await startGatewayHere({ etcd: etcd.url, config: { tls: both, etcd: GATEWAY } })
    const file = { port: await tlsPortOf(second), ca: authority.pem }
    assert.equal((await getTls(file, 'file.example', '/shop/x')).status, 200, 'those of files are enough')

    for (const prefix of ['/waygate/certificates/', '/waygate/acme/']) {
      await etcd.root('role', 'grant-permission', 'waygate', '--prefix=true', 'read', prefix)
    }
    await until('it is ready', async () => (await fetch(`${gateway.admin}/readyz`)).ok, { withinMs: 60_000 })
    const target = { port: await tlsPortOf(gateway), ca: authority.pem }
    assert.equal((await getTls(target, 'shop.example', '/shop/x')).status, 200)
  })

  test('reach every worker, and a reload fails no handshake', async t => {
    const { tls, sealKeyFile, issue } = prepare(t)
    await using scene = await startWithWorkers({ tls: { ...tls, plain: 'serve' } })
    const { gateway, workers } = scene
    using registry = openRegistry(gateway.etcd)
    await registry.put(KEY, issue())
    const port = await tlsPortOf(gateway)
    await until('all workers have it', async () => {
      const seen = await Promise.all(Array.from({ length: 8 }, () => serialOf(port)))
      return !seen.includes(undefined)
    })
    let isOver = false
    const seen: (string | undefined)[] = []
    const asking = (async () => {
      while (!isOver) {
        seen.push(await serialOf(port))
        await delay(20)
      }
    })()
    const before = await workers()
    gateway.child.kill('SIGHUP')
    await gateway.logged('new configuration is active')
    assert.ok(!(await workers()).some(pid => before.includes(pid)))
    isOver = true
    await asking
    assert.ok(seen.length > 0)
    assert.ok(
      !seen.includes(undefined),
      `${seen.filter(each => each === undefined).length} of ${seen.length} failed`,
    )

    // A worker that takes the place of another one has the seal key from the primary.
    await rm(sealKeyFile)
    const [first] = await workers()
    process.kill(first!, 'SIGKILL')
    await until('another has taken its place', async () => {
      const now = await workers()
      return now.length === 2 && !now.includes(first!)
    })
    const value = issue()
    await registry.put(KEY, value)
    const serial = new X509Certificate(JSON.parse(value).cert).serialNumber
    await until('all workers have the new one', async () => {
      const shown = await Promise.all(Array.from({ length: 8 }, () => serialOf(port)))
      return shown.every(each => each === serial)
    })
  })
})
