import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openServiceManager } from '../../../cmd/cli/service-manager.ts'
import { until } from '../../support/until.ts'
import { startGateway } from '../../support/waygate.ts'

// Node.js has no sockets of this kind, so Python is the service manager. A barrier is a message with a descriptor, which is
// closed when the messages before it were handled.
const MANAGER = `
import array, os, socket, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1])
print('bound', flush=True)
while True:
    text, descriptors, _, _ = socket.recv_fds(manager, 4096, 4)
    for descriptor in descriptors:
        os.close(descriptor)
    if not descriptors:
        print(text.decode().replace('\\n', ' '), flush=True)
`

const missing =
  spawnSync('systemd-notify', ['--version']).status !== 0
    ? 'systemd-notify is not on PATH'
    : spawnSync('python3', ['-c', 'import socket; socket.recv_fds']).status !== 0 &&
      'Python 3.9 or newer is not on PATH'
const skip = missing || undefined

/** Starts a service manager. @returns its address, and the messages that it has got so far */
async function startManager(t: TestContext): Promise<{ address: string; messages(): readonly string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'waygate-notify-'))
  const address = join(folder, 'socket')
  const child = spawn('python3', ['-c', MANAGER, address], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', piece => {
    text += piece
  })
  await until('the service manager listens', () => text.startsWith('bound'))
  return { address, messages: () => text.split('\n').slice(1, -1) }
}

test('a service manager is told the states in their order', { skip }, async t => {
  const { address, messages } = await startManager(t)
  const warnings: unknown[] = []
  const manager = openServiceManager(
    { NOTIFY_SOCKET: address },
    { warn: (line: unknown) => void warnings.push(line) },
  )
  manager.ready('serving on http://127.0.0.1:80')
  manager.reloading()
  manager.ready()
  manager.stopping()
  // A reload that was under way when the end began.
  manager.ready()
  await until('all were told', () => messages().length === 4)
  const [ready, reloading, again, stopping] = messages()
  assert.equal(ready, 'READY=1 STATUS=serving on http://127.0.0.1:80')
  assert.match(reloading!, /^RELOADING=1 MONOTONIC_USEC=\d+$/)
  assert.deepEqual([again, stopping], ['READY=1', 'STOPPING=1'])
  assert.deepEqual(warnings, [])
  // Two messages of another process take longer than one that follows at once.
  const other = openServiceManager({ NOTIFY_SOCKET: address }, { warn() {} })
  other.reloading()
  other.ready('other')
  await until('the other was heard', () => messages().at(-1)?.endsWith('other'))
  assert.equal(messages().length, 6, 'nothing follows the end')
})

test('a service manager that cannot be told is one warning', { skip }, async () => {
  const warnings: { reason: string }[] = []
  const manager = openServiceManager(
    { NOTIFY_SOCKET: '/nowhere/at/all' },
    { warn: (line: unknown) => void warnings.push(line as { reason: string }) },
  )
  manager.ready()
  manager.stopping()
  await until('it has failed', () => warnings.length === 1)
})

for (const workers of [1, 2]) {
  test(`a gateway of ${workers} process(es) tells when it serves and when it ends`, { skip }, async t => {
    const { address, messages } = await startManager(t)
    await using gateway = await startGateway({
      env: { NOTIFY_SOCKET: address },
      args: ['--workers', String(workers)],
    })
    await until('it is ready', () => messages().length === 1)
    assert.equal(messages()[0], `READY=1 STATUS=serving on ${gateway.url}`)
    gateway.child.kill('SIGTERM')
    await gateway.exited
    await until('its end is told', () => messages().length === 2)
    assert.equal(messages()[1], 'STOPPING=1')
  })
}

for (const workers of [1, 2]) {
  test(`a reload of ${workers} process(es) is told from its begin to its end`, { skip }, async t => {
    const { address, messages } = await startManager(t)
    await using gateway = await startGateway({
      env: { NOTIFY_SOCKET: address },
      args: ['--workers', String(workers)],
      config: {},
    })
    gateway.child.kill('SIGHUP')
    await until('it is ready again', () => messages().length === 3, { withinMs: 60_000 })
    assert.match(messages().join('; '), /^READY=1 STATUS=.*; RELOADING=1 MONOTONIC_USEC=\d+; READY=1$/)
    // A configuration that is refused leaves the gateway as it was: serving.
    writeFileSync(join(gateway.cwd, 'waygate.yaml'), 'drainMs: -1')
    gateway.child.kill('SIGHUP')
    await until('it is ready again', () => messages().length === 5, { withinMs: 60_000 })
    assert.match(messages().slice(3).join('; '), /^RELOADING=1 MONOTONIC_USEC=\d+; READY=1$/)
  })
}
