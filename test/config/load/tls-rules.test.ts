import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, type TestContext, test } from 'node:test'
import { ConfigError } from '../../../config/kit/problem.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { tlsPortOf } from '../../../config/load/tls-rules.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { tempFolder } from '../temp-folder.ts'

const authority = makeAuthority({ after })
const api = authority.issue('api.example')
const other = authority.issue('other.example')
const FILES = {
  'api.crt': readFileSync(api.cert),
  'api.key': readFileSync(api.key),
  'other.key': readFileSync(other.key),
  'ca.crt': authority.pem,
  'crl.pem': readFileSync(authority.revoke()),
  'empty.pem': '',
  'utf16.pem': Buffer.from('\ufeff-----BEGIN', 'utf16le'),
}
const PAIR = { cert: 'api.crt', key: 'api.key' }

function load(t: TestContext, document: object) {
  return loadConfig({ env: {}, cwd: tempFolder(t, { ...FILES, 'waygate.yaml': JSON.stringify(document) }) })
}

/** Its problems, without where the files are. */
function problemsOf(t: TestContext, document: object): readonly string[] {
  const cwd = tempFolder(t, { ...FILES, 'waygate.yaml': JSON.stringify(document) })
  try {
    loadConfig({ env: {}, cwd })
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.problems.map(({ path, message }) => `${path.slice(2)}: ${message.replaceAll(`${cwd}/`, '')}`)
  }
  return []
}

test('a certificate opens port 8443, and without one there is no port', t => {
  assert.equal(tlsPortOf(load(t, { tls: PAIR }).config.tls), 8_443)
  assert.equal(tlsPortOf(load(t, { tls: { certificates: [PAIR] } }).config.tls), 8_443)
  assert.equal(tlsPortOf(load(t, { tls: { ...PAIR, port: 0 } }).config.tls), 0)
  assert.equal(tlsPortOf(load(t, {}).config.tls), undefined)
})

test('files are found beside the configuration file, and what they hold is loaded', t => {
  const { keys } = load(t, { tls: { ...PAIR, clientAuth: { ca: 'ca.crt', crl: 'crl.pem' } } })
  assert.deepEqual(
    keys.tls?.certificates.map(({ names }) => names),
    [['api.example']],
  )
  assert.match(keys.tls!.clientAuthorities!.ca, /BEGIN CERTIFICATE/)
  assert.match(keys.tls!.clientAuthorities!.crl!, /BEGIN X509 CRL/)
})

const NEEDS = 'needs a certificate: set tls.cert and tls.key, tls.certificates or tls.fromEtcd'
const MISTAKES: readonly (readonly [
  what: string,
  document: object,
  problems: readonly (string | RegExp)[],
])[] = [
  ['a certificate without its key', { tls: { cert: 'api.crt' } }, ['tls.key: is missing: cert needs it']],
  ['a key without its certificate', { tls: { key: 'api.key' } }, ['tls.cert: is missing: key needs it']],
  ['a port without a certificate', { tls: { port: 0 } }, [`tls.port: ${NEEDS}`]],
  [
    'settings that nothing can come of without a certificate',
    { tls: { clientAuth: { ca: 'ca.crt' }, hsts: {}, default: 'a.example', plain: 'off' } },
    ['clientAuth', 'hsts', 'default', 'plain'].map(field => `tls.${field}: ${NEEDS}`),
  ],
  [
    'the port of the gateway itself',
    { port: 8_443, tls: PAIR },
    ['tls.port: must not be 8443, which is the port of the gateway itself'],
  ],
  [
    'the port of the admin listener',
    { tls: { ...PAIR, port: 9_443 }, adminPort: 9_443 },
    ['tls.port: must not be 9443, which is the port of the admin listener'],
  ],
  [
    'a host that is a URL',
    { tls: { ...PAIR, clientAuth: { ca: 'ca.crt', hosts: ['a.example', 'https://b.example'] } } },
    ['tls.clientAuth.hosts[1]: must be a host name, not "https://b.example"'],
  ],
  [
    'files that are not there',
    { tls: { cert: 'no.crt', key: 'no.key' } },
    ['tls.cert: no.crt cannot be read: no such file'],
  ],
  [
    'a key of another certificate',
    { tls: { certificates: [PAIR, { cert: 'api.crt', key: 'other.key' }] } },
    ['tls.certificates[1]: api.crt with other.key: the private key is not that of the certificate'],
  ],
  [
    'an empty file',
    { tls: { cert: 'empty.pem', key: 'api.key' } },
    ['tls.cert: empty.pem does not hold PEM'],
  ],
  [
    'a file in UTF-16',
    { tls: { cert: 'utf16.pem', key: 'api.key' } },
    ['tls.cert: utf16.pem is UTF-16; save it as UTF-8'],
  ],
  ['a folder', { tls: { cert: '.', key: 'api.key' } }, [/^tls\.cert: .* cannot be read: it is a folder$/]],
  [
    'authorities that are keys',
    { tls: { ...PAIR, clientAuth: { ca: 'api.key' } } },
    [/^tls\.clientAuth: api\.key does not hold a certificate/],
  ],
  [
    'a revocation list that is a certificate',
    { tls: { ...PAIR, clientAuth: { ca: 'ca.crt', crl: 'ca.crt' } } },
    [/^tls\.clientAuth: ca\.crt does not hold revocation lists: /],
  ],
  [
    'a default that no certificate has',
    { tls: { ...PAIR, default: 'nowhere.example' } },
    ['tls.default: no certificate has this name; there are api.example'],
  ],
]

for (const [what, document, expected] of MISTAKES) {
  test(`a mistake is told with its field and its cure: ${what}`, t => {
    const problems = problemsOf(t, document)
    assert.equal(problems.length, expected.length, problems.join())
    for (const [index, each] of expected.entries()) {
      if (typeof each === 'string') assert.equal(problems[index], each)
      else assert.match(problems[index]!, each)
    }
  })
}

test('the port of the gateway may be that of TLS when it opens no other', t => {
  assert.equal(load(t, { port: 8_443, tls: { ...PAIR, plain: 'off' } }).config.port, 8_443)
})

test('names of hosts that ask for certificates may have capitals and wildcards', t => {
  const hosts = ['A.Example', '*.b.example', 'localhost', '127.0.0.1']
  assert.deepEqual(problemsOf(t, { tls: { ...PAIR, clientAuth: { ca: 'ca.crt', hosts } } }), [])
})

test('requests without TLS beside TLS are warned of, unless they are meant or local', t => {
  const warnings = (more: object, tls: object = {}) =>
    load(t, { ...more, tls: { ...PAIR, ...tls } }).warnings.filter(each => each.includes('TLS'))
  assert.equal(warnings({ host: '0.0.0.0' }).length, 1)
  assert.match(
    warnings({ host: '0.0.0.0', port: 8_080 })[0]!,
    /at port 8080; set tls\.plain to "redirect" or "off"/,
  )
  assert.deepEqual(warnings({ host: '127.0.0.1' }), [])
  for (const plain of ['redirect', 'off']) assert.deepEqual(warnings({ host: '0.0.0.0' }, { plain }), [])
})
