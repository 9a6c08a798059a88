import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { childrenOf, isRunning } from '../support/processes.ts'
import { sendSignals } from '../support/sent-signals.ts'
import { until } from '../support/until.ts'

test('SIGUSR1 and SIGUSR2 do nothing to a gateway and its workers; SIGALRM ends it as SIGTERM does', async t => {
  if (process.platform !== 'linux') return t.skip('needs /proc')
  await sendSignals({ workers: 2, ending: 'SIGALRM' })
})

test('SIGTERM to npm start ends the gateway, although dash does not pass it on', async t => {
  const npm = spawn(
    'npm',
    [
      'start',
      '--silent',
      '--',
      '--port',
      '0',
      '--admin-port',
      '0',
      '--embedded-etcd',
      '127.0.0.1:0',
      '--embedded-etcd-memory',
    ],
    {
      cwd: join(import.meta.dirname, '../..'),
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  let pids: readonly number[] = []
  t.after(() => {
    for (const pid of [npm.pid!, ...pids]) if (isRunning(pid)) process.kill(pid, 'SIGKILL')
  })
  let text = ''
  npm.stdout.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  await until('it listens', () => text.includes('waygate is listening'), { withinMs: 60_000 })
  pids = childrenOf(npm.pid!)
  assert.equal(pids.length, 1)
  npm.kill('SIGTERM')
  await until('the gateway has ended', () => !pids.some(isRunning))
  await until('it has said so', () => text.includes('"msg":"stopped"'))
})
