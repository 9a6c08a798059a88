import assert from 'node:assert/strict'
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createFileRecord } from '../../../config/keys/file-contents.ts'
import { findChanges, keepOthers, type ReadConfig } from '../../../config/load/config-changes.ts'
import { FIELDS } from '../../../config/load/fields.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { tempFolder } from '../temp-folder.ts'

function read(t: TestContext, document: object): ReadConfig {
  return readIn(tempFolder(t, { 'waygate.yaml': JSON.stringify({ dataDir: '/data', ...document }) }))
}

function readIn(cwd: string): ReadConfig {
  const record = createFileRecord()
  const { config } = loadConfig({ env: {}, cwd, readKeyFile: record.readFile })
  return { config, keyFiles: record.contents() }
}

test('every option says what a change needs to take effect', () => {
  const silent = FIELDS.filter(({ reload }) => reload === undefined).map(({ path }) => path)
  assert.deepEqual(silent, [])
})

test('a change is told by its path, with the values before and after, null where there is none', t => {
  const before = read(t, { drainMs: 1, routes: { documents: { a: { path: '/a', service: 'x' } } } })
  const after = read(t, {
    port: 1,
    jwt: { audience: 'you' },
    routes: { documents: { a: { path: '/b', service: 'x' }, b: { path: '/c', service: 'x' } } },
  })
  assert.deepEqual(findChanges(before, after), [
    { path: 'port', reload: 'workers', from: 8_080, to: 1, of: 'value' },
    { path: 'drainMs', reload: 'live', from: 1, to: 1_000, of: 'value' },
    { path: 'routes.documents.a.path', reload: 'live', from: '/a', to: '/b', of: 'value' },
    {
      path: 'routes.documents.b',
      reload: 'live',
      from: null,
      to: { path: '/c', service: 'x' },
      of: 'value',
    },
    { path: 'jwt.audience', reload: 'live', from: null, to: 'you', of: 'value' },
  ])
  assert.deepEqual(findChanges(before, before), [])
})

test('no secret is told, wherever it stands', t => {
  const config = (secret: string) => ({
    adminToken: `${secret}-admin`,
    tracing: {
      endpoint: 'http://c',
      headers: { 'x-key': `${secret}-tracing`, constructor: `${secret}-name-of-objects` },
    },
    jwt: {
      secret: `${secret}-jwt`,
      previous: [{ secret: `${secret}-previous` }],
      issuers: [{ issuer: 'i', secret: `${secret}-issuer` }],
    },
    routes: { stickyCookie: { secret: `${secret}-cookie` } },
  })
  const changes = findChanges(read(t, config('one')), read(t, config('two')))
  assert.deepEqual(
    changes.map(({ path, of }) => [path, of]),
    [
      ['adminToken', 'secret'],
      ['tracing.headers.x-key', 'secret'],
      ['tracing.headers.constructor', 'secret'],
      ['routes.stickyCookie.secret', 'secret'],
      ['jwt.secret', 'secret'],
      ['jwt.previous[0].secret', 'secret'],
      ['jwt.issuers[0].secret', 'secret'],
    ],
  )
  const all = [...changes, ...findChanges(read(t, {}), read(t, config('one')))]
  assert.doesNotMatch(JSON.stringify(all), /one-|two-/)
})

test('a file with another content is a change of the option that names it, unless it is followed by itself', t => {
  const { cert, key } = makeAuthority(t).issue('localhost')
  const other = makeAuthority(t).issue('localhost')
  const document = { jwt: { secretFile: 'a.txt' }, basic: { usersFile: 'b.txt' }, tls: { cert, key } }
  const cwd = tempFolder(t, {
    'a.txt': 'a secret of tests that is long enough',
    'b.txt': '',
    'waygate.yaml': JSON.stringify(document),
  })
  const before = readIn(cwd)
  writeFileSync(join(cwd, 'a.txt'), 'another secret of tests, long enough as well')
  copyFileSync(other.cert, cert)
  copyFileSync(other.key, key)
  const path = join(cwd, 'a.txt')
  assert.deepEqual(findChanges(before, readIn(cwd)), [
    { path: 'jwt.secretFile', reload: 'live', from: path, to: path, of: 'file' },
  ])
})

test('what needs a restart is kept as it was, and everything else is new', t => {
  const old = read(t, { port: 1, adminPort: 2, jwt: { revocations: { enabled: true } } }).config
  const next = read(t, {
    port: 3,
    adminPort: 4,
    drainMs: 5,
    jwt: { audience: 'you' },
    tls: { port: null, minVersion: 'TLSv1.3' },
  }).config
  const live = keepOthers(next, old, new Set(['live']))
  assert.deepEqual([live.port, live.adminPort, live.drainMs], [1, 2, 5])
  assert.deepEqual([live.jwt.audience, live.jwt.revocations.enabled], ['you', true])
  assert.deepEqual(live.tls, old.tls)
  assert.ok(Object.isFrozen(live.jwt))
  const ofWorkers = keepOthers(next, old, new Set(['live', 'workers']))
  assert.deepEqual([ofWorkers.port, ofWorkers.adminPort, ofWorkers.tls.minVersion], [3, 2, 'TLSv1.3'])
})
