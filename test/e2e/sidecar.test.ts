import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { after, test } from 'node:test'
import { startEmbeddedEtcd } from '../../discovery/embedded-etcd/server.ts'
import { makeAuthority } from '../support/certificates.ts'
import { onPath } from '../support/etcd.ts'
import { openEtcdClient } from '../support/etcd-client.ts'
import { freePort } from '../support/free-port.ts'
import { DEAD_SIDECAR, startMarked } from '../support/marked-process.ts'
import { isRunning } from '../support/processes.ts'
import { until } from '../support/until.ts'
import { type Program, runProgram, startProgram } from '../support/waygate.ts'

const etcd = await startEmbeddedEtcd({ port: 0 })
const client = openEtcdClient(etcd.url)
after(async () => {
  client.close()
  await etcd.close()
})

/** Starts a server that calls back with every connection. */
async function startAsking(
  onAsked: (socket: Socket) => void,
): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer(onAsked)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => new Promise<void>(resolve => server.close(() => resolve())),
  }
}

const keyOf = (service: string) => client.get(`/services/${service}/n1`).string()
/** Resolves with the key. Programs take long to start on a busy machine. */
const untilRegistered = (service: string) =>
  until('the key is there', () => entryOf(service), { withinMs: 60_000 })
/** Resolves when the key is there under another lease. */
const untilAgain = (service: string, lease: string) =>
  until('it is registered again', async () => ((await entryOf(service))?.lease ?? lease) !== lease, {
    withinMs: 60_000,
  })
const entryOf = async (service: string) =>
  (await client.kv.range({ key: Buffer.from(`/services/${service}/n1`) })).kvs[0]

async function startSidecar(
  service: string,
  port: number,
  command: readonly string[] = [],
  options: readonly string[] = [],
): Promise<Program> {
  const node = ['--name', service, '--id', 'n1', '--address', `127.0.0.1:${port}`]
  const args = ['register', ...node, '--etcd', etcd.url, ...options]
  return startProgram({ args: [...args, ...(command.length > 0 ? ['--', ...command] : [])] })
}

test('a Node program is registered when it accepts connections, and gets SIGTERM after it is unregistered', async () => {
  const port = await freePort()
  // On SIGTERM the command connects to us first, so that we can check the state at that moment.
  const asked = Promise.withResolvers<Socket>()
  await using asking = await startAsking(asked.resolve)
  const script = `
    require('http').createServer((q, r) => r.end('here')).listen(${port}, '127.0.0.1')
    process.on('SIGTERM', () => {
      require('net').connect(${asking.port}, '127.0.0.1').on('data', () => process.exit(0))
    })`
  await using sidecar = await startSidecar('in-node', port, [process.execPath, '-e', script])
  const {
    id,
    ip,
    port: registered,
    weight,
  } = JSON.parse(await until('the key is there', () => keyOf('in-node')))
  assert.deepEqual([id, ip, registered, weight], ['n1', '127.0.0.1', port, 1])

  sidecar.child.kill('SIGTERM')
  const socket = await asked.promise
  assert.equal(await keyOf('in-node'), null, 'it has left')
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })
  assert.equal(await response.text(), 'here', 'and serves on')
  socket.end('go')
  assert.deepEqual(await sidecar.exited, { code: 0, signal: null })
})

test('a second sidecar started by mistake fails with a clear message, and does not touch the node of the first', async () => {
  const port = await freePort()
  const script = `require('http').createServer((q, r) => r.end()).listen(${port}, '127.0.0.1')`
  const command = [process.execPath, '-e', script]
  await using first = await startSidecar('twice', port, command)
  const before = await until('the key is there', () => entryOf('twice'))
  await using second = await startSidecar('twice', port, command)
  assert.deepEqual(await second.exited, { code: 1, signal: null })
  assert.equal(
    second.stderr(),
    `waygate: another process already listens on 127.0.0.1:${port}; the command was not started\n`,
  )
  assert.deepEqual(await entryOf('twice'), before, 'nobody wrote it meanwhile')
  first.child.kill('SIGTERM')
  await first.exited
})

test('a command that a killed sidecar left behind is adopted with --adopt, and otherwise named', async t => {
  if (process.platform !== 'linux') return t.skip('needs /proc')
  const port = await freePort()
  const script = `require('http').createServer((q, r) => r.end(String(process.pid))).listen(${port}, '127.0.0.1')`
  const command = [process.execPath, '-e', script]
  const pidThere = async () =>
    Number(await (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })).text())
  await using first = await startSidecar('left', port, command)
  const before = await untilRegistered('left')
  const pid = await pidThere()
  t.after(() => isRunning(pid) && process.kill(pid, 'SIGKILL'))

  // While the first sidecar runs, nothing is taken over.
  await using mistaken = await startSidecar('left', port, command, ['--adopt'])
  assert.equal((await mistaken.exited).code, 1)
  assert.match(mistaken.stderr(), /the command was not started\n$/)

  first.child.kill('SIGKILL')
  await once(first.child, 'exit')
  await using refused = await startSidecar('left', port, command)
  await until('it has ended', () => refused.hasExited())
  assert.equal(
    refused.stderr(),
    `waygate: another process already listens on 127.0.0.1:${port}; the command was not started; it is the command of a sidecar that was killed: end process ${pid}, or take it over with --adopt\n`,
  )
  await using other = await startSidecar('left', port, [...command, 'other'], ['--adopt'])
  assert.equal((await other.exited).code, 1, 'another command line is another command')

  await using second = await startSidecar('left', port, command, ['--adopt'])
  await untilAgain('left', before.lease)
  assert.equal(await pidThere(), pid)
  assert.match(second.stderr(), new RegExp(`"pid":${pid},.*"command of an earlier sidecar adopted"`))
  second.child.kill('SIGTERM')
  assert.deepEqual(await second.exited, { code: 0, signal: null })
  assert.equal(await keyOf('left'), null)
  assert.equal(isRunning(pid), false)
})

test('a command that was left behind and accepts no connections is not adopted', async t => {
  if (process.platform !== 'linux') return t.skip('needs /proc')
  const port = await freePort()
  const script = `require('http').createServer().listen(${port}, '127.0.0.1')`
  const child = { file: process.execPath, args: ['-e', script] }
  await using deaf = await startMarked({ name: 'deaf', host: '127.0.0.1', port, child }, DEAD_SIDECAR)
  await using sidecar = await startSidecar('deaf', port, [child.file, ...child.args], ['--adopt'])
  await untilRegistered('deaf')
  const message = 'command of an earlier sidecar not adopted; it accepts no connections'
  assert.match(sidecar.stderr(), new RegExp(`"pid":${deaf.pid},.*"${message}"`))
  assert.equal(isRunning(deaf.pid), true)
})

test('a sidecar whose adopted command ends by itself leaves etcd and exits with 1', async t => {
  if (process.platform !== 'linux') return t.skip('needs /proc')
  const port = await freePort()
  const script = `require('http').createServer((q, r) => process.exit(0)).listen(${port}, '127.0.0.1')`
  const command = [process.execPath, '-e', script]
  await using first = await startSidecar('adopted', port, command)
  const before = await untilRegistered('adopted')
  first.child.kill('SIGKILL')
  await once(first.child, 'exit')
  await using second = await startSidecar('adopted', port, command, ['--adopt'])
  await untilAgain('adopted', before.lease)
  await assert.rejects(fetch(`http://127.0.0.1:${port}/`))
  assert.deepEqual(await second.exited, { code: 1, signal: null })
  assert.equal(await keyOf('adopted'), null)
})

test('SIGUSR1 and SIGUSR2 do nothing to a sidecar; SIGALRM ends it as SIGTERM does', async () => {
  const port = await freePort()
  const script = `require('http').createServer().listen(${port}, '127.0.0.1'); process.on('SIGTERM', () => process.exit(7))`
  await using sidecar = await startSidecar('signalled', port, [process.execPath, '-e', script])
  await untilRegistered('signalled')
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
    sidecar.child.kill(signal)
    await until('it says so', () => sidecar.stderr().includes(`"signal":"${signal}"`))
  }
  assert.doesNotMatch(sidecar.stderr(), /Debugger listening/)
  assert.notEqual(await keyOf('signalled'), null)
  sidecar.child.kill('SIGALRM')
  assert.deepEqual(await sidecar.exited, { code: 7, signal: null })
  assert.equal(await keyOf('signalled'), null)
})

test('the address may still be in use for a moment by a process that is ending', async () => {
  const port = await freePort()
  const asked = Promise.withResolvers<void>()
  const old = createServer(socket => {
    socket.destroy()
    asked.resolve()
  })
  await new Promise<void>(resolve => old.listen(port, '127.0.0.1', resolve))
  const script = `require('http').createServer().listen(${port}, '127.0.0.1', () => console.log('mine'))`
  await using sidecar = await startSidecar('handed', port, [process.execPath, '-e', script])
  await asked.promise
  assert.equal(sidecar.stdout(), '')
  old.close()
  await until('the key is there', () => keyOf('handed'))
  assert.equal(sidecar.stdout(), 'mine\n')
  sidecar.child.kill('SIGTERM')
  await sidecar.exited
})

test('a program in another language can be a node as well', async t => {
  if (!onPath('python3')) return t.skip('needs python3 on PATH')
  const port = await freePort()
  const command = ['python3', '-m', 'http.server', String(port), '--bind', '127.0.0.1']
  await using sidecar = await startSidecar('in-python', port, command)
  await until('the key is there', () => keyOf('in-python'))
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })
  assert.equal(response.status, 200)
  await response.arrayBuffer()
  sidecar.child.kill('SIGTERM')
  assert.deepEqual(await sidecar.exited, { code: 143, signal: null })
  assert.equal(await keyOf('in-python'), null)
  await assert.rejects(fetch(`http://127.0.0.1:${port}/`))
})

test('a program that does not listen yet is not registered yet', async () => {
  const port = await freePort()
  const script = "console.log('running'); setInterval(() => {}, 1000)"
  await using sidecar = await startSidecar('late', port, [process.execPath, '-e', script])
  await until('the command runs', () => sidecar.stdout().includes('running'))
  assert.equal(await keyOf('late'), null)
  const server = createServer(socket => socket.destroy())
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  await until('the key is there', () => keyOf('late'))
  sidecar.child.kill('SIGTERM')
  assert.equal((await sidecar.exited).code, 143, 'as the command ended')
  server.close()
  assert.equal(await keyOf('late'), null)
})

for (const [how, script, code] of [
  ['ends with 0', 'process.exit(0)', 0],
  ['ends with 7', 'process.exit(7)', 7],
  ['is killed by a signal', 'process.kill(process.pid, "SIGKILL")', 137],
] as const) {
  test(`when the command ${how} before it listens, the sidecar exits with ${code}`, async () => {
    await using sidecar = await startSidecar('brief', await freePort(), [process.execPath, '-e', script])
    assert.deepEqual(await sidecar.exited, { code, signal: null })
    assert.equal(await keyOf('brief'), null)
  })
}

test('when the command crashes, its key is removed at once, before its lease ends', async () => {
  const port = await freePort()
  const script = `require('http').createServer((q, r) => process.exit(9)).listen(${port}, '127.0.0.1')`
  await using sidecar = await startSidecar('crashing', port, [process.execPath, '-e', script])
  await until('the key is there', () => keyOf('crashing'))
  await assert.rejects(fetch(`http://127.0.0.1:${port}/`))
  assert.deepEqual(await sidecar.exited, { code: 9, signal: null })
  assert.equal(await keyOf('crashing'), null)
})

test('the exit code of the command on SIGTERM becomes that of the sidecar', async () => {
  const port = await freePort()
  const script = `require('http').createServer((q, r) => r.end()).listen(${port}, '127.0.0.1'); process.on('SIGTERM', () => process.exit(3))`
  await using sidecar = await startSidecar('polite', port, [process.execPath, '-e', script])
  await until('the key is there', () => keyOf('polite'))
  sidecar.child.kill('SIGINT')
  assert.deepEqual(await sidecar.exited, { code: 3, signal: null })
})

for (const [when, isThen] of [
  ['before the command is asked to end', async () => (await keyOf('stubborn')) === null],
  ['while the command does not end', (sidecar: Program) => sidecar.stdout().includes('asked')],
] as const) {
  test(`a second signal ${when} ends both at once`, async () => {
    const port = await freePort()
    const script = `
      require('http').createServer((q, r) => r.end(String(process.pid))).listen(${port}, '127.0.0.1')
      process.on('SIGTERM', () => console.log('asked'))`
    await using sidecar = await startSidecar('stubborn', port, [process.execPath, '-e', script])
    await until('the key is there', () => keyOf('stubborn'))
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })
    const pid = Number(await response.text())
    try {
      sidecar.child.kill('SIGTERM')
      await until('it is time', () => isThen(sidecar))
      const exited = once(sidecar.child, 'exit')
      sidecar.child.kill('SIGTERM')
      assert.deepEqual(await exited, [143, null])
      await until('the command is gone', () => !isRunning(pid))
    } finally {
      if (isRunning(pid)) process.kill(pid, 'SIGKILL')
    }
  })
}

test('stdout contains only the output of the command', async () => {
  const port = await freePort()
  const script = `require('http').createServer().listen(${port}, '127.0.0.1', () => console.log('mine'))`
  await using sidecar = await startSidecar('talking', port, [process.execPath, '-e', script])
  await until('the key is there', () => keyOf('talking'))
  sidecar.child.kill('SIGTERM')
  await sidecar.exited
  assert.equal(sidecar.stdout(), 'mine\n')
})

test('without a command the sidecar keeps the key until it gets SIGTERM', async () => {
  await using sidecar = await startSidecar('plain', 4_321)
  await until('the key is there', () => keyOf('plain'))
  sidecar.child.kill('SIGTERM')
  assert.deepEqual(await sidecar.exited, { code: 0, signal: null })
  assert.equal(await keyOf('plain'), null)
})

test('a sidecar without a command that cannot register says why, and ends', async t => {
  const authority = makeAuthority(t)
  const [{ cert }, { key }] = [authority.issue('a'), authority.issue('b')]
  const { code, stderr } = await runProgram({
    args: ['register', '--name', 'x', '--address', '127.0.0.1:1', '--etcd', 'https://127.0.0.1:1'],
    env: { WAYGATE_ETCD_CERT: cert, WAYGATE_ETCD_KEY: key },
  })
  assert.equal(code, 1)
  // Node.js adds its version to an error that nobody has caught.
  assert.ok(
    stderr.startsWith(`Error: ${cert}, ${key}: the private key is not that of the certificate\n`),
    stderr,
  )
  assert.ok(!stderr.includes('Node.js'), stderr)
})

for (const [program, line] of [
  ['no-such-program', 'waygate: cannot run no-such-program: no such program\n'],
  ['/', 'waygate: cannot run /: it is not an executable file\n'],
] as const) {
  test(`a command that cannot be started, ${program}, gives one clear line`, async () => {
    const node = ['--name', 'x', '--address', '127.0.0.1:1']
    const { code, stderr } = await runProgram({
      args: ['register', ...node, '--etcd', etcd.url, '--', program],
    })
    assert.equal(code, 1)
    assert.equal(stderr, line)
  })
}

test('the sidecar waits for an etcd that is not running yet, and says so', async () => {
  const port = await freePort()
  await using sidecar = await startProgram({
    args: ['register', '--name', 'early', '--id', 'n1', '--address', '127.0.0.1:4321'].concat(
      '--etcd',
      `http://127.0.0.1:${port}`,
    ),
  })
  await until('it says so', () => sidecar.stderr().includes('registration failed'))
  await using late = await startEmbeddedEtcd({ port })
  const lateClient = openEtcdClient(late.url)
  try {
    await until('the key is there', () => lateClient.get('/services/early/n1').string())
  } finally {
    lateClient.close()
  }
  sidecar.child.kill('SIGTERM')
  assert.deepEqual(await sidecar.exited, { code: 0, signal: null })
})
