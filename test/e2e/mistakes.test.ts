import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { runProgram } from '../support/waygate.ts'

const folder = await mkdtemp(join(tmpdir(), 'waygate-mistakes-'))
const busy = createServer()
await new Promise<void>(resolve => busy.listen(0, '127.0.0.1', resolve))
const busyPort = (busy.address() as AddressInfo).port
after(async () => {
  await new Promise(resolve => busy.close(resolve))
  await rm(folder, { recursive: true, force: true })
})

const FILES: Readonly<Record<string, string>> = {
  'broken.yaml': 'port: 8080\njwt:\n  secret: [\n',
  'wrong.yaml': 'port: 8080\n\nbreaker:\n  failureRatio: 5\n',
  'broken.json': '{\n  "port": 8080,\n  "host" "x"\n}\n',
  'not-a-key.pem': 'hello\n',
}
for (const [name, content] of Object.entries(FILES)) await writeFile(join(folder, name), content)

const ANY = { '--host': '127.0.0.1', '--port': '0', '--admin-port': '0', '--embedded-etcd': '127.0.0.1:0' }
/** Builds the arguments of `waygate start`, on free ports unless options say otherwise. */
const start = (options: Readonly<Record<string, string>>) => [
  'start',
  '--embedded-etcd-memory',
  ...Object.entries({ ...ANY, ...options }).flat(),
]

interface Mistake {
  readonly what: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Matches stderr, which is one line. */
  readonly line: RegExp
  /** Exit code. Default 1. */
  readonly code?: number
}

const MISTAKES: readonly Mistake[] = [
  { what: 'an unknown option', args: ['start', '--prot', '1'], line: /--prot .*--port/, code: 2 },
  {
    what: 'an invalid port',
    args: ['start', '--port', '99999'],
    line: /--port .*65535, not 99999/,
    code: 2,
  },
  {
    what: 'a TTL below the minimum',
    args: ['register', '--name', 'x', '--address', '127.0.0.1:1', '--ttl', '1'],
    line: /--ttl .*6/,
    code: 2,
  },
  { what: 'broken YAML', args: start({ '--config': 'broken.yaml' }), line: /broken\.yaml:\d+(:\d+)?: / },
  { what: 'broken JSON', args: start({ '--config': 'broken.json' }), line: /broken\.json:3(:\d+)?: / },
  {
    what: 'a wrong value in a file',
    args: start({ '--config': 'wrong.yaml' }),
    line: /wrong\.yaml:4.*\$\.breaker\.failureRatio: .*5/,
  },
  {
    what: 'a missing configuration file',
    args: start({ '--config': 'none.yaml' }),
    line: /none\.yaml.*cannot be read/,
  },
  {
    what: 'a missing key file',
    args: start({}),
    env: { WAYGATE_JWT_PUBLIC_KEY_FILE: 'none.pem' },
    line: /WAYGATE_JWT_PUBLIC_KEY_FILE.*none\.pem cannot be read: no such file/,
  },
  {
    what: 'a key file without a key',
    args: start({}),
    env: { WAYGATE_JWT_PUBLIC_KEY_FILE: 'not-a-key.pem' },
    line: /WAYGATE_JWT_PUBLIC_KEY_FILE.*not-a-key\.pem/,
  },
  {
    what: 'a wrong environment variable',
    args: start({}),
    env: { WAYGATE_WORKERS: 'many' },
    line: /WAYGATE_WORKERS.*many/,
  },
  {
    what: 'a public admin listener without a token',
    args: start({ '--admin-host': '0.0.0.0' }),
    line: /--admin-host.*0\.0\.0\.0.*WAYGATE_ADMIN_TOKEN/,
  },
  {
    what: 'a public embedded etcd',
    args: start({ '--embedded-etcd': '0.0.0.0:2379' }),
    line: /--embedded-etcd.*loopback/,
  },
  {
    what: 'a busy public port',
    args: start({ '--port': String(busyPort) }),
    line: new RegExp(`cannot listen on 127\\.0\\.0\\.1:${busyPort}: it is in use; .* --port`),
  },
  {
    what: 'a busy admin port',
    args: start({ '--admin-port': String(busyPort) }),
    line: new RegExp(`cannot listen on 127\\.0\\.0\\.1:${busyPort}: it is in use; .* --admin-port`),
  },
  {
    what: 'a busy port for the embedded etcd',
    args: start({ '--embedded-etcd': `127.0.0.1:${busyPort}` }),
    line: new RegExp(`embedded etcd cannot listen on 127\\.0\\.0\\.1:${busyPort}.*in use`),
  },
  {
    what: 'an address of another machine',
    args: start({ '--host': '203.0.113.1' }),
    line: /cannot listen on 203\.0\.113\.1: not an address of this machine/,
  },
  {
    what: 'an etcd with TLS on only one member',
    args: ['start', '--etcd', 'http://127.0.0.1:1,https://127.0.0.1:2'],
    line: /--etcd: \$\.etcd\.endpoints\[1\]: must begin with http:/,
  },
  { what: 'an invalid etcd URL', args: ['start', '--etcd', 'nonsense'], line: /--etcd.*nonsense/ },
  {
    what: 'an unreachable admin listener',
    args: ['routes', '--admin', 'http://127.0.0.1:3'],
    line: /no gateway answers at http:\/\/127\.0\.0\.1:3.*ECONNREFUSED/,
  },
  ...[
    ['certificate', 'list'],
    ['descriptors', 'list'],
    ['descriptors', 'get', 'user', 'user.binpb'],
    ['split', 'orders', 'canary', '5'],
  ].map(args => ({
    what: `an unreachable etcd for ${args.slice(0, 2).join(' ')}`,
    args: [...args, '--etcd', 'http://127.0.0.1:3'],
    line: /etcd at http:\/\/127\.0\.0\.1:3: .*ECONNREFUSED.*; waygate doctor finds out more/,
  })),
  { what: 'a token without a secret', args: ['token', '--sub', 'anna'], line: /secret/ },
]

describe('a mistake before the start', { concurrency: 4 }, () => {
  for (const { what, args, env, line, code = 1 } of MISTAKES) {
    test(`${what} gives one clear line and exit code ${code}`, async () => {
      const finished = await runProgram({ args, cwd: folder, ...(env && { env }) })
      const { stderr } = finished
      assert.match(stderr, /^waygate.*\n$/, 'one line')
      assert.match(stderr, line)
      assert.doesNotMatch(stderr, /\n\s+at /, 'no stack')
      assert.equal(finished.code, code)
      for (const logged of finished.stdout.split('\n').filter(Boolean)) {
        assert.ok(JSON.parse(logged).level < 50, 'nothing else went wrong')
      }
    })
  }
})

test('several mistakes in one file are reported together, one line each', async () => {
  await writeFile(join(folder, 'several.yaml'), 'prot: 1\nadminHost: 0\nbreaker:\n  openMs: -1\n')
  const { code, stderr } = await runProgram({ args: start({ '--config': 'several.yaml' }), cwd: folder })
  assert.equal(code, 1)
  assert.deepEqual(
    stderr
      .trim()
      .split('\n')
      .map(line => line.split(': ').slice(0, 3)),
    [
      ['waygate', 'several.yaml:1', '$.prot'],
      ['waygate', 'several.yaml:2', '$.adminHost'],
      ['waygate', 'several.yaml:4', '$.breaker.openMs'],
    ],
  )
})
