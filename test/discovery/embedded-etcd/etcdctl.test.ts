import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { after, before, suite, type TestContext, test } from 'node:test'
import { type EmbeddedEtcd, startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'
import { etcdctl, onPath, requireEtcd } from '../../support/etcd.ts'

suite('etcdctl works against the embedded etcd', () => {
  let server: EmbeddedEtcd
  const ctl = (...args: string[]) => etcdctl(server.url, ...args)

  before(async () => {
    server = await startEmbeddedEtcd({ port: 0 })
  })
  after(() => server.close())
  const check = (name: string, body: (t: TestContext) => Promise<void>) =>
    test(name, async t => {
      if (requireEtcd(t, ['etcdctl'])) await body(t)
    })

  check('put, get, get by prefix, get at a revision, delete by prefix', async () => {
    assert.equal(await ctl('put', 'crud/a', 'one'), 'OK\n')
    const { header } = JSON.parse(await ctl('get', 'crud/a', '-w', 'json'))
    await ctl('put', 'crud/a', 'two')
    await ctl('put', 'crud/b', 'three')
    assert.equal(await ctl('get', '--prefix', 'crud/'), 'crud/a\ntwo\ncrud/b\nthree\n')
    assert.equal(
      await ctl('get', '--prefix', 'crud/', '--keys-only', '--order=DESCEND'),
      'crud/b\n\ncrud/a\n\n',
    )
    assert.equal(await ctl('get', 'crud/a', `--rev=${header.revision}`, '--print-value-only'), 'one\n')
    assert.equal(await ctl('put', 'crud/a', 'four', '--prev-kv'), 'OK\ncrud/a\ntwo\n')
    assert.equal(await ctl('del', '--prefix', 'crud/'), '2\n')
    assert.equal(await ctl('get', '--prefix', 'crud/'), '')
  })

  check('a user is ignored, as by an etcd without authentication', async () => {
    assert.equal(await ctl('--user=root:secret', 'put', 'by-user', 'one'), 'OK\n')
  })

  check('watch --prev-kv from a revision on', async () => {
    await ctl('put', 'watched', 'one')
    const { header } = JSON.parse(await ctl('get', 'watched', '-w', 'json'))
    await ctl('put', 'watched', 'two')
    await using watch = run(server.url, 'watch', 'watched', '--prev-kv', `--rev=${header.revision}`)
    const puts = 'PUT\nwatched\none\nPUT\nwatched\none\nwatched\ntwo\n'
    await watch.printed(puts)
    await ctl('del', 'watched')
    await watch.printed(`${puts}DELETE\nwatched\ntwo\nwatched\n\n`)
  })

  check('lease grant, keep-alive, timetolive, list and revoke', async () => {
    const [, id = ''] = /^lease (\w+) granted with TTL\(60s\)/.exec(await ctl('lease', 'grant', '60')) ?? []
    await ctl('put', 'leased', 'x', `--lease=${id}`)
    assert.equal(await ctl('lease', 'keep-alive', '--once', id), `lease ${id} keepalived with TTL(60)\n`)
    assert.match(
      await ctl('lease', 'timetolive', id, '--keys'),
      /granted with TTL\(60s\), remaining\(5\ds\), attached keys\(\[leased\]\)/,
    )
    assert.match(await ctl('lease', 'list'), new RegExp(id))
    assert.equal(await ctl('lease', 'revoke', id), `lease ${id} revoked\n`)
    assert.equal(await ctl('get', 'leased'), '')
    await assert.rejects(ctl('lease', 'revoke', id), /requested lease not found/)
    assert.match(await ctl('lease', 'timetolive', id), /already expired/)
  })

  check('txn from standard input', async () => {
    await ctl('put', 'txn/user', 'ada')
    await using txn = run(server.url, 'txn')
    txn.type('value("txn/user") = "ada"\n\nput txn/seen yes\nget txn/user\n\nput txn/seen no\n\n')
    await txn.printed('SUCCESS\n\nOK\n\ntxn/user\nada\n')
    assert.equal(await ctl('get', 'txn/seen', '--print-value-only'), 'yes\n')
  })

  check('txn -i asks and answers', async () => {
    await using txn = run(server.url, 'txn', '-i')
    txn.type('version("txn/none") > "0"\n\nput txn/none a\n\nput txn/none b\n\n')
    await txn.printed(/FAILURE\n\nOK\n$/)
  })

  check('compaction', async () => {
    await ctl('put', 'compacted', 'one')
    await ctl('put', 'compacted', 'two')
    const { header } = JSON.parse(await ctl('get', 'compacted', '-w', 'json'))
    assert.equal(await ctl('compaction', String(header.revision)), `compacted revision ${header.revision}\n`)
    await assert.rejects(
      ctl('get', 'compacted', `--rev=${header.revision - 1}`),
      /mvcc: required revision has been compacted/,
    )
    await assert.rejects(ctl('compaction', '999999'), /mvcc: required revision is a future revision/)
    await assert.rejects(
      ctl('watch', 'compacted', `--rev=${header.revision - 1}`),
      /watch was canceled|compacted/,
    )
  })

  check('member list, endpoint status and endpoint health', async () => {
    const [id, state, name, , clientUrl] = (await ctl('member', 'list')).trim().split(', ')
    assert.match(id!, /^[0-9a-f]+$/)
    assert.deepEqual([state, name, clientUrl], ['started', 'embedded', server.url])
    // Without `http://`: this command of etcdctl 3.4 takes the whole endpoint for the name of the authority,
    // and Node's HTTP/2 refuses a name that is none.
    const hostAndPort = server.url.replace('http://', '')
    const [{ Endpoint, Status }] = JSON.parse(await etcdctl(hostAndPort, 'endpoint', 'status', '-w', 'json'))
    assert.equal(Endpoint, hostAndPort)
    assert.equal(Status.header.member_id, Status.leader)
    assert.match(Status.version, /^3\.4\.\d+/)
    // It prints this to stderr, and would fail if the endpoint were not healthy.
    await ctl('endpoint', 'health')
    assert.equal(await ctl('alarm', 'list'), '')
  })

  check('lock runs a command while it holds the lock', async () => {
    const [one, other] = await Promise.all([
      ctl('lock', 'mine', 'echo', 'one'),
      ctl('lock', 'mine', 'echo', 'other'),
    ])
    assert.deepEqual([one, other], ['one\n', 'other\n'])
  })

  check('elect hands the leadership on', async () => {
    await using first = run(server.url, 'elect', 'chair', 'ada')
    await first.printed(/ada\n$/)
    await using second = run(server.url, 'elect', 'chair', 'grace')
    await first[Symbol.asyncDispose]()
    await second.printed(/grace\n$/)
  })

  check('auth enable is told that there are no users here', async () => {
    await assert.rejects(ctl('auth', 'enable'), /Unimplemented/)
  })
})

/** An etcdctl that runs until it is disposed. */
function run(url: string, ...args: string[]) {
  if (!onPath('etcdctl')) throw new Error('no etcdctl')
  const child = spawn('etcdctl', [`--endpoints=${url}`, ...args], {
    env: { ...process.env, ETCDCTL_API: '3' },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: 20_000,
  })
  const exit = new Promise<void>(resolve => child.once('exit', () => resolve()))
  let output = ''
  let wake = () => {}
  const note = (text: string) => {
    output += text
    wake()
  }
  child.stdout.setEncoding('utf8').on('data', note)
  child.stderr.resume()
  void exit.then(() => note(''))
  return {
    type: (text: string) => void child.stdin.end(text),
    /** Resolves when it has printed exactly this, or something that matches. */
    async printed(expected: string | RegExp): Promise<void> {
      const matches = () => (typeof expected === 'string' ? output === expected : expected.test(output))
      while (!matches()) {
        if (child.exitCode !== null || child.signalCode !== null)
          assert.fail(`etcdctl ${args[0]} ended with ${JSON.stringify(output)}`)
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
    },
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill('SIGTERM')
      await exit
    },
  }
}
