import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { startEmbeddedEtcd } from '../../discovery/embedded-etcd/server.ts'
import { onPath } from '../support/etcd.ts'
import { openEtcdClient } from '../support/etcd-client.ts'
import { freePort } from '../support/free-port.ts'
import { childrenOf, isRunning } from '../support/processes.ts'
import { until } from '../support/until.ts'
import { type Program, startGateway, startProgram, TESTED_PROGRAM } from '../support/waygate.ts'

const FREE_PORTS = ['--port', '0', '--admin-port', '0', '--embedded-etcd', '127.0.0.1:0']

const etcd = await startEmbeddedEtcd({ port: 0 })
const client = openEtcdClient(etcd.url)
after(async () => {
  client.close()
  await etcd.close()
})

const keyOf = (service: string) => client.get(`/services/${service}/n1`).string()
// Programs take long to start on a busy machine.
const untilRegistered = (service: string) =>
  until('the key is there', () => keyOf(service), { withinMs: 60_000 })

async function startDemo(
  t: TestContext,
): Promise<{ program: Program; services: readonly number[]; temp: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'waygate-hangup-test-'))
  const temp = join(folder, 'temp')
  await mkdir(temp)
  const program = await startProgram({ args: ['demo', ...FREE_PORTS], env: { TMPDIR: temp } })
  let services: readonly number[] = []
  t.after(async () => {
    await program.stop()
    for (const pid of services) if (isRunning(pid)) process.kill(pid, 'SIGKILL')
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  await until('it is introduced', () => program.stdout().includes('Ctrl-C'), { withinMs: 60_000 })
  services = childrenOf(program.pid)
  assert.equal(services.length, 3)
  return { program, services, temp }
}

/** A server that says its pid, and how it is started as a sidecar's command. */
function command(port: number, onSignal = ''): readonly string[] {
  const script = `require('http').createServer((q, r) => r.end(String(process.pid))).listen(${port}, '127.0.0.1');${onSignal}`
  return [process.execPath, '-e', script]
}

function sidecarOf(service: string, port: number): readonly string[] {
  const node = ['--name', service, '--id', 'n1', '--address', `127.0.0.1:${port}`]
  return ['register', ...node, '--etcd', etcd.url]
}

async function pidAt(port: number): Promise<number> {
  return Number(await (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })).text())
}

for (const signal of ['SIGHUP', 'SIGQUIT'] as const) {
  test(`${signal} ends the demo with its services and its folder`, async t => {
    const { program, services, temp } = await startDemo(t)
    program.child.kill(signal)
    assert.deepEqual(await program.exited, { code: 0, signal: null })
    assert.deepEqual(services.filter(isRunning), [])
    assert.deepEqual(await readdir(temp), [])
    assert.equal(program.stderr(), '')
  })

  test(`${signal} ends a sidecar as SIGTERM does: unregistered first, then its command is asked to end`, async () => {
    const service = `ends-by-${signal.toLowerCase()}`
    const port = await freePort()
    const onSignal = "process.on('SIGTERM', () => process.exit(7))"
    await using sidecar = await startProgram({
      args: [...sidecarOf(service, port), '--', ...command(port, onSignal)],
    })
    await untilRegistered(service)
    const pid = await pidAt(port)
    sidecar.child.kill(signal)
    assert.deepEqual(await sidecar.exited, { code: 7, signal: null })
    assert.equal(await keyOf(service), null)
    assert.equal(isRunning(pid), false)
  })
}

test('SIGHUP ends a sidecar without a command, and several of them count as one', async () => {
  await using sidecar = await startProgram({ args: sidecarOf('alone', 4_321) })
  await untilRegistered('alone')
  for (let i = 0; i < 3; i++) sidecar.child.kill('SIGHUP')
  assert.deepEqual(await sidecar.exited, { code: 0, signal: null })
  assert.equal(await keyOf('alone'), null)
})

test('the log of the demo has a line for each request, after the introduction; killed, its services end by themselves', async t => {
  const { program, services } = await startDemo(t)
  assert.deepEqual(program.log(), [])
  const [, gateway] = /gateway +(http:\S+)/.exec(program.stdout()) ?? []
  assert.equal((await fetch(`${gateway}/task/tasks`)).status, 401)
  assert.equal((await fetch(`${gateway}/nowhere`)).status, 404)
  for (const status of [401, 404])
    await program.logged(line => line.msg === 'request' && line.status === status)
  program.child.kill('SIGKILL')
  await program.exited
  await until('they have ended', () => !services.some(isRunning))
})

test('a sidecar that was started with nohup survives SIGHUP, and so does its command', async t => {
  if (!onPath('bash') || !onPath('nohup')) return t.skip('needs bash and nohup on PATH')
  const port = await freePort()
  const words = [process.execPath, TESTED_PROGRAM, ...sidecarOf('kept', port), '--', ...command(port)]
  const line = words.map(word => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
  // In a process group of its own, which gets the signal as a whole, as from a shell that ends.
  const shell = spawn('bash', ['-c', `exec 2>/dev/null; nohup ${line} & echo $!; wait`], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  })
  t.after(() => shell.kill('SIGKILL'))
  let text = ''
  shell.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  await untilRegistered('kept')
  const sidecar = Number(text.split('\n')[0])
  const pid = await pidAt(port)
  const children = childrenOf(sidecar)
  t.after(() => {
    for (const each of [sidecar, ...children]) if (isRunning(each)) process.kill(each, 'SIGKILL')
  })
  process.kill(-shell.pid!, 'SIGHUP')
  await until('the shell has ended', () => !isRunning(shell.pid!))
  assert.equal(await pidAt(port), pid)
  assert.notEqual(await keyOf('kept'), null)
  process.kill(sidecar, 'SIGTERM')
  await until('it has left', async () => (await keyOf('kept')) === null)
  await until('both have ended', () => !isRunning(sidecar) && !isRunning(pid))
})

/**
 * Runs a command in a terminal of its own, does `meanwhile`, and closes the terminal. Resolves when the command has ended,
 * with the status that `waitpid` gives it.
 */
const IN_TERMINAL = `
import os, pty, select, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
print(pid, flush=True)
while True:
    ready, _, _ = select.select([fd, 0], [], [])
    if 0 in ready:
        break
    os.read(fd, 65536)
os.close(fd)
print(os.waitpid(pid, 0)[1], flush=True)
`

function inTerminal(t: TestContext, words: readonly string[]) {
  const python = execFile('python3', ['-c', IN_TERMINAL, ...words], { timeout: 60_000 })
  let text = ''
  python.stdout!.on('data', chunk => {
    text += chunk
  })
  t.after(() => {
    python.kill('SIGKILL')
    const pid = Number(text.split('\n')[0])
    if (pid > 0 && isRunning(pid)) process.kill(pid, 'SIGKILL')
  })
  return {
    pid: () => until('it runs', () => Number(text.split('\n')[0]) || undefined),
    /** Closes the terminal. Resolves with the status that the command ended with. */
    async close(): Promise<number> {
      python.stdin!.write('x')
      return Number(await until('it has ended', () => text.split('\n')[1] || undefined, { withinMs: 30_000 }))
    },
  }
}

test('a closed terminal ends a sidecar properly, although it can no longer be written to', async t => {
  if (!onPath('python3')) return t.skip('needs python3 on PATH')
  const port = await freePort()
  // The terminal sends the signal to the command as well.
  const words = [...sidecarOf('hung-up', port), '--', ...command(port, "process.on('SIGHUP', () => {})")]
  const terminal = inTerminal(t, [process.execPath, TESTED_PROGRAM, ...words])
  await untilRegistered('hung-up')
  const pid = await pidAt(port)
  assert.equal((await terminal.close()) >> 8, 143, 'the exit code of the command')
  assert.equal(await keyOf('hung-up'), null)
  assert.equal(isRunning(pid), false)
})

for (const workers of ['1', '2']) {
  test(`a closed terminal ends a gateway with ${workers} worker(s), while kill -HUP does not`, async t => {
    if (!onPath('python3')) return t.skip('needs python3 on PATH')
    const [port, adminPort] = [await freePort(), await freePort()]
    const folder = await mkdtemp(join(tmpdir(), 'waygate-hangup-test-'))
    t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
    const places = ['--host', '127.0.0.1', '--port', String(port), '--admin-port', String(adminPort)]
    const args = [...places, '--data-dir', folder, '--embedded-etcd', '127.0.0.1:0', '--workers', workers]
    const terminal = inTerminal(t, [process.execPath, TESTED_PROGRAM, 'start', ...args])
    const isReady = async () => (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).ok
    await until('it is ready', isReady, { withinMs: 60_000 })
    process.kill(await terminal.pid(), 'SIGHUP')
    await until('it is ready still, or again', isReady)
    assert.equal(await terminal.close(), 0)
    await assert.rejects(fetch(`http://127.0.0.1:${adminPort}/readyz`))
  })
}

test('without a terminal, SIGHUP only reloads a gateway', async () => {
  await using gateway = await startGateway()
  gateway.child.kill('SIGHUP')
  await gateway.logged(line => line.msg === 'new configuration is active')
  gateway.child.kill('SIGQUIT')
  assert.deepEqual(await gateway.exited, { code: 0, signal: null })
})

test('without a terminal, SIGHUP does not end a gateway that is still being loaded', async () => {
  // Sends it once the first lines of the program have run.
  const hangUp = `const { on } = process; process.on = function (name, ...rest) {
    if (name === 'SIGUSR2') { process.on = on; queueMicrotask(() => process.kill(process.pid, 'SIGHUP')) }
    return on.call(this, name, ...rest)
  }`
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hangUp)}` }
  await using gateway = await startGateway({ env })
  gateway.child.kill('SIGQUIT')
  assert.deepEqual(await gateway.exited, { code: 0, signal: null })
})

test('a reader that leaves, such as head, ends neither the demo nor a sidecar before it is told to end', async t => {
  const { program } = await startDemo(t)
  program.child.stdout!.destroy()
  program.child.stderr!.destroy()
  const [, gateway] = /gateway +(http:\S+)/.exec(program.stdout()) ?? []
  for (let i = 0; i < 5; i++) assert.equal((await fetch(`${gateway}/task/tasks`)).status, 401)
  await using sidecar = await startProgram({ args: [...sidecarOf('unread', 4_321), '--log-level', 'debug'] })
  await untilRegistered('unread')
  sidecar.child.stdout!.destroy()
  sidecar.child.stderr!.destroy()
  await client.delete().key('/services/unread/n1')
  await until('the key is back', () => keyOf('unread'))
  for (const each of [program, sidecar]) {
    each.child.kill('SIGTERM')
    assert.deepEqual(await each.exited, { code: 0, signal: null })
  }
})
