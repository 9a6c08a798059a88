import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from '../../../config/kit/problem.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { tempFolder } from '../temp-folder.ts'

const image = { WAYGATE_IMAGE: '1' }
const etcd = { WAYGATE_ETCD: 'http://etcd:2379' }

test('in the image a gateway without an etcd is refused, and told what to set', t => {
  assert.throws(() => loadConfig({ env: image, cwd: tempFolder(t) }), {
    message:
      'environment WAYGATE_IMAGE: $.etcd.endpoints: must be set in the image, because what the embedded etcd keeps is lost with the container, unless a volume is mounted at its dataDir: set WAYGATE_ETCD, or WAYGATE_EMBEDDED=1',
  })
})

const accepted: readonly [string, Record<string, string>, string][] = [
  ['WAYGATE_ETCD', etcd, ''],
  ['WAYGATE_EMBEDDED=1', { WAYGATE_EMBEDDED: '1' }, ''],
  ['endpoints in the file', {}, 'etcd: { endpoints: ["http://etcd:2379"] }'],
  ['the embedded etcd in the file', {}, 'etcd: { embedded: 127.0.0.1:2379 }'],
  ['memory alone in the file', {}, 'etcd: { embeddedMemory: true }'],
  ['another registry', {}, 'discovery: { registry: file, file: nodes.yaml }'],
]
for (const [what, env, yaml] of accepted) {
  test(`in the image ${what} is enough`, t => {
    const cwd = tempFolder(t, { 'waygate.yaml': yaml || '{}' })
    const { warnings } = loadConfig({ env: { ...image, ...env }, cwd })
    assert.deepEqual(warnings, [])
  })
}

test('WAYGATE_EMBEDDED=0 does not allow it', t => {
  const env = { ...image, WAYGATE_EMBEDDED: '0' }
  assert.throws(() => loadConfig({ env, cwd: tempFolder(t) }), ConfigError)
})

test('in the image the admin listener is open to other machines once there is a token', t => {
  const hostOf = (env: Record<string, string>, yaml: string) =>
    loadConfig({ env: { ...image, ...etcd, ...env }, cwd: tempFolder(t, { 'waygate.yaml': yaml }) }).config
      .adminHost
  const token = { WAYGATE_ADMIN_TOKEN: 's3cret' }
  const hash = `admin: { tokens: { anna: { sha256: ${'ab'.repeat(32)}, role: read } } }`
  assert.equal(hostOf({}, '{}'), '127.0.0.1', 'without a token')
  assert.equal(hostOf(token, '{}'), '0.0.0.0')
  assert.equal(hostOf({}, hash), '0.0.0.0')
  assert.equal(hostOf(token, 'adminHost: 127.0.0.1'), '127.0.0.1', 'the file counts more')
  assert.equal(hostOf({ ...token, WAYGATE_ADMIN_HOST: '10.0.0.7' }, '{}'), '10.0.0.7')
})

test('outside of the image nothing is different', t => {
  const { config } = loadConfig({ env: { WAYGATE_ADMIN_TOKEN: 's3cret' }, cwd: tempFolder(t) })
  assert.deepEqual([config.adminHost, config.etcd.endpoints], ['127.0.0.1', undefined])
})
