import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parseCommandLine } from '../../../cmd/cli/options.ts'
import { formatFindings } from '../../../cmd/commands/doctor-report.ts'
import { type EmbeddedEtcd, startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'
import { createEtcdClient } from '../../../discovery/etcd/client.ts'
import { freePort } from '../../support/free-port.ts'
import { runProgram } from '../../support/waygate.ts'

describe('waygate doctor', { concurrency: 2 }, () => {
  let folder: string
  let etcd: EmbeddedEtcd
  let place: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waygate-doctor-'))
    etcd = await startEmbeddedEtcd({ port: 0 })
    place = `127.0.0.1:${etcd.address.port}`
    const client = createEtcdClient({ endpoints: [etcd.url] })
    await client.put('/broken/user/u1').value('{no \u001b[31mjson')
    await client.put('/warned/user/u1').value('10.0.0.7:1')
    await client.put('/format/user/u1').value('10.0.0.7:1')
    await client.put('/refused/r').value('{"path":"/a","service":"user","auth":"api-key"}')
    client.close()
  })
  after(async () => {
    await etcd.close()
    await rm(folder, { recursive: true, force: true })
  })
  const doctor = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    runProgram({ args: ['doctor', ...args], cwd: folder, env })

  test('reports that there are no problems, and exits with 0', async () => {
    const { code, stdout, stderr } = await doctor(['--etcd', etcd.url])
    assert.equal(code, 0, stdout)
    assert.equal(stderr, '')
    assert.match(stdout, /^ok {7}http:\/\/127\.0\.0\.1:\d+ answers in [\d.]+ ms$/m)
    assert.match(stdout, /\n\nNo problems found\.\n$/)
    assert.ok(!stdout.includes('\u001b'), 'no colors where nobody looks')
  })

  test('prints its findings as JSON for programs, and the password nowhere', async () => {
    const port = await freePort()
    const { code, stdout, stderr } = await doctor(['--json', '--etcd', `http://127.0.0.1:${port}`], {
      WAYGATE_ETCD_USER: 'gateway',
      WAYGATE_ETCD_PASSWORD: 'my-own-secret',
    })
    assert.equal(code, 1)
    const [finding, ...more] = JSON.parse(stdout)
    assert.deepEqual(more, [])
    assert.deepEqual(Object.keys(finding), ['check', 'level', 'message', 'hint', 'details'])
    assert.equal(finding.check, 'connection')
    assert.equal(finding.level, 'problem')
    assert.deepEqual(finding.details, { endpoint: `http://127.0.0.1:${port}`, code: 'ECONNREFUSED' })
    assert.doesNotMatch(stdout + stderr, /my-own-secret/)
  })

  test('exits with 1 for a problem; every source is read in its format', async () => {
    const config = {
      etcd: { endpoints: [etcd.url] },
      discovery: {
        servicesPrefix: '/broken/',
        sources: [{ prefix: '/format/', format: 'service-object' }],
      },
      routes: { documents: { lost: { path: '/x', service: 'nobody' } } },
    }
    await writeFile(join(folder, 'sources.yaml'), JSON.stringify(config))
    const { code, stdout } = await doctor(['--config', 'sources.yaml'])
    assert.equal(code, 1)
    const [broken, format] = ['broken', 'format'].map(
      name =>
        new RegExp(
          `^problem  1 value below /${name}/ is not used\\n {9}- /${name}/user/u1: .*\\n {9}→ `,
          'm',
        ),
    )
    assert.match(stdout, broken!)
    assert.match(stdout, format!)
    assert.match(stdout, /without a node\n {9}- lost: nobody/)
    assert.match(stdout, /\n2 problems, 2 warnings\.\n$/)
    assert.ok(!stdout.includes('\u001b'), 'what a value would do to a terminal')
  })

  test('a document that the gateway refuses because of its configuration is a problem', async () => {
    const args = ['--etcd', etcd.url, '--services-prefix', '/warned/', '--routes-prefix', '/refused/']
    const { code, stdout } = await doctor(args)
    assert.equal(code, 1)
    assert.match(
      stdout,
      /is not used\n {9}- \/refused\/r: \$\.auth: requires "api-key".* set apiKeys\.enabled/,
    )
  })

  test('without an etcd it says that start runs its own', async () => {
    const { code, stdout } = await doctor(['--embedded-etcd', `127.0.0.1:${await freePort()}`])
    assert.equal(code, 0)
    assert.match(
      stdout,
      /no etcd is configured: waygate start runs the embedded etcd at .*, where nothing listens yet/,
    )
  })

  test('a running embedded etcd is examined; warnings alone exit with 0', async () => {
    const { code, stdout } = await doctor(['--embedded-etcd', place, '--services-prefix', '/warned/'])
    assert.equal(code, 0, stdout)
    assert.match(stdout, /an embedded etcd already listens there and was examined/)
    assert.match(stdout, /^warning {2}1 key of nodes has no lease/m)
    assert.match(stdout, /\n1 warning\.\n$/)
  })

  test('another process at the address of the embedded etcd is a problem', async () => {
    const other = createServer(socket => socket.on('error', () => {}).end())
    await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
    try {
      const { code, stdout } = await doctor([
        '--embedded-etcd',
        `127.0.0.1:${(other.address() as AddressInfo).port}`,
      ])
      assert.equal(code, 1)
      assert.match(stdout, /^problem .* but something else listens there\n.*--etcd.*--embedded-etcd/m)
    } finally {
      other.close()
    }
  })

  test('says so when the configuration uses no etcd', async () => {
    await writeFile(join(folder, 'memory.yaml'), 'discovery: { registry: memory }')
    const { code, stdout } = await doctor(['--config', 'memory.yaml'])
    assert.equal(code, 0)
    assert.match(stdout, /^ok {7}discovery\.registry is memory: etcd is not used$/m)
  })

  test('an unknown variable is a warning', async () => {
    const port = await freePort()
    const { stdout } = await doctor(['--embedded-etcd', `127.0.0.1:${port}`], { WAYGATE_ETCD_PASWORD: 'x' })
    assert.match(stdout, /^warning {2}environment WAYGATE_ETCD_PASWORD is not a variable/m)
  })

  test('a mistake in its options is one line, and exit code 2', async () => {
    const { code, stdout, stderr } = await doctor(['--json=yes'])
    assert.deepEqual([code, stdout], [2, ''])
    assert.equal(stderr, 'waygate doctor: --json takes no value; see waygate doctor --help\n')
  })
})

test('switches take no value, not even the next argument', () => {
  const none = { command: 'doctor', config: undefined, settings: [] }
  assert.deepEqual(parseCommandLine(['doctor']), { ...none, writeCheck: false, json: false })
  assert.deepEqual(parseCommandLine(['doctor', '--json', '--write-check', '--config', 'a.yaml']), {
    ...none,
    config: 'a.yaml',
    writeCheck: true,
    json: true,
  })
  assert.throws(() => parseCommandLine(['doctor', '--json', 'no']), /unexpected argument no/)
})

test('findings are lines with their items and advice below, control characters shown', () => {
  const text = formatFindings(
    [
      { check: 'nodes', level: 'skipped', message: 'a\u001b[2J\u202eb' },
      { check: 'nodes', level: 'problem', message: 'm', hint: 'h', details: { items: ['x\ny'], more: 3 } },
    ],
    { colors: false },
  )
  assert.equal(
    text,
    [
      'skipped  a\\u{1b}[2J\\u{202e}b',
      'problem  m',
      '         - x\\u{a}y',
      '         and 3 more',
      '         → h',
      '',
      '1 problem.',
    ].join('\n'),
  )
  const colored = formatFindings([{ check: 'nodes', level: 'ok', message: 'm' }], { colors: true })
  assert.equal(colored, '\u001b[32mok     \u001b[39m  m\n\nNo problems found.')
})
