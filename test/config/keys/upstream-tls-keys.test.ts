import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { ConfigError } from '../../../config/kit/problem.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { makeAuthority, OPENSSL, pemOf } from '../../support/certificates.ts'
import { tempFolder } from '../temp-folder.ts'

const authority = makeAuthority({ after })
const client = authority.issue('client')
const other = authority.issue('other')

function load(t: TestContext, tls: object, files: Readonly<Record<string, string>> = {}) {
  const document = JSON.stringify({ upstream: { tls } })
  return loadConfig({ env: {}, cwd: tempFolder(t, { 'waygate.yaml': document, ...files }) })
}

/** Returns the problems of a configuration, as `path: message`. */
function problemsOf(t: TestContext, tls: object, files: Readonly<Record<string, string>> = {}): string[] {
  try {
    load(t, tls, files)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ path, message }) => `${path}: ${message}`)
  }
  return []
}

test('without files there are no keys', t => {
  assert.equal(load(t, {}).keys.upstreamTls, undefined)
})

test('authorities, certificate and identities are read, and relative paths start at the working directory', t => {
  const { keys } = load(
    t,
    {
      ...{ ca: 'ca.pem', ...client },
      identities: { other: other },
    },
    { 'ca.pem': authority.pem },
  )
  assert.equal(keys.upstreamTls?.ca, authority.pem)
  assert.equal(keys.upstreamTls?.identity?.cert, pemOf(client).cert)
  assert.equal(keys.upstreamTls?.identities.get('other')?.key, pemOf(other).key)
})

test('each file that cannot be used is named with its field', t => {
  const { cert, key } = client
  const only = (tls: object, files = {}) => {
    const [problem, ...more] = problemsOf(t, tls, files)
    assert.deepEqual(more, [])
    return problem
  }
  assert.match(
    only({ ca: '/nowhere/ca.pem' })!,
    /^\$\.upstream\.tls\.ca: \/nowhere\/ca\.pem cannot be read: no such file/,
  )
  assert.match(only({ ca: client.key })!, /^\$\.upstream\.tls\.ca: .* does not hold a certificate in PEM/)
  const cut = authority.pem.replace(/[A-Za-z0-9+/]{20}\n/, '\n')
  assert.match(
    only({ ca: 'cut.pem' }, { 'cut.pem': cut })!,
    /holds a certificate that cannot be read: number 1/,
  )
  const half = `${authority.pem}-----BEGIN CERTIFICATE-----\nMIIB`
  assert.match(
    only({ ca: 'half.pem' }, { 'half.pem': half })!,
    /holds something other than whole certificates/,
  )
  assert.match(only({ cert })!, /^\$\.upstream\.tls\.key: is missing: cert needs it/)
  assert.match(only({ key })!, /^\$\.upstream\.tls\.cert: is missing: key needs it/)
  assert.match(
    only({ cert, key: cert })!,
    /^\$\.upstream\.tls: .*client\.crt with .*client\.crt: the private key cannot be used: /,
  )
  assert.match(
    only({ identities: { one: { cert, key: other.key } } })!,
    /^\$\.upstream\.tls\.identities\.one: .*client\.crt with .*other\.key: the private key is not that of the certificate$/,
  )
  assert.match(only({ identities: { 'a b': { cert, key } } })!, /a b/)
})

test('a key that is encrypted is refused', t => {
  const folder = tempFolder(t, {})
  const key = join(folder, 'encrypted.key')
  execFileSync(OPENSSL, ['pkey', '-in', client.key, '-aes256', '-passout', 'pass:secret', '-out', key])
  assert.match(
    problemsOf(t, { cert: client.cert, key })[0]!,
    /encrypted\.key: .*it is encrypted, and there is no password for it/,
  )
})

test('a certificate with a key that is too short for TLS is refused', t => {
  const folder = tempFolder(t, {})
  const [cert, key] = [join(folder, 'short.pem'), join(folder, 'short.key')]
  const request = ['req', '-x509', '-newkey', 'rsa:1024', '-nodes', '-subj', '/CN=short', '-days', '2']
  execFileSync(OPENSSL, [...request, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  assert.match(problemsOf(t, { cert, key })[0]!, /^\$\.upstream\.tls: .*short\.pem with .*too small/)
})

test('what leaves nodes unverified, and a certificate that has expired, are warned of', async t => {
  assert.match(load(t, { verify: false }).warnings[0]!, /^upstream\.tls\.verify is false: .* not verified/)
  const expired = authority.issue('expired', { days: -1 })
  const { warnings } = load(t, expired)
  assert.match(warnings[0]!, /^upstream\.tls\.cert .*expired\.crt expired on /)
})

test('an authority that has expired is warned of, unless the file has another certificate of it', t => {
  const [old, present] = [authority.reissued(-1), authority.pem]
  const warningsOf = (pem: string) => load(t, { ca: 'ca.pem' }, { 'ca.pem': pem }).warnings
  assert.match(
    warningsOf(makeAuthority(t, 'Another').pem + old)[0]!,
    /^upstream\.tls\.ca .*ca\.pem: the authority CN=Test Authority expired on \d{4}-/,
  )
  for (const pem of [present, old + present, present + old]) assert.deepEqual(warningsOf(pem), [])
})
