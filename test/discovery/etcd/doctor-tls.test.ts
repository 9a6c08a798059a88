import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { type AddressInfo, connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { createServer, type Server } from 'node:tls'
import { startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'
import { type Authority, type Issued, makeAuthority, OPENSSL, pemOf } from '../../support/certificates.ts'
import { onPath, requireEtcd } from '../../support/etcd.ts'
import { Examination } from './examination.ts'

function encrypted(key: string): string {
  const options = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'a password' } as const
  return createPrivateKey(key).export(options).toString()
}

describe('over TLS', { concurrency: true }, () => {
  let etcd: Awaited<ReturnType<typeof startEmbeddedEtcd>>
  const fronts: Server[] = []
  /** PEM texts: `NAME.pem` and `NAME.key`. */
  const texts = new Map<string, string>()
  const pem = (name: string) => texts.get(name)!

  before(async () => {
    if (!onPath(OPENSSL)) return
    const [authority, other] = [makeAuthority({ after }, 'ca'), makeAuthority({ after }, 'other-ca')]
    texts.set('ca.pem', authority.pem).set('other-ca.pem', other.pem)
    const make = (name: string, by: Authority, issued: Issued) => {
      const { cert, key } = pemOf(by.issue(name, issued))
      texts.set(`${name}.pem`, cert).set(`${name}.key`, key)
    }
    make('server', authority, { names: 'IP:127.0.0.1' })
    make('expired', authority, { names: 'IP:127.0.0.1', days: -1 })
    make('client', authority, { names: '' })
    make('stranger', other, { names: '' })
    etcd = await startEmbeddedEtcd({ port: 0 })
  })
  after(async () => {
    for (const front of fronts) front.close()
    await etcd?.close()
  })

  /** Where etcd is reached over TLS, as a cluster with client certificates does it. */
  async function front(certificate: string): Promise<string> {
    const server = createServer(
      {
        key: pem(`${certificate}.key`),
        cert: pem(`${certificate}.pem`),
        ca: pem('ca.pem'),
        requestCert: true,
        rejectUnauthorized: true,
        ALPNProtocols: ['h2'],
      },
      near => {
        const far = connect(etcd.address.port, '127.0.0.1')
        near.pipe(far).pipe(near)
        near.on('error', () => far.destroy()).on('close', () => far.destroy())
        far.on('error', () => near.destroy()).on('close', () => near.destroy())
      },
    )
    server.on('tlsClientError', () => {})
    fronts.push(server)
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const client = (name = 'client') => ({ cert: pem(`${name}.pem`), key: pem(`${name}.key`) })

  test('with the right files all is well', async t => {
    if (!requireEtcd(t, [OPENSSL])) return
    const found = await Examination.of(await front('server'), { tls: { ca: pem('ca.pem'), ...client() } })
    assert.deepEqual([...found.at('problem'), ...found.at('warning')], [], `${found}`)
    assert.ok(found.at('ok').includes('watch'))
  })

  interface Case {
    readonly what: string
    readonly server?: string
    readonly host?: string
    readonly tls: () => object
    readonly message: RegExp
    readonly hint: RegExp
  }
  const cases: readonly Case[] = [
    {
      what: 'another authority than the one that signed',
      tls: () => ({ ca: pem('other-ca.pem'), ...client() }),
      message: /certificate from ca that is not trusted here/,
      hint: /must contain the authority/,
    },
    {
      what: 'no authority',
      tls: () => client(),
      message: /certificate from ca that is not trusted here/,
      hint: /set WAYGATE_ETCD_CA/,
    },
    {
      what: 'a host that the certificate is not for',
      host: 'localhost',
      tls: () => ({ ca: pem('ca.pem'), ...client() }),
      message: /certificate for IP Address:127\.0\.0\.1, not for localhost/,
      hint: /add localhost/,
    },
    {
      what: 'a certificate that has expired',
      server: 'expired',
      tls: () => ({ ca: pem('ca.pem'), ...client() }),
      message: /certificate that expired on /,
      hint: /renew/,
    },
    {
      what: 'no client certificate',
      tls: () => ({ ca: pem('ca.pem') }),
      message: /requires a client certificate/,
      hint: /WAYGATE_ETCD_CERT/,
    },
    {
      what: 'a client certificate of a stranger',
      tls: () => ({ ca: pem('ca.pem'), ...client('stranger') }),
      // This server says nothing more; etcd itself sends an alert, which is told as such.
      message: /closes the connection after the TLS handshake/,
      hint: /may reject our client certificate/,
    },
    {
      what: 'a key of another certificate',
      tls: () => ({ ca: pem('ca.pem'), cert: pem('client.pem'), key: pem('stranger.key') }),
      message: /etcd cannot be reached with these options: .*the private key is not that of the certificate/,
      hint: /WAYGATE_ETCD_KEY/,
    },
    {
      what: 'a key that is encrypted',
      tls: () => ({ ca: pem('ca.pem'), cert: pem('client.pem'), key: encrypted(pem('client.key')) }),
      message:
        /etcd cannot be reached with these options: .*it is encrypted, and there is no password for it/,
      hint: /WAYGATE_ETCD_KEY/,
    },
  ]
  for (const { what, server = 'server', host = '127.0.0.1', tls, message, hint } of cases) {
    test(`${what} is told as that`, async t => {
      if (!requireEtcd(t, [OPENSSL])) return
      const url = (await front(server)).replace('127.0.0.1', host)
      const found = await Examination.of(url, { tls: tls() })
      assert.match(found.one('problem', message).hint ?? '', hint)
      assert.equal(found.findings.length, 1)
    })
  }

  test('the wrong protocol in the URL is told with the right one', async t => {
    if (!requireEtcd(t, [OPENSSL])) return
    const plain = await Examination.of((await front('server')).replace('https:', 'http:'))
    assert.match(plain.one('problem', /does not speak gRPC/).hint ?? '', /use https:\/\//)
    const secure = await Examination.of(etcd.url.replace('http:', 'https:'))
    assert.match(secure.one('problem', /does not speak TLS/).hint ?? '', /use http:\/\//)
  })
})
