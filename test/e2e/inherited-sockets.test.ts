import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type SocketHolder, startWithSockets } from '../support/inherited-sockets.ts'
import { restartWithSockets } from '../support/socket-restarts.ts'
import { until } from '../support/until.ts'

for (const workers of [1, 2]) {
  test(`a restart of a gateway with inherited sockets fails no request, with ${workers} process(es) behind them`, async t => {
    const report = await restartWithSockets({ workers, perSecond: 200, restarts: 1, between: 300 })
    t.diagnostic(report)
  })
}

test('the admin listener takes its socket as well', async () => {
  await using holder = await startWithSockets({ names: ['admin', 'public'] })
  const { admin } = holder.ports
  await until('the gateway is ready', async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok)
})

const refused: readonly [string, Parameters<typeof startWithSockets>[0], RegExp][] = [
  [
    'with a name that no listener has',
    { names: ['waygate.socket'] },
    /^waygate: the service manager passes a socket named "waygate.socket": FileDescriptorName= of its unit must be public, tls or admin$/m,
  ],
  [
    'with the name of another one',
    { names: ['public', 'public'] },
    /^waygate: the service manager passes two sockets named "public": a listener has one/m,
  ],
  [
    'for TLS without a certificate',
    { names: ['tls'] },
    /^waygate: the service manager passes a socket named "tls", but no certificate is configured/m,
  ],
  [
    'whose number is none',
    { names: ['public'], env: { LISTEN_FDS: 'one' } },
    /^waygate: LISTEN_FDS must be the number of sockets that are passed, not "one"$/m,
  ],
  [
    'for the admin listener without a token, open to other machines,',
    { names: ['admin'], host: '0.0.0.0' },
    /^waygate: the socket named "admin" is not on loopback, so an admin token is required/m,
  ],
]
for (const [what, options, message] of refused) {
  test(`a socket ${what} is an error`, async () => {
    await using holder = await startWithSockets({ ...options, fails: true })
    await untilItEnds(holder)
    assert.match(holder.program.stderr(), message)
  })
}

test('a reload cannot take the last token from an admin socket that is open to other machines', async () => {
  const config = { adminToken: 'a-token-of-the-admin-listener' }
  await using holder = await startWithSockets({ names: ['admin'], host: '0.0.0.0', config })
  await writeFile(join(holder.cwd, 'waygate.yaml'), '{}')
  process.kill(holder.pid(), 'SIGHUP')
  const { reason } = await holder.program.logged('new configuration rejected; keeping the current one')
  assert.match(String(reason), /the socket named "admin" is not on loopback/)
  const answer = await fetch(`http://127.0.0.1:${holder.ports.admin}/api/v1/status`)
  assert.equal(answer.status, 401)
})

for (const name of ['public', 'admin']) {
  test(`a socket for ${name} that is not of TCP is an error`, async t => {
    const folder = await mkdtemp(join(tmpdir(), 'waygate-socket-'))
    t.after(() => rm(folder, { recursive: true }))
    await using holder = await startWithSockets({ names: [name], host: join(folder, 'socket'), fails: true })
    await untilItEnds(holder)
    const message = `waygate: the socket named "${name}" must be one of TCP that listens: ListenStream=ADDRESS:PORT`
    assert.ok(holder.program.stderr().includes(message), holder.program.stderr())
    assert.doesNotMatch(holder.program.stderr(), /TypeError/)
  })
}

test('sockets for another process are not taken', async () => {
  await using holder = await startWithSockets({ names: ['unused'], env: { LISTEN_FDS: '0' } })
  assert.match(holder.program.stdout(), /waygate is listening/)
})

test('when all workers die, the gateway ends, and the next one takes the sockets', async () => {
  await using holder = await startWithSockets({ names: ['public'], args: ['--workers', '2'] })
  const before = holder.pid()
  const { workers } = await workersOf(holder)
  for (const pid of workers) process.kill(pid, 'SIGKILL')
  await holder.program.logged(line => line.msg === 'waygate is listening' && line.pid !== before)
  assert.match(holder.program.stdout(), /ended with 1/)
  const answer = await fetch(`http://127.0.0.1:${holder.ports.public}/none/`)
  assert.equal(answer.status, 404)
})

function untilItEnds({ program }: SocketHolder): Promise<unknown> {
  return until('the gateway ends', () => program.stdout().includes('ended with 1'), { withinMs: 60_000 })
}

async function workersOf(holder: Awaited<ReturnType<typeof startWithSockets>>) {
  const { admin } = await holder.program.logged('waygate is listening')
  const page = (await (await fetch(`${admin}/routes`)).json()) as { workers: readonly { pid: number }[] }
  return { workers: page.workers.map(({ pid }) => pid) }
}
