import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { TlsFromRegistry } from '../../../cmd/gateway/tls-from-registry.ts'
import { writeCertificateDocument } from '../../../config/keys/certificate-document.ts'
import { readCertificateFiles } from '../../../config/keys/certificate-pair.ts'
import type { RegistryEntry, RegistryEvent } from '../../../discovery/registry.ts'
import { tempFolder } from '../../config/temp-folder.ts'
import { type CertificateFiles, makeAuthority } from '../../support/certificates.ts'
import { startTestGateway, type TestGateway } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { startService } from '../../support/service.ts'
import { getTls, shownCertificate } from '../../support/tls-client.ts'
import { until } from '../../support/until.ts'

/** Nothing warns of its end. */
const LONG = { days: 90 }
const PREFIX = '/waygate/certificates/'

interface Scene extends TestGateway {
  readonly tlsPort: number
  /** Puts a certificate into the registry, sealed. */
  put(name: string, files: CertificateFiles, sealKey?: Buffer): Promise<void>
  putDocument(name: string, document: Readonly<Record<string, unknown>>): Promise<void>
  putEntry(entry: RegistryEntry): Promise<void>
  delete(name: string): Promise<void>
  /** Resolves with the serial number of the certificate for a host; undefined = there is none. */
  serialOf(host: string): Promise<string | undefined>
  /** What is wrong with the certificates, by name. */
  problems(): Promise<Readonly<Record<string, string[]>>>
}

/** Starts a gateway with a node `shop/s1` and certificates from its registry. */
async function start(t: TestContext, tls: object = {}): Promise<Scene> {
  const sealKey = randomBytes(32)
  const folder = tempFolder(t, { seal: `${sealKey.toString('base64')}\n` })
  const node = await startService('shop')
  t.after(() => node.close())
  const gateway = await startTestGateway(t, {
    nodes: { 'shop/s1': node.port },
    document: { tls: { fromEtcd: true, sealKeyFile: `${folder}/seal`, port: 0, ...tls } },
  })
  const { registry } = gateway
  const tlsPort = gateway.gateway.addresses.tls!.port
  const applied = () =>
    until('the change is applied', () => {
      const { revision } = registry.status(PREFIX)
      return gateway.gateway.table
        .source()
        .sources.some(each => each.name === PREFIX && each.revision === revision)
    })
  const putEntry: Scene['putEntry'] = async entry => {
    registry.putEntry('certificates', entry)
    await applied()
  }
  const putDocument: Scene['putDocument'] = (name, document) =>
    putEntry({ kind: 'certificate', key: PREFIX + name, name, document })
  return {
    ...gateway,
    tlsPort,
    putDocument,
    putEntry,
    put(name, files, key = sealKey) {
      const sealing = { sealKey: key, plainKeys: false }
      return putDocument(name, writeCertificateDocument(readCertificateFiles(files), name, sealing))
    },
    async delete(name) {
      registry.deleteEntry('certificates', PREFIX + name)
      await applied()
    },
    serialOf: async host => (await shownCertificate(tlsPort, host))?.serialNumber,
    async problems() {
      const page = (await send(gateway.adminPort, { path: '/routes' })).json() as {
        problems: { key: string; reason: string }[]
      }
      const byName = Map.groupBy(page.problems, ({ key }) => key.replace(PREFIX, ''))
      return Object.fromEntries([...byName].map(([name, all]) => [name, all.map(({ reason }) => reason)]))
    },
  }
}

function plain({ cert, key }: CertificateFiles): { cert: string; key: string } {
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
}

test('a certificate of the registry is served, replaced and taken away without a restart', async t => {
  const authority = makeAuthority(t)
  const scene = await start(t)
  assert.equal(await scene.serialOf('shop.example'), undefined)
  assert.deepEqual(Object.values(await scene.problems()), [
    ['there is no certificate that can be used, so no client gets a connection'],
  ])
  await scene.put('shop', authority.issue('shop.example', LONG))
  const target = { port: scene.tlsPort, ca: authority.pem }
  assert.deepEqual(await getTls(target, 'shop.example', '/shop/x'), { status: 200, text: 'shop' })
  const first = await scene.serialOf('shop.example')
  await scene.put('shop', authority.issue('shop.example', LONG))
  const second = await scene.serialOf('shop.example')
  assert.ok(second !== undefined && second !== first)
  await scene.put('other', authority.issue('other.example', LONG))
  assert.equal((await getTls(target, 'other.example', '/shop/x')).status, 200)
  await scene.delete('shop')
  assert.equal(await scene.serialOf('shop.example'), undefined)
  assert.equal((await getTls(target, 'other.example', '/shop/x')).status, 200)
})

test('a value that cannot be used leaves the last good certificate of its key, and the others, in service', async t => {
  const authority = makeAuthority(t)
  const scene = await start(t)
  await scene.put('shop', authority.issue('shop.example', LONG))
  await scene.put('other', authority.issue('other.example', LONG))
  const good = await scene.serialOf('shop.example')
  const [next, stranger] = [
    plain(authority.issue('shop.example', LONG)),
    plain(authority.issue('stranger.example', LONG)),
  ]
  const cases: readonly (readonly [name: string, put: () => Promise<void>, reason: RegExp])[] = [
    [
      'broken',
      () => scene.putDocument('shop', { certificate: 1 }),
      /^must have no field but cert, key, sealedKey$/,
    ],
    [
      'mismatched',
      () => scene.put('shop', { ...authority.issue('shop.example', LONG) }, randomBytes(32)),
      /^sealedKey was sealed with another key than tls.sealKeyFile/,
    ],
    ['not sealed', () => scene.putDocument('shop', next), /^key is not sealed, and tls.plainKeys is false/],
    [
      'expired',
      () => scene.put('shop', authority.issue('shop.example', { days: -1 })),
      /^expired at .*, so it takes the place of no other$/,
    ],
    [
      '16 KiB',
      () => scene.putDocument('shop', { ...next, key: 'k'.repeat(16_385) }),
      /^key has 16385 characters/,
    ],
    [
      'garbage',
      () => scene.putDocument('shop', { cert: next.cert.replace(/\n./, '\n!'), sealedKey: 'AAAA' }),
      /^sealedKey must be base64/,
    ],
    [
      'no JSON',
      () => scene.putEntry({ kind: 'problem', key: `${PREFIX}shop`, reason: 'no JSON' }),
      /^no JSON$/,
    ],
  ]
  for (const [what, put, reason] of cases) {
    await put()
    const problems = await scene.problems()
    assert.equal(problems.shop?.length, 1, what)
    assert.match(problems.shop[0]!, reason, what)
    assert.equal(await scene.serialOf('shop.example'), good, what)
    assert.ok(await scene.serialOf('other.example'), what)
  }
  assert.ok(
    !JSON.stringify(scene.log).includes('PRIVATE KEY') && !JSON.stringify(scene.log).includes(stranger.key),
  )
  await scene.put('shop', authority.issue('shop.example', LONG))
  assert.deepEqual(await scene.problems(), {})
  const renewed = await scene.serialOf('shop.example')
  assert.ok(renewed !== undefined && renewed !== good)
})

test('plain keys are used where that is allowed, and then a key of another certificate is refused', async t => {
  const authority = makeAuthority(t)
  const scene = await start(t, { plainKeys: true })
  const [shop, other] = [
    plain(authority.issue('shop.example', LONG)),
    plain(authority.issue('other.example', LONG)),
  ]
  await scene.putDocument('shop', shop)
  assert.ok(await scene.serialOf('shop.example'))
  await scene.putDocument('shop', { ...shop, key: other.key })
  assert.deepEqual(await scene.problems(), { shop: ['the private key is not that of the certificate'] })
  assert.ok(await scene.serialOf('shop.example'))
})

test('a certificate that has expired is served as long as its key had no better one', async t => {
  const authority = makeAuthority(t)
  const scene = await start(t)
  await scene.put('shop', authority.issue('shop.example', { days: -1 }))
  assert.ok(await scene.serialOf('shop.example'))
  const { shop = [] } = await scene.problems()
  assert.match(
    shop.join('\n'),
    /expired at .*, so it takes the place of no other\nthe certificate expired at /,
  )
  const target = { port: scene.tlsPort, ca: authority.pem }
  await assert.rejects(getTls(target, 'shop.example'), /certificate has expired/)
  await scene.put('shop', authority.issue('shop.example', LONG))
  assert.equal((await getTls(target, 'shop.example', '/shop/x')).status, 200)
  assert.deepEqual(await scene.problems(), {})
})

test('certificates of files and of the registry are served side by side', async t => {
  const authority = makeAuthority(t)
  const files = authority.issue('file.example', LONG)
  const scene = await start(t, { cert: files.cert, key: files.key })
  assert.deepEqual(await scene.problems(), {}, 'without a certificate in the registry, those of files serve')
  await scene.put('shop', authority.issue('shop.example', LONG))
  const target = { port: scene.tlsPort, ca: authority.pem }
  for (const host of ['file.example', 'shop.example']) {
    assert.equal((await getTls(target, host, '/shop/x')).status, 200, host)
  }
})

test('a gateway has what it needs when the registry has a certificate that can be used, or none at all', async t => {
  const files = plain(makeAuthority(t).issue('shop.example', LONG))
  const event = (type: 'snapshot' | 'change' | 'status', more: object = {}) =>
    ({ type, source: PREFIX, scope: 'certificates', revision: '1', ...more }) as unknown as RegistryEvent
  const snapshot = (length: number, from = 'store') => event('snapshot', { entries: { length }, from })
  const open = (hasOthers: boolean) => {
    const tls = new TlsFromRegistry({
      ...{ prefix: PREFIX, sealKey: undefined, plainKeys: true, hasOthers },
      certificates: { replace() {}, remove() {}, noteProblem() {} },
    })
    const after = (each: RegistryEvent) => {
      tls.applied(each)
      return tls.isLoaded
    }
    return { tls, after }
  }
  const put = (tls: TlsFromRegistry) => {
    const entry = { kind: 'certificate', key: `${PREFIX}a`, name: 'a', document: files } as const
    const parsed = tls.parse(entry)
    assert.ok('pair' in parsed)
    tls.apply(undefined, { kind: 'certificate', entry, pair: parsed.pair })
  }
  const outage = event('status', { connected: false })

  const alone = open(false)
  const isOfNodes = { ...snapshot(0), scope: 'nodes' } as RegistryEvent
  for (const each of [isOfNodes, outage, snapshot(0, 'disk'), snapshot(1)]) assert.ok(!alone.after(each))
  put(alone.tls)
  assert.ok(alone.after(event('change')))
  await alone.tls.loaded
  assert.ok(open(false).after(snapshot(0)), 'there is none yet')

  assert.ok(!open(true).after(snapshot(1, 'disk')))
  assert.ok(open(true).after(snapshot(1)))
  assert.ok(open(true).after(outage))
})
