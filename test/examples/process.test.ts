import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { test } from 'node:test'
import { etcdctl, requireEtcd, startEtcd } from '../support/etcd.ts'

interface RunningService extends AsyncDisposable {
  readonly child: ChildProcessByStdio<null, Readable, null>
  /** Returns the message of the first log line that matches. The log is read in order, each line once. */
  logged(pattern: RegExp): Promise<string>
}

function startService(name: string, env: Record<string, string>): RunningService {
  const program = join(import.meta.dirname, `../../examples/${name}/main.ts`)
  const child = spawn(process.execPath, ['--conditions=waygate-source', program], {
    env: { WAYGATE_JWT_SECRET: 'a secret of at least thirty-two bytes', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    child,
    async logged(pattern) {
      for (;;) {
        const { value, done } = await lines.next()
        assert.ok(!done, `${name} ended before it said ${pattern}`)
        const { msg = '' } = JSON.parse(value)
        if (pattern.test(msg)) return msg
      }
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** Resolves with the value of the first key under a prefix. */
async function registered(
  url: string,
  prefix: string,
): Promise<{ ip: string; port: number; weight: number }> {
  for (;;) {
    const value = await etcdctl(url, 'get', '--prefix', '--print-value-only', '--limit=1', prefix)
    if (value !== '') return JSON.parse(value)
  }
}

for (const name of ['user', 'task']) {
  test(`${name} registers its address, and leaves etcd when it is stopped`, async t => {
    if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
    await using etcd = await startEtcd()
    await using service = startService(name, { WAYGATE_ETCD: etcd.url, WAYGATE_WEIGHT: '3' })
    const listening = await service.logged(/^Server listening at /)
    const node = await registered(etcd.url, `/services/${name}/`)
    assert.equal(listening, `Server listening at http://${node.ip}:${node.port}`)
    assert.equal(node.weight, 3)
    const answer = await fetch(`http://${node.ip}:${node.port}/healthz`)
    assert.deepEqual(await answer.json(), { status: 'ok' })

    const exited = once(service.child, 'exit')
    service.child.kill('SIGTERM')
    assert.deepEqual(await exited, [0, null])
    assert.equal(await etcdctl(etcd.url, 'get', '--prefix', '/services/'), '')
  })
}

test('a service serves while etcd is unreachable, and ends when stopped', async () => {
  await using service = startService('task', { WAYGATE_ETCD: 'http://127.0.0.1:1' })
  const listening = await service.logged(/^Server listening at /)
  const answer = await fetch(`${listening.slice('Server listening at '.length)}/healthz`)
  assert.equal(answer.status, 200)
  const exited = once(service.child, 'exit')
  service.child.kill('SIGINT')
  assert.deepEqual(await exited, [0, null])
})
