import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from '../../../cmd/cli/format-error.ts'
import { COMMANDS } from '../../../cmd/cli/option-table.ts'
import { parseCommandLine } from '../../../cmd/cli/options.ts'

const split = (line: string) => line.split(' ').filter(word => word !== '')
const none = { config: undefined, settings: [] }
const table = { admin: undefined, output: 'table' }

const understood: [line: string, command: object][] = [
  ['start', { command: 'start', ...none }],
  [
    'start --host 127.0.0.1 --port=0 --workers 0 --config a.yaml --etcd http://a:1,http://b:2',
    {
      command: 'start',
      config: 'a.yaml',
      settings: [
        { path: 'host', value: '127.0.0.1', source: 'option --host' },
        { path: 'port', value: 0, source: 'option --port' },
        { path: 'workers', value: 0, source: 'option --workers' },
        { path: 'etcd.endpoints', value: ['http://a:1', 'http://b:2'], source: 'option --etcd' },
      ],
    },
  ],
  [
    'start --port 1 --port 2',
    { command: 'start', config: undefined, settings: [{ path: 'port', value: 2, source: 'option --port' }] },
  ],
  [
    'demo --admin-port 0',
    {
      command: 'demo',
      grpc: false,
      tls: false,
      traffic: 5,
      config: undefined,
      settings: [{ path: 'adminPort', value: 0, source: 'option --admin-port' }],
    },
  ],
  ['demo --grpc', { command: 'demo', ...none, grpc: true, tls: false, traffic: 5 }],
  ['demo --tls --traffic 0', { command: 'demo', ...none, grpc: false, tls: true, traffic: 0 }],
  [
    'register --name user --address 127.0.0.1:3001',
    {
      command: 'register',
      ...none,
      name: 'user',
      host: '127.0.0.1',
      port: 3001,
      id: undefined,
      weight: 1,
      protocol: undefined,
      metadata: {},
      ttlSeconds: 10,
      child: undefined,
      adopt: false,
    },
  ],
  [
    'register --name user --address [::1]:3001 --id u1 --weight 0 --protocol grpc --meta a=1 --meta b=x=y --meta c= --ttl 6 --adopt -- node server.js --port 3001 -- -x',
    {
      command: 'register',
      ...none,
      name: 'user',
      host: '::1',
      port: 3001,
      id: 'u1',
      weight: 0,
      protocol: 'grpc',
      metadata: { a: '1', b: 'x=y', c: '' },
      ttlSeconds: 6,
      child: { file: 'node', args: ['server.js', '--port', '3001', '--', '-x'] },
      adopt: true,
    },
  ],
  ['routes', { command: 'routes', ...none, ...table, filter: '' }],
  [
    'routes --admin http://localhost:9180/ -o wide',
    { command: 'routes', ...none, admin: 'http://localhost:9180', output: 'wide', filter: '' },
  ],
  ['routes service:user -- -b', { command: 'routes', ...none, ...table, filter: 'service:user -b' }],
  ['services', { command: 'services', ...none, ...table, name: undefined }],
  ['services user -o yaml', { command: 'services', ...none, ...table, output: 'yaml', name: 'user' }],
  ['nodes', { command: 'nodes', ...none, ...table, service: undefined, id: undefined, filter: '' }],
  ['nodes user', { command: 'nodes', ...none, ...table, service: 'user', id: undefined, filter: '' }],
  ['nodes user/n1', { command: 'nodes', ...none, ...table, service: 'user', id: 'n1', filter: '' }],
  ['nodes user/n1:80', { command: 'nodes', ...none, ...table, service: 'user', id: 'n1:80', filter: '' }],
  [
    'nodes user state:down b',
    { command: 'nodes', ...none, ...table, service: 'user', id: undefined, filter: 'state:down b' },
  ],
  [
    'nodes weight>=2 -- -state:up',
    { command: 'nodes', ...none, ...table, service: undefined, id: undefined, filter: 'weight>=2 -state:up' },
  ],
  ['leases', { command: 'leases', ...none, ...table }],
  ['top --once', { command: 'top', ...none, ...table, once: true }],
  ['tail', { command: 'tail', ...none, ...table, filter: '', problems: false, lines: 50, once: false }],
  [
    'tail status:5xx ms>9 --problems -n 7 --once',
    { command: 'tail', ...none, ...table, filter: 'status:5xx ms>9', problems: true, lines: 7, once: true },
  ],
  ['why r1', { command: 'why', ...none, ...table, requestId: 'r1' }],
  ['status', { command: 'status', ...none, ...table, waitSeconds: 0 }],
  ['status --wait 2m', { command: 'status', ...none, ...table, waitSeconds: 120 }],
  ['reload', { command: 'reload', ...none, ...table, dryRun: false }],
  ['reload --dry-run -o json', { command: 'reload', ...none, ...table, output: 'json', dryRun: true }],
  ['healthcheck', { command: 'healthcheck', ...none }],
  ['dashboard --open', { command: 'dashboard', ...none, admin: undefined, open: true }],
  ['completion fish', { command: 'completion', ...none, admin: undefined, shell: 'fish' }],
  ['completion ids nodes', { command: 'completion', ...none, admin: undefined, ids: 'nodes' }],
  ['token --sub u1', { command: 'token', ...none, subject: 'u1', expiresInSeconds: 3600, claims: {} }],
  [
    'token --sub u1 --expires 7d --claim n=5 --claim ok=true --claim roles=["a"] --claim scope=task:read --claim q="5"',
    {
      command: 'token',
      ...none,
      subject: 'u1',
      expiresInSeconds: 604_800,
      claims: { n: 5, ok: true, roles: ['a'], scope: 'task:read', q: '5' },
    },
  ],
  ['check waygate.yaml', { command: 'check', file: 'waygate.yaml', kind: undefined, admin: undefined }],
  [
    'check a.json --admin http://127.0.0.1:9180/',
    { command: 'check', file: 'a.json', kind: undefined, admin: 'http://127.0.0.1:9180' },
  ],
  [
    'check --kind route -- --odd-name',
    { command: 'check', file: '--odd-name', kind: 'route', admin: undefined },
  ],
  ['--version', { command: 'version' }],
  ['version', { command: 'version' }],
]

for (const [line, command] of understood) {
  test(`understood: ${line}`, () => assert.deepEqual(parseCommandLine(split(line)), command))
}

const durations: [text: string, seconds: number][] = [
  ['90', 90],
  ['90s', 90],
  ['30m', 1800],
  ['1h', 3600],
  ['7d', 604_800],
]
for (const [text, seconds] of durations) {
  test(`--expires ${text} is ${seconds} seconds`, () => {
    const command = parseCommandLine(['token', '--sub', 'x', '--expires', text])
    assert.equal('expiresInSeconds' in command && command.expiresInSeconds, seconds)
  })
}

const refused: [line: string, message: RegExp][] = [
  [
    '',
    /^waygate: a command is missing: start, demo, register, routes, services, nodes, leases, top, tail, why, explain, status, reload, healthcheck, dashboard, completion, token, api-key, admin-token, hash-password, check, descriptors, certificate, split, etcd, doctor; see waygate --help$/,
  ],
  ['strat', /^waygate: unknown command strat \(did you mean "start"\?\); see waygate --help$/],
  ['--port 1', /^waygate: unknown option --port; see waygate --help$/],
  ['help strat', /^waygate: unknown command strat/],
  [
    'start --prot 1',
    /^waygate start: unknown option --prot \(did you mean --port\?\); see waygate start --help$/,
  ],
  ['start -p 1', /unknown option -p;/],
  ['start --no-port', /unknown option --no-port;/],
  ['start --port', /--port needs a value/],
  ['start --port=', /--port needs a value/],
  ['start --port --host 127.0.0.1', /--port needs a value/],
  ['start --port 65536', /--port must be <= 65535, not 65536/],
  ['start --port -1', /--port must be >= 0, not -1/],
  ['start --port 80a', /--port must be an integer, not "80a"/],
  ['start --port 1e3', /--port must be an integer, not "1e3"/],
  ['start --workers 1.5', /--workers must be an integer, not "1.5"/],
  ['start --log-level inof', /--log-level must be .* not "inof" \(did you mean "info"\?\)/],
  ['start --etcd ,', /--etcd must not be empty/],
  ['start extra', /unexpected argument extra/],
  ['start -- extra', /unexpected argument extra/],
  ['start --sub x', /unknown option --sub/],
  ['api-key', /--owner is missing/],
  ['api-key --owner a --scope', /--scope needs a value/],
  ['api-key --owner a --expires never', /--expires must be like 90s, 30m, 1h, 7d or seconds, not never/],
  ['api-key --owner a --claim x', /--claim must be KEY=VALUE, not x/],
  ['hash-password --user', /--user needs a value/],
  ['hash-password secret', /unexpected argument secret/],
  ['register --address 127.0.0.1:1', /--name is missing/],
  ['register --name a', /--address is missing/],
  ['register --name a --address 127.0.0.1:1 --adopt', /--adopt needs a command after --/],
  ['register --name a/b --address 127.0.0.1:1', /service must be 1 to 255 characters/],
  ['register --name a --address 127.0.0.1', /address must be host:port/],
  ['register --name a --address 127.0.0.1:0', /port must be an integer from 1 to 65535/],
  ['register --name a --address 169.254.169.254:80', /must not be link-local/],
  ['register --name a --address h:1 --id a/b', /id must be 1 to 255 characters/],
  ['register --name a --address h:1 --weight -1', /--weight must be an integer from 0 to 65535, not -1/],
  ['register --name a --address h:1 --weight 65536', /--weight must be an integer/],
  ['register --name a --address h:1 --meta a', /--meta must be KEY=VALUE, not a/],
  ['register --name a --address h:1 --protocol /', /protocol must be one word/],
  ['register --name a --address h:1 --meta protocol=/', /protocol must be one word/],
  ['register --name a --address h:1 --ttl 5', /--ttl must be an integer from 6 to 86400, not 5/],
  ['register --name a --address h:1 node server.js', /unexpected argument node/],
  ['routes --admin localhost:9180', /--admin must be an http or https URL/],
  ['routes -o xml', /--output must be table, wide, json, yaml or name, not xml/],
  ['services a b', /unexpected argument b/],
  ['nodes /n1', /a node is SERVICE\/ID, not \/n1/],
  ['nodes user/n1 state:up', /unexpected argument state:up/],
  ['nodes user/', /a node is SERVICE\/ID, not user\//],
  ['leases x', /unexpected argument x/],
  ['tail -n 1025', /--lines must be an integer from 0 to 1024, not 1025/],
  ['tail -o yaml', /--output must be table, json or name, not yaml/],
  ['why', /REQUEST-ID is missing/],
  ['status --wait soon', /--wait must be like 90s, 30m, 1h, 7d or seconds, not soon/],
  ['completion', /the shell is missing/],
  ['completion ids keys', /KIND must be one of routes, services, nodes, not keys/],
  ['demo --traffic 101', /--traffic must be an integer from 0 to 100, not 101/],
  ['token', /--sub is missing/],
  ['token --sub x --expires 1y', /--expires must be like 90s, 30m, 1h, 7d or seconds, not 1y/],
  ['token --sub x --expires 0', /--expires must be like/],
  ['token --sub x --claim exp=1', /--claim must not set exp/],
  ['token --sub x --claim =1', /--claim must be KEY=VALUE/],
  ['check', /FILE is missing/],
  ['check a b', /unexpected argument b/],
  ['check a --kind x', /--kind must be one of config, route, policies, services, api-key, not x/],
]

for (const [line, message] of refused) {
  test(`refused: ${line || '(nothing)'}`, () => {
    assert.throws(
      () => parseCommandLine(split(line)),
      (error: unknown) => {
        assert.ok(error instanceof UsageError, String(error))
        assert.match(error.message, message)
        assert.ok(!error.message.includes('\n'), 'one line')
        return true
      },
    )
  })
}

test('the help of a command names all its options, however it is asked for', () => {
  for (const [name, { options }] of Object.entries(COMMANDS)) {
    for (const line of [`${name} --help`, `${name} -h`, `help ${name}`]) {
      const command = parseCommandLine(split(line))
      assert.ok(command.command === 'help', line)
      for (const option of options)
        assert.ok(command.text.includes(`--${option.name} ${option.value}`), option.name)
    }
  }
})

test("the program's help names all commands", () => {
  for (const line of ['--help', '-h', 'help']) {
    const command = parseCommandLine([line])
    assert.ok(command.command === 'help')
    for (const name of Object.keys(COMMANDS)) assert.match(command.text, new RegExp(`^  ${name} `, 'm'))
  }
})

test('help after -- belongs to the child', () => {
  const command = parseCommandLine(split('register --name a --address h:1 -- node --help'))
  assert.deepEqual('child' in command && command.child, { file: 'node', args: ['--help'] })
})
