import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import jwt from 'jsonwebtoken'
import { cheapHash } from '../support/password.ts'
import { openRegistry } from '../support/registry.ts'
import { type Handler, startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { runProgram, startGateway } from '../support/waygate.ts'

const SECRET = 'a secret of at least thirty-two bytes'
const showUser: Handler = (request, response) => {
  request.resume()
  response.end(String(request.headers['x-user-id']))
}

for (const workers of [1, 2]) {
  const how = workers === 1 ? 'one process' : `${workers} workers`

  test(`${how}: API keys, revocations under a lease, users from a file and a key set work in every process`, async t => {
    const cwd = await mkdtemp(join(tmpdir(), 'waygate-e2e-'))
    t.after(() => rm(cwd, { recursive: true, force: true, maxRetries: 5 }))
    writeFileSync(join(cwd, 'users'), `anna:${cheapHash('right')}\n`)
    const [first, second] = ['one', 'two'].map(() =>
      generateKeyPairSync('rsa', { modulusLength: 2_048 }),
    ) as [Pair, Pair]
    let published = first
    await using issuer = await startService('issuer', (_, response) => {
      const key = {
        ...published.publicKey.export({ format: 'jwk' }),
        kid: published === first ? 'one' : 'two',
      }
      response.end(JSON.stringify({ keys: [key] }))
    })
    await using node = await startService('echo', showUser)
    await using gateway = await startGateway({
      cwd,
      args: ['--workers', String(workers)],
      env: { WAYGATE_JWT_SECRET: SECRET },
      config: {
        jwt: {
          revocations: { enabled: true },
          jwks: { refreshSeconds: 10, cooldownSeconds: 1 },
          issuers: [{ issuer: 'https://issuer', jwksUrl: `http://127.0.0.1:${issuer.port}/` }],
        },
        apiKeys: { enabled: true },
        basic: { usersFile: 'users' },
        routes: { documents: { echo: { path: '/*', service: 'echo', auth: ['jwt', 'api-key', 'basic'] } } },
      },
    })
    using registry = openRegistry(gateway.etcd)
    await registry.putNode('echo', 'n1', node)
    await gateway.untilNodes('echo', ['n1'])

    /** Returns the user that the node sees, or the status; every process must answer alike, on its own connections. */
    const ask = async (headers: Record<string, string>) => {
      const answers = await Promise.all(
        Array.from({ length: 2 * workers }, async () => {
          const answer = await fetch(gateway.url, { headers: { ...headers, connection: 'close' } })
          return answer.status === 200 ? answer.text() : answer.status
        }),
      )
      return new Set(answers).size === 1 ? answers[0] : answers
    }
    const becomes = (what: unknown, headers: Record<string, string>) =>
      until(`${JSON.stringify(what)} everywhere`, async () => (await ask(headers)) === what)

    await t.test('an API key made by waygate api-key', async () => {
      const { stdout } = await runProgram({ args: ['api-key', '--owner', 'acme'] })
      const [, key, etcdKey, value] = /API key: +(\S+)\netcd key: +(\S+)\netcd value: (.+)\n/.exec(stdout)!
      const headers = { 'x-api-key': key! }
      assert.equal(await ask(headers), 401)
      await registry.put(etcdKey!, value!)
      await becomes('acme', headers)
      await registry.client.delete().key(etcdKey!)
      await becomes(401, headers)
    })

    await t.test('a revocation that ends with its lease', async () => {
      const headers = {
        authorization: `Bearer ${jwt.sign({ sub: 'u1', jti: 'j1' }, SECRET, { expiresIn: 600 })}`,
      }
      assert.equal(await ask(headers), 'u1')
      const lease = registry.client.lease(60)
      await lease.put('/waygate/revocations/j1').value('')
      await becomes(401, headers)
      await lease.revoke()
      await becomes('u1', headers)
    })

    await t.test('a user from the file', async () => {
      const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })
      assert.equal(await ask(basic('anna:right')), 'anna')
      assert.equal(await ask(basic('anna:wrong')), 401)
    })

    await t.test('an issuer that rotates its keys', async () => {
      const by = ({ privateKey }: Pair, keyid: string) => {
        const options = { algorithm: 'RS256', expiresIn: 600, keyid } as const
        return {
          authorization: `Bearer ${jwt.sign({ sub: 'u2', iss: 'https://issuer' }, privateKey, options)}`,
        }
      }
      await becomes('u2', by(first, 'one'))
      published = second
      await becomes('u2', by(second, 'two'))
      await becomes(401, by(first, 'one'))
    })

    await t.test('no secret is logged', () => {
      assert.doesNotMatch(gateway.stdout() + gateway.stderr(), /wg_|eyJ|Basic |scrypt/)
    })
  })
}

interface Pair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}
