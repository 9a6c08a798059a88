import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { ConfigError } from '../../../config/kit/problem.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { tlsPortOf } from '../../../config/load/tls-rules.ts'
import { tempFolder } from '../temp-folder.ts'

const FILES = {
  seal: `${randomBytes(32).toString('base64')}\n`,
  short: randomBytes(16).toString('base64'),
  hex: randomBytes(32).toString('hex'),
  nodes: '{}',
}

function load(t: TestContext, document: object, env = {}) {
  const cwd = tempFolder(t, { ...FILES, 'waygate.yaml': JSON.stringify(document) })
  return { cwd, ...loadConfig({ env, cwd }) }
}

function problemsOf(t: TestContext, document: object): readonly string[] {
  try {
    load(t, document)
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.problems.map(({ path, message }) => `${path}: ${message.replace(/\/tmp\/\S*\//, '')}`)
  }
  return []
}

const SEALED = { fromEtcd: true, sealKeyFile: 'seal' }

test('certificates from etcd count as certificates: the port for TLS is opened, and what needs some is allowed', t => {
  const { config, keys } = load(t, { tls: { ...SEALED, plain: 'redirect', hsts: {} } })
  assert.equal(tlsPortOf(config.tls), 8_443)
  assert.deepEqual(keys.tls, { certificates: [], clientAuthorities: undefined })
  assert.equal(keys.sealKey?.length, 32)
  assert.equal(tlsPortOf(load(t, { tls: { sealKeyFile: 'seal' } }).config.tls), undefined)
})

test('the file of the seal key may be named in the environment', t => {
  const { cwd, config, keys } = load(t, { tls: { fromEtcd: true } }, { WAYGATE_TLS_SEAL_KEY_FILE: 'seal' })
  assert.equal(config.tls.sealKeyFile, `${cwd}/seal`)
  assert.equal(keys.sealKey?.toString('base64'), FILES.seal.trim())
})

test('certificates from etcd need an etcd, and a seal key unless plain keys are allowed', t => {
  const needed =
    '$.tls.sealKeyFile: is missing: private keys in etcd are sealed with it, unless tls.plainKeys is true'
  assert.deepEqual(problemsOf(t, { tls: { fromEtcd: true } }), [needed])
  assert.deepEqual(problemsOf(t, { tls: { fromEtcd: true, plainKeys: true } }), [])
  const file = { registry: 'file', file: 'nodes' }
  assert.deepEqual(problemsOf(t, { tls: SEALED, discovery: file }), [
    '$.tls.fromEtcd: needs etcd, but discovery.registry is "file"',
  ])
  assert.deepEqual(problemsOf(t, { tls: SEALED, discovery: { registry: 'memory' } }), [
    '$.tls.fromEtcd: needs etcd, but discovery.registry is "memory"',
  ])
})

test('a seal key that is not 32 bytes in base64 is refused', t => {
  const wanted = 'must hold 32 bytes in base64, as openssl rand -base64 32 writes them'
  for (const sealKeyFile of ['short', 'hex', 'nodes']) {
    const problems = problemsOf(t, { tls: { fromEtcd: true, sealKeyFile } })
    assert.deepEqual(problems, [`$.tls.sealKeyFile: ${sealKeyFile} ${wanted}`])
  }
  assert.deepEqual(problemsOf(t, { tls: { fromEtcd: true, sealKeyFile: 'none' } }), [
    '$.tls.sealKeyFile: none cannot be read: no such file',
  ])
})

test('the prefixes of certificates and challenges must not overlap with others, where they are read', t => {
  const discovery = { certificatesPrefix: '/waygate/', acmePrefix: '/services/acme/' }
  assert.deepEqual(problemsOf(t, { discovery }), [])
  const problems = problemsOf(t, { discovery, tls: SEALED })
  assert.deepEqual(
    problems.map(problem => problem.replace(/: must not overlap .*/, '')),
    ['$.discovery.certificatesPrefix', '$.discovery.acmePrefix'],
  )
  assert.match(problemsOf(t, { discovery: { acmePrefix: '/a' }, tls: SEALED }).join(), /must end with "\/"/)
})

test('a folder for challenges that is none yet is warned of', t => {
  const { warnings } = load(t, { tls: { acmeChallengeDir: 'none' } })
  assert.match(
    warnings.join(),
    /^tls.acmeChallengeDir: \S+\/none is no folder yet, so no challenge of ACME is answered from it$/,
  )
  assert.deepEqual(load(t, { tls: { acmeChallengeDir: '.' } }).warnings, [])
})
