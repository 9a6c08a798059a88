import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { RegisterCommand } from '../../../cmd/cli/command.ts'
import { findLeftBehind } from '../../../cmd/commands/left-behind.ts'
import { DEAD_SIDECAR, startMarked } from '../../support/marked-process.ts'
import { until } from '../../support/until.ts'

const options = { skip: process.platform !== 'linux' && 'needs /proc' }
const commandOf = (name: string, ...args: string[]) => {
  const command = { name, host: '127.0.0.1', port: 1, child: { file: 'sleep', args } }
  return command as RegisterCommand & typeof command
}

test(
  'a command is left behind when its sidecar has ended, even if another process has the pid of the sidecar',
  options,
  async () => {
    const command = commandOf('gone')
    {
      await using running = await startMarked(command)
      assert.equal(findLeftBehind(command), undefined, `the sidecar of ${running.pid} runs`)
    }
    {
      await using orphan = await startMarked(command, DEAD_SIDECAR)
      assert.equal(findLeftBehind(command), orphan.pid)
    }
    await using orphan = await startMarked(command, { startedAt: '1' })
    assert.equal(findLeftBehind(command), orphan.pid, 'its sidecar had the pid of this process')
  },
)

test('only a command of the same node and command line is taken', options, async () => {
  const command = commandOf('same', '600')
  await using orphan = await startMarked(command, DEAD_SIDECAR)
  for (const other of [
    commandOf('other', '600'),
    commandOf('same', '601'),
    { ...command, port: 2 },
    { ...command, host: '127.0.0.2' },
  ])
    assert.equal(findLeftBehind(other), undefined, JSON.stringify(other))
  assert.equal(findLeftBehind(command), orphan.pid)
})

test('of a command and the processes that it has started, the command is taken', options, async () => {
  const command = commandOf('tree')
  const run = ['sh', '-c', 'sleep 600 & wait'] as const
  await using orphan = await startMarked(command, DEAD_SIDECAR, { run: [...run] })
  const children = `/proc/${orphan.pid}/task/${orphan.pid}/children`
  await until('it has started one', () => readFileSync(children, 'utf8') !== '')
  assert.equal(findLeftBehind(command), orphan.pid)
})

test("another user's process is not taken", { skip: process.getuid?.() !== 0 && 'needs root' }, async () => {
  const command = commandOf('foreign')
  await using _ = await startMarked(command, DEAD_SIDECAR, { uid: 65_534 })
  assert.equal(findLeftBehind(command), undefined)
})
